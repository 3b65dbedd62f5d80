"""The card as one HTML page, which needs nothing but itself: no script, no font, no request."""

from evergreen.cards.card import Card
from evergreen.judging.report import environment


def page(card: Card) -> str:
    """Return the page; the same card gives the same bytes."""
    return environment().get_template("card.html.jinja").render(card=card)

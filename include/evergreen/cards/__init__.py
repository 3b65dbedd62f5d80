"""The model card of a version: what it is for, what it learned, how well it does, its limits.

    card = card_of("churn", 3, records=records, settings=settings)
    page(card)           # HTML that needs nothing but itself
    card.to_json()
    publish(card, settings)   # both, beside the run in MLflow, as of this moment
    keep("churn", promoted, records=records, settings=settings)   # the same, of a new champion

After Mitchell et al., Model Cards for Model Reporting (FAT* 2019), from what is on record anyway:
nobody fills in a form. Light to import.
"""

import json

from evergreen.cards.card import Card, card_of
from evergreen.cards.page import page
from evergreen.records import Records
from evergreen.refs import PromotionRef
from evergreen.settings import Settings

__all__ = ["Card", "card_of", "keep", "page", "publish"]


def keep(
    use_case: str, done: PromotionRef, *, records: Records, settings: Settings
) -> PromotionRef:
    """Publish the card of whoever became champion, by whatever way; return what was done."""
    if done.promoted and done.champion:
        publish(
            card_of(use_case, done.champion.version, records=records, settings=settings), settings
        )
    return done


def publish(card: Card, settings: Settings) -> None:
    """Keep a card beside the run that made the model, below `card/`."""
    from evergreen.learning import tracking  # MLflow takes seconds to load

    texts = {"card.html": page(card), "card.json": json.dumps(card.to_json(), indent=1)}
    tracking.log_report(settings, card.lineage["MLflow run"], texts, "card")

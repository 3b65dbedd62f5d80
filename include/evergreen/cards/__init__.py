"""The model card of a version: what it is for, what it learned, how well it does, its limits.

    card = card_of("churn", 3, records=records, settings=settings)
    page(card)           # HTML that needs nothing but itself
    card.to_json()
    publish(card, settings)   # both, beside the run in MLflow, as of this moment

After Mitchell et al., Model Cards for Model Reporting (FAT* 2019), from what is on record anyway:
nobody fills in a form. Light to import.
"""

import json

from evergreen.cards.card import Card, card_of
from evergreen.cards.page import page
from evergreen.settings import Settings

__all__ = ["Card", "card_of", "page", "publish"]


def publish(card: Card, settings: Settings) -> None:
    """Keep a card beside the run that made the model, below `card/`."""
    from evergreen.learning import tracking  # MLflow takes seconds to load

    texts = {"card.html": page(card), "card.json": json.dumps(card.to_json(), indent=1)}
    tracking.log_report(settings, card.lineage["MLflow run"], texts, "card")

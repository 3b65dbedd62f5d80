"""The ledger as it was called before `evergreen.records`; going away.

Usage::

    ledger = Ledger(settings.database_url)
    ledger.champion("weather")       # the newest promotion, or None
"""

from evergreen.records import (
    Decision,
    Incident,
    Promotion,
    Records,
    decision_id,
    reversal_id,
)
from evergreen.records.promotions import DONE, PENDING

__all__ = [
    "DONE", "PENDING", "Decision", "Incident", "Ledger", "Promotion", "decision_id", "reversal_id",
]  # fmt: skip


class Ledger:
    """Decisions, promotions and incidents of one database, a connection for each statement."""

    def __init__(self, database_url: str) -> None:
        self.records = Records(database_url, kept=0)
        of = self.records
        self.migrate = of.migrate
        self.record, self.decision, self.decisions = (
            of.decisions.record, of.decisions.get, of.decisions.newest
        )  # fmt: skip
        self.champion, self.promotions = of.promotions.champion, of.promotions.of
        self.promotion_of, self.use_cases = of.promotions.by, of.promotions.use_cases
        self.append, self.finish = of.promotions.append, of.promotions.finish
        self.open_incident, self.incidents = of.incidents.open, of.incidents.newest
        self.note_delivery, self.resolve = of.incidents.note_delivery, of.incidents.resolve
        self.note_resolution = of.incidents.note_resolution
        self.lock = of.locks.hold

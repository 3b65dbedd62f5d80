"""The form that goes back to an earlier champion, opened for one use case.

Airflow's own form cannot be opened filled in. This one asks Airflow's API for a run of
`operations_rollback` with the rights of whoever has logged in; nothing is done here.
"""

from dataclasses import dataclass

from evergreen.records import Promotion
from evergreen.records.protocols import PromotionLog
from evergreen_airflow.pages import AIRFLOW

API = f"{AIRFLOW}/api/v2/dags/{{prefix}}operations_rollback/dagRuns"


@dataclass(frozen=True)
class Form:
    """What there is to choose from."""

    use_case: str
    champion: Promotion | None
    earlier: tuple[Promotion, ...]
    """The versions that were champion before this one, each as of its last time, newest first."""
    posts_to: str


def form(promotions: PromotionLog, use_case: str, prefix: str) -> Form:
    """Return the form of a use case.

    Raises:
        DatabaseAway: the ledger does not answer.
    """
    past, address = promotions.of(use_case), API.format(prefix=prefix)
    if not past:
        return Form(use_case, None, (), address)
    last_time: dict[int, Promotion] = {}
    for promotion in past:
        last_time.setdefault(promotion.version, promotion)
    champion = last_time.pop(past[0].version)
    return Form(use_case, champion, tuple(last_time.values()), address)

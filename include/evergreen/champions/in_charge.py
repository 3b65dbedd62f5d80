"""Which recipe is in charge: that of the champion's fit, as its own decision has it."""

from datetime import datetime

from evergreen.records import Decision, Promotion
from evergreen.records.protocols import Ledger
from evergreen.refs import InCharge, RecipeRef, Verdict


def find(ledger: Ledger, use_case: str, known_at: datetime | None = None) -> InCharge | None:
    """Return the champion and its recipe; None: there is no champion.

    With `known_at` it is the champion of then: the newest whose decision was as of no later moment,
    so that a backfill is judged as its day would have been. A rollback counts from when it was.
    """
    rows = ledger.promotions.of(use_case)
    for row in rows:
        decision = decision_of(ledger, rows, row)
        since = _since(row, decision)
        if known_at is None or (since is not None and since <= known_at):
            return InCharge(champion=row.ref, recipe=_recipe(row, decision))
    return None


def _since(row: Promotion, decision: Decision | None) -> datetime | None:
    """Return from which moment a row counts; None: unknown.

    The decision behind a rollback is the one that let the version serve first, long before.
    """
    if row.is_first_of_its_version:
        return decision.as_of if decision else None
    return row.created_at


def decision_of(ledger: Ledger, rows: tuple[Promotion, ...], row: Promotion) -> Decision | None:
    """Return the decision that let the version of a row serve first; after a rollback, that one."""
    first = [one for one in rows if one.version == row.version and one.is_first_of_its_version]
    return ledger.decisions.get(first[-1].decision_id) if first else None


def _recipe(row: Promotion, decision: Decision | None) -> RecipeRef:
    """Return the recipe on record; of a champion from before there were recipes, what is known."""
    if decision is not None and "evaluation" in decision.evidence:
        challenger = Verdict.from_json(decision.evidence).evaluation.challenger
        return challenger.recipe or RecipeRef(name=challenger.name, digest="")
    return RecipeRef(name=f"version {row.version}", digest="")

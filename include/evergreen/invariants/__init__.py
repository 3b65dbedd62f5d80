"""What must hold at any moment, and after every fault: `evergreen check` checks it all.

Usage::

    for finding in check(settings, catalog):
        print(finding.number, finding.name, finding.status, finding.detail)
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from evergreen.catalog import Catalog
from evergreen.invariants import models as inspect_models
from evergreen.invariants import predictions as inspect_predictions
from evergreen.invariants import secrets as inspect_secrets
from evergreen.invariants import state as inspect_state
from evergreen.invariants import triggers as inspect_triggers
from evergreen.invariants.inspection import Rule, Scene
from evergreen.records import Records
from evergreen.refs import Status
from evergreen.secrecy import redact
from evergreen.settings import Settings

NOT_BUILT = "not built yet"
NOT_CHECKED = "could not be checked"
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How it stands with one invariant."""

    number: int
    name: str
    status: str
    """passed, failed, unknown (it could not be checked) or `not built yet`."""
    detail: str
    """What was checked; or where it is broken, or why that is unknown."""

    @property
    def holds(self) -> bool:
        """Tell whether nothing speaks against it: neither a fault, nor an error while checking."""
        return self.status != Status.FAILED and not self.detail.startswith(NOT_CHECKED)


RULES: tuple[tuple[int, str, Rule | None], ...] = (
    (1, "the champion passed its gate", inspect_models.champion_passed_its_gate),
    (2, "it was judged on rows that it was not trained on",
     inspect_models.evaluation_was_on_unseen_rows),
    (3, "every prediction leads to version, snapshot and commit",
     inspect_predictions.predictions_lead_back),
    (4, "the bytes are those that were gated",
     inspect_predictions.bytes_are_those_that_were_gated),
    (5, "the chain of champions has no gap", inspect_models.chain_has_no_gap),
    (6, "snapshots match their manifests", inspect_state.snapshots_match_their_manifests),
    (7, "nothing was done twice", inspect_state.nothing_was_done_twice),
    (8, "at most one retraining per drift window and champion",
     inspect_triggers.retrained_once_for_each_window),
    (9, "nothing was left over", inspect_state.nothing_was_left_over),
    (10, "the champion and the one before still work", inspect_models.champions_still_work),
    (11, "accepted requests = logged predictions + counted drops",
     inspect_predictions.accepted_are_logged_or_counted),
    (12, "every failed run was told", inspect_state.failures_were_told),
    (13, "no secret is told", inspect_secrets.no_secret_is_told),
    (14, "nothing passes empty", inspect_state.nothing_passes_empty),
    (15, "what a champion knows is new, or somebody was told",
     inspect_models.knowledge_is_new_or_its_age_was_told),
    (16, "no run stands still", inspect_state.runs_are_scheduled),
)  # fmt: skip
"""Number (as in the design), name and rule of each; None: what it is about is not built yet."""


def check(
    records: Records, settings: Settings, catalog: Catalog, *, now: datetime | None = None
) -> list[Finding]:
    """Check every invariant.

    Args:
        records: what is on record.
        settings: where everything else is.
        catalog: the use cases.
        now: to tell how long a training has been running; None: the clock.
    """
    scene = Scene(records, settings, catalog, now or datetime.now(UTC))
    return [_finding(number, name, rule, scene) for number, name, rule in RULES]


def _finding(number: int, name: str, rule: Rule | None, scene: Scene) -> Finding:
    if rule is None:
        return Finding(number=number, name=name, status=NOT_BUILT, detail="")
    status, detail = _judge(rule, scene)
    return Finding(number=number, name=name, status=status, detail=redact(detail, scene.settings))


def _judge(rule: Rule, scene: Scene) -> tuple[str, str]:
    try:
        found = rule(scene)
    except Exception as error:  # one that cannot be checked must not hide the others
        return Status.UNKNOWN, f"{NOT_CHECKED}: {type(error).__name__}: {error}"
    if found.failed:
        return Status.FAILED, _told(found.failed)
    if found.unknown:
        return Status.UNKNOWN, _told(found.unknown)
    return Status.PASSED, found.checked


def _told(sentences: list[str]) -> str:
    more = f"; and {len(sentences) - SHOWN} more" if len(sentences) > SHOWN else ""
    return "; ".join(sentences[:SHOWN]) + more

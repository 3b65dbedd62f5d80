"""What of a use case needs a person, and what of that first.

| state | when it is so |
| --- | --- |
| broken | its file does not load, or is gone while its champion answers |
| failed | its last run failed, and no training has decided anything since |
| alert | something lasts that people were told of: drift, poor quality, no service … |
| approval | a challenger waits for a person's word |
| old | its champion's knowledge is older than it may be |
| none | it has no champion |
| critical | its newest window is critical, or a live or estimated metric poor |
| pinned | trainings move nothing until a person lets them |
| draft | nothing goes live until a person confirms it |

This is the order of the table, too. What is retired needs nobody.
"""

from collections.abc import Callable
from datetime import datetime

from evergreen.champions import knowledge
from evergreen.fleet.row import Need, Row
from evergreen.judging.figures import shorts
from evergreen.refs import Outcome
from evergreen.spec import bound

Said = tuple[str, datetime | None] | None
"""Why, and since when; None: it is not so."""
TOLD_BY_OTHERS = {"file", "approval", "reminder", "knowledge"}
"""Kinds of alerts that are a state of their own here."""


def of(row: Row) -> tuple[Need, ...]:
    """Return what of a use case needs a person, the most urgent first."""
    if row.retirement:
        return ()
    said = ((state, rule(row)) for state, (_, rule) in RULES.items())
    return tuple(Need(state, *found) for state, found in said if found)


def urgency(row: Row) -> tuple[int, float, str]:
    """Return what the table is sorted by: the most urgent need, what lasts longest, the name."""
    since = row.needs[0].since if row.needs else None
    return list(STATES).index(row.state), since.timestamp() if since else float("inf"), row.name


def _broken(row: Row) -> Said:
    return (row.problem.splitlines()[-1], None) if row.problem else None


def _failed(row: Row) -> Said:
    if (failure := row.failure) is None:
        return None
    return f"{failure.step} failed: {failure.message}", failure.created_at


def _alert(row: Row) -> Said:
    lasting = [alert for alert in row.alerts if alert.kind not in TOLD_BY_OTHERS]
    return (lasting[-1].message, lasting[-1].created_at) if lasting else None


def _approval(row: Row) -> Said:
    return (row.approval.told, row.approval.asked_at) if row.approval else None


def _old(row: Row) -> Said:
    if row.use_case is None or row.champion is None:
        return None
    why = knowledge.too_old(row.use_case, row.champion, row.now)
    return (why, row.champion.knowledge_until) if why else None


def _none(row: Row) -> Said:
    if row.use_case is None or row.champion or row.approval or row.use_case.draft:
        return None
    if row.last is None:
        return "nothing has been decided yet", None
    return row.last.sentence, row.last.created_at


def _critical(row: Row) -> Said:
    seen, metric = row.window, row.metric
    if seen is None:
        return None
    if seen.outcome == Outcome.CRITICAL:
        return seen.sentence, seen.end
    if seen.poor:
        return f"{'; '.join(seen.poor)}.", seen.end
    if metric and metric.poor:
        value, limit = shorts(metric.value, metric.limit)
        told = f"the gate's {bound(metric.more_is_better)} is {limit}"
        return f"without labels, {metric.name} is estimated at {value}; {told}.", seen.end
    return None


def _pinned(row: Row) -> Said:
    return (row.pin.sentence, row.pin.created_at) if row.pin else None


def _draft(row: Row) -> Said:
    if row.use_case is None or not row.use_case.draft:
        return None
    return f"`evergreen activate {row.name}` confirms it", None


RULES: dict[str, tuple[str, Callable[[Row], Said]]] = {
    "broken": ("does not load", _broken),
    "failed": ("failed", _failed),
    "alert": ("alert", _alert),
    "approval": ("waits for a word", _approval),
    "old": ("knowledge too old", _old),
    "none": ("no champion yet", _none),
    "critical": ("critical or poor", _critical),
    "pinned": ("pinned", _pinned),
    "draft": ("draft", _draft),
}
"""What a person calls it, and when it is so."""
NOBODY = {"champion": "has a champion", "retired": "retired"}
"""States that need nobody."""
STATES = {state: words for state, (words, _) in RULES.items()} | NOBODY
SOMEBODY = "needs"
"""What is asked for as a state, and means any of `RULES`."""

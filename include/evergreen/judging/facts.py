"""How the rules of the gate read the evidence: a fact that is missing stops them as unknown."""

import math
from collections.abc import Callable

from evergreen.judging.evidence import Evidence
from evergreen.judging.figures import figure
from evergreen.spec import Gate

BOTH_BEYOND = "as is champion"
"""How a reason begins to say that champion and challenger are beyond a limit both."""
Outcome = tuple[bool, str]
Rule = Callable[[Gate, Evidence], Outcome]


class Unknown(Exception):
    """A rule lacks a fact; the message says which, and why."""


def finite(value: float | None, what: str, why: str = "") -> float:
    """Return the fact.

    Raises:
        Unknown: it is missing, or no number.
    """
    if value is None or not math.isfinite(value):
        raise Unknown(f"{what} is unknown{why}")
    return value


def limit(gate: Gate, name: str) -> float:
    """Return a threshold of the gate."""
    return finite(getattr(gate, name), f"gate.{name}")


def challenger(evidence: Evidence) -> str:
    """Return the challenger as sentences call it."""
    return f"the challenger {evidence.challenger.name}"


def because(evidence: Evidence) -> str:
    """Return why the challenger could not be scored, in brackets; empty: it was."""
    problem = evidence.challenger.problem
    return f" (could not be scored: {problem})" if problem else ""


def as_champion(
    gate: Gate,
    evidence: Evidence,
    ours: float,
    theirs: float | None,
    allowed: float,
    *,
    more_is_better: bool,
) -> str:
    """Say why a challenger beyond a limit takes over all the same; empty: it does not.

    The champion is beyond it too, and no less far, and the challenger is surely better than it on
    the metric that decides: to keep the champion would help nobody.
    """
    found, sign = evidence.against_champion, 1 if more_is_better else -1
    if found is None or theirs is None or not math.isfinite(theirs):
        return ""
    sure = found.low > max(gate.min_improvement, 0.0)
    if not sure or not sign * allowed > sign * theirs or not sign * ours >= sign * theirs:
        return ""
    version = evidence.champion_version
    return f", {BOTH_BEYOND} v{version} ({figure(theirs)}), but surely better than it"

"""How the rules of the gate read the evidence: a fact that is missing stops them as unknown."""

import math
from collections.abc import Callable

from evergreen.judging.evidence import Evidence
from evergreen.spec import Gate

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

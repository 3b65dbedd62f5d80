"""Figures as people read them in sentences: few digits, but enough to tell two apart."""

import math
from collections.abc import Iterable

from evergreen.judging.evidence import Difference


def figure(value: float | None, digits: int = 3) -> str:
    """Return `0.741`, `1,234.6`, `1.2e-05`; `unknown` for what is no number."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if 0 < abs(value) < 10**-digits:
        return f"{value:.1e}"
    large = abs(value) >= 1000 and digits == 3
    return f"{value:,.{1 if large else digits}f}"


def figures(one: float, other: float) -> tuple[str, str]:
    """Return both with as many digits as it takes to tell them apart."""
    digits = next((d for d in range(3, 12) if figure(one, d) != figure(other, d)), 3)
    return figure(one, digits), figure(other, digits)


def signed(value: float | None) -> str:
    """Return `+0.004` or `-0.010`."""
    words = figure(value)
    return words if words == "unknown" or words.startswith("-") else f"+{words}"


def interval(difference: Difference) -> str:
    """Return `95 % interval -0.010 to +0.018`."""
    low, high = signed(difference.low), signed(difference.high)
    return f"{difference.confidence * 100:g} % interval {low} to {high}"


def listed(names: Iterable[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else str(last)


def label(check: str) -> str:
    """Return the name of a check as people read it: `better than champion`, `floor: roc_auc`."""
    kind, _, metric = check.partition("_")
    if kind == "fairness":
        return f"fairness: {metric.replace('_', ' ')}"
    return f"floor: {metric}" if kind == "floor" else check.replace("_", " ")

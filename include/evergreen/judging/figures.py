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
    return f"{value + 0.0:,.{1 if large else digits}f}"


def figures(one: float, other: float, least: int = 3) -> tuple[str, str]:
    """Return both with as many digits, the least or more, as it takes to tell them apart."""
    if one == other:
        return figure(one, least), figure(other, least)
    for digits in range(least, 12):
        found = figure(one, digits), figure(other, digits)
        if found[0] != found[1]:
            return found
    return repr(one), repr(other)


def shorts(one: float, other: float | None) -> tuple[str, str]:
    """Return both in three digits, as tables have room for, or more where those do not differ."""
    if other is None:
        return f"{one:.3g}", ""
    short = f"{one:.3g}", f"{other:.3g}"
    return figures(one, other) if short[0] == short[1] and one != other else short


def signed(value: float | None, beside: float = 0.0) -> str:
    """Return `+0.004` or `-0.010`, told apart from what it is beside."""
    words = (
        figure(value) if value is None or not math.isfinite(value) else figures(value, beside)[0]
    )
    return words if words == "unknown" or words.startswith("-") else f"+{words}"


def plain(value: float) -> str:
    """Return a threshold as it was declared: `0`, `0.15`, `-0.02`."""
    return f"{value + 0.0:.12g}"


def interval(difference: Difference, bar: float = 0.0) -> str:
    """Return `95 % interval -0.010 to +0.018`, its ends told apart from the bar."""
    low, high = signed(difference.low, bar), signed(difference.high, bar)
    over = f" over {difference.stretch}" if difference.stretch else ""
    sure = figures(100 * difference.confidence, 100.0, 1)[0].removesuffix(".0")
    return f"{sure} % interval {low} to {high}{over}"


def behind(difference: Difference) -> str:
    """Return what an interval rests on: units, rows that would tell as much, rows for a point."""
    words = f"{difference.units:,} × {difference.unit}"
    if difference.over > 1:
        words += f", held for {difference.over} models at once"
    if difference.stretch:
        words += f"; {difference.stretch}"
    if difference.effective_rows is not None:
        words += f"; as much as {difference.effective_rows:,.0f} independent rows tell"
    if difference.rows_for_a_point is not None:
        words += f"; a point more would show with {difference.rows_for_a_point:,} rows"
    return words


def listed(names: Iterable[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else str(last)


def label(check: str) -> str:
    """Return the name of a check as people read it: `better than champion`, `floor: roc_auc`."""
    kind, _, metric = check.partition("_")
    if kind in {"fairness", "own"}:
        return f"{kind}: {metric.replace('_', ' ')}"
    return f"floor: {metric}" if kind == "floor" else check.replace("_", " ")

"""The cells of a line, for a person to read: the same in a terminal and on a page."""

from datetime import timedelta

from evergreen.fleet.needs import SOMEBODY
from evergreen.fleet.row import Metric, Row
from evergreen.fleet.table import Fleet
from evergreen.judging.figures import shorts

UNKNOWN = "–"
COLUMNS = (
    "use case", "state", "owner", "champion", "knows", "metric", "drift", "decided", "at", "due",
)  # fmt: skip


def cells(row: Row) -> dict[str, str]:
    """Return what stands in each of the columns."""
    told = (champion, knowledge, metric, drift, decided, decided_at, due)
    words = (row.name, row.state, row.owner, *(tell(row) for tell in told))
    return dict(zip(COLUMNS, words, strict=True))


def champion(row: Row) -> str:
    """Say which version is champion."""
    return f"v{row.champion.version}" if row.champion else UNKNOWN


def knowledge(row: Row) -> str:
    """Say how old what the champion has learned from is."""
    return age(row.knowledge) if row.knowledge is not None else UNKNOWN


def metric(row: Row) -> str:
    """Say what the metric is in service, and estimated as `≈`, with its band and its limit."""
    if (found := row.metric) is None:
        return UNKNOWN
    return " ".join(filter(None, (f"{found.name} {value(found)}", band(found), limit(found))))


def value(found: Metric) -> str:
    """Write the figure; what is estimated begins with `≈`."""
    far = " (extrapolated)" if found.extrapolated else ""
    return f"{'≈ ' if found.estimated else ''}{shorts(found.value, found.limit)[0]}{far}"


def band(found: Metric) -> str:
    """Write where it was to be expected; empty: nothing tells."""
    if found.low is None or found.high is None:
        return ""
    return f"({found.low:.3g} to {found.high:.3g})"


def limit(found: Metric) -> str:
    """Write what the gate asks for; empty: nothing."""
    sign = "≥" if found.more_is_better else "≤"
    return "" if found.limit is None else f"{sign} {shorts(found.value, found.limit)[1]}"


def drift(row: Row) -> str:
    """Say how the newest window came out, and what share of the columns drifted in it."""
    if row.window is None:
        return "not watched"
    share = row.window.drift_share
    return row.window.outcome + ("" if share is None else f" {share:.0%}")


def decided(row: Row) -> str:
    """Say how the last decision came out."""
    return row.last.outcome if row.last else UNKNOWN


def decided_at(row: Row) -> str:
    """Say when that was."""
    at = row.last.created_at if row.last else None
    return f"{at:%Y-%m-%d %H:%M}" if at else UNKNOWN


def due(row: Row) -> str:
    """Say when its schedule trains it next."""
    if row.due is None:
        if row.use_case is None or row.retirement:
            return UNKNOWN
        return str(row.use_case.training_schedule or "by hand")
    return f"{row.due:%Y-%m-%d %H:%M}"


def counted(found: Fleet, rows: tuple[Row, ...], limit: int) -> str:
    """Say how many there are, how many of them are told, and how many need a person."""
    there, needy = len(found.rows), found.states[SOMEBODY]
    if not there:
        return "No use case is declared: `evergreen new NAME` writes the first."
    told = f"{len(rows)} of {there}" if len(rows) < there else f"{there}"
    more = f", of which {limit} are shown" if len(rows) > limit else ""
    cases, need = ("use cases", "use case")[there == 1], ("need", "needs")[needy == 1]
    return f"{told} {cases}{more}; {needy} in all {need} a person."


def age(since: timedelta) -> str:
    """Say how long ago, in the largest unit that fits.

    >>> age(timedelta(days=2, hours=5))
    '2 days'
    """
    seconds = max(int(since.total_seconds()), 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count := seconds // length:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"

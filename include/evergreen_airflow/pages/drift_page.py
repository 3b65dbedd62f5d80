"""What the Drift page shows, read from the windows that were watched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile

from evergreen.catalog import recall
from evergreen.records import Records
from evergreen.refs import WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase, bound
from evergreen.spec.lengths import percent
from evergreen_airflow.pages import AIRFLOW
from evergreen_airflow.pages.choice import Choice, choose

SHOWN = 200
"""How many windows the list and the time line of a use case hold."""
WIDTH, HEIGHT, LEFT = 1000.0, 84.0, 4.0


@dataclass(frozen=True)
class Point:
    """A window on a time line."""

    x: float
    y: float
    outcome: str
    label: str


@dataclass(frozen=True)
class Line:
    """A figure over the windows, oldest first, with the limit that it is held against."""

    title: str
    points: tuple[Point, ...]
    paths: tuple[str, ...]
    """Points of each unbroken stretch, as an SVG polyline wants them."""
    limit: float | None
    """Height of the limit's line."""
    limit_text: str
    top: str
    bottom: str


@dataclass(frozen=True)
class Timeline:
    """The lines of a use case: drift share, live metric and its estimate if they were known."""

    lines: tuple[Line, ...]
    first: datetime
    last: datetime
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Group:
    """The windows of a use case, newest first."""

    use_case: UseCase
    dag_id: str
    """Of its monitoring."""
    windows: tuple[WindowRef, ...]
    timeline: Timeline | None

    @property
    def metric(self) -> str:
        """What the newest window was judged by; older ones may have been judged by another."""
        return self.windows[0].metric if self.windows else self.use_case.gate.metric

    @property
    def dag(self) -> str:
        """Address of the monitoring DAG."""
        return f"{AIRFLOW}/dags/{self.dag_id}"


def page(asked: str, records: Records, settings: Settings) -> tuple[Choice, list[Group]]:
    """Return which use cases there are, and the windows of those that are shown.

    Drafts are not among them: nobody watches them.

    Raises:
        DatabaseAway: the database does not answer.
    """
    declared = recall(settings.use_cases_dir).use_cases
    choice = choose((name for name, each in declared.items() if not each.draft), asked)
    prefix = settings.dag_prefix
    return choice, [group(declared[name], records, prefix) for name in choice.shown]


def group(use_case: UseCase, records: Records, prefix: str, limit: int = SHOWN) -> Group:
    """Return the windows of one use case."""
    found = records.windows.newest(use_case.name, limit)
    return Group(use_case, f"{prefix}{use_case.name}_monitoring", found, timeline(use_case, found))


def timeline(use_case: UseCase, found: Sequence[WindowRef]) -> Timeline | None:
    """Draw windows, given newest first, from the first measured one on; None: there is none."""
    seen = list(dropwhile(_unmeasured, reversed(found)))
    if not seen:
        return None
    critical = use_case.monitoring.critical_share
    lines = [
        _line(
            "Share of drifted columns",
            seen,
            [window.drift_share for window in seen],
            (0.0, 1.0),
            critical,
            f"critical above {percent(critical)}",
            "{:.0%}",
        )
    ]
    # Judged by another metric before, a figure has nothing to do beside those of today's.
    metric = found[0].metric
    alike = [window if window.metric == metric else None for window in seen]
    floor = next((w.floor for w in found if w.floor is not None and w.metric == metric), None)
    figures = {
        "Live": [window.live if window else None for window in alike],
        "Estimated": [w.estimate.value if w and w.estimate else None for w in alike],
    }
    known = [value for values in figures.values() for value in values if value is not None]
    for word, values in figures.items():
        if any(value is not None for value in values):
            scale = _scale([*known, floor])
            title, limit = f"{word} {metric}", _limit(use_case, metric, floor)
            lines.append(_line(title, seen, values, scale, floor, limit, "{:.3g}"))
    return Timeline(tuple(lines), seen[0].end, seen[-1].end)


def _limit(use_case: UseCase, metric: str, floor: float | None) -> str:
    if floor is None:
        return ""
    more = use_case.scale.directions.get(metric)
    return f"gate's {'limit' if more is None else bound(more)} {floor:.3g}"


def _unmeasured(window: WindowRef) -> bool:
    return window.drift_share is None and window.live is None


def _scale(values: Sequence[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    room = (high - low) * 0.15 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _line(
    title: str,
    seen: Sequence[WindowRef],
    values: Sequence[float | None],
    scale: tuple[float, float],
    limit: float | None,
    limit_text: str,
    form: str,
) -> Line:
    low, high = scale

    def y(value: float) -> float:
        return round(HEIGHT - (value - low) / (high - low) * HEIGHT, 1)

    first, last = seen[0].end.timestamp(), seen[-1].end.timestamp()
    span = (last - first) or 1.0
    stretches: list[list[Point]] = [[]]
    for window, value in zip(seen, values, strict=True):
        x = round(LEFT + (window.end.timestamp() - first) / span * (WIDTH - 2 * LEFT), 1)
        if value is None:
            stretches.append([])
            continue
        said = f"{window.end:%Y-%m-%d %H:%M} UTC, {window.outcome}: {form.format(value)}"
        stretches[-1].append(Point(x, y(value), window.outcome, said))
    return Line(
        title=title,
        points=tuple(point for stretch in stretches for point in stretch),
        paths=tuple(" ".join(f"{p.x},{p.y}" for p in stretch) for stretch in stretches if stretch),
        limit=None if limit is None else y(limit),
        limit_text=limit_text,
        top=form.format(high),
        bottom=form.format(low),
    )

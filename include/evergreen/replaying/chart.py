"""The metric of each policy over time: as an SVG picture, and as a line of text."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from evergreen.replaying.policies import DECLARED, NEVER
from evergreen.replaying.replay import Replay

WIDTH, HEIGHT, LEFT, TOP, LEGEND = 1000, 300, 60, 12, 20
BARS = "▁▂▃▄▅▆▇█"
COLOURS = ("#2f7d4f", "#b3402e", "#5b6ee1", "#c98a1b", "#7d5ba6", "#3b8ea5", "#8a6d3b", "#a63d6b")
Values = Sequence[float | None]


def sparkline(values: Values, low: float, high: float, width: int = 24) -> str:
    """Return values as bars of text, means of neighbours where there are more than `width`."""
    return "".join(_bar(value, low, high) for value in _thinned(values, width))


def bounds(done: Replay) -> tuple[float, float]:
    """Return the least and the largest figure of any block of any policy."""
    known = [value for one in done.policies for value in one.over_time if value is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)


def svg(done: Replay) -> str:
    """Return the picture; it names its lines, and needs no script and no style sheet."""
    low, high = bounds(done)
    room = (high - low) * 0.05 or 1.0
    scale = (low - room, high + room)
    order = sorted(done.policies, key=lambda one: one.name == DECLARED)  # drawn last: on top
    names = [one.name for one in done.policies]
    lines = [
        _line(one.over_time, scale, COLOURS[names.index(one.name) % len(COLOURS)], one.name)
        for one in order
    ]
    rows = -(-len(names) // 4)
    height = TOP + HEIGHT + 30 + LEGEND * rows
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' font-family="system-ui, sans-serif" font-size="13" fill="#777">',
            f"<title>{escape(done.metric)} of {escape(done.use_case)} by policy</title>",
            f'<path d="M{LEFT} {TOP}V{TOP + HEIGHT}H{WIDTH}" fill="none" stroke="#999"/>',
            f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">{scale[1]:.3g}</text>',
            f'<text x="{LEFT - 6}" y="{TOP + HEIGHT}" text-anchor="end">{scale[0]:.3g}</text>',
            f'<text x="{LEFT}" y="{TOP + HEIGHT + 18}">{done.starts[0]:%Y-%m-%d}</text>',
            f'<text x="{WIDTH}" y="{TOP + HEIGHT + 18}" text-anchor="end">'
            f"{done.end:%Y-%m-%d}</text>",
            *lines,
            *(_legend(n, name) for n, name in enumerate(names)),
            "</svg>\n",
        ]
    )


def _line(values: Values, scale: tuple[float, float], colour: str, name: str) -> str:
    low, high = scale
    pace = (WIDTH - LEFT) / max(len(values) - 1, 1)
    stretches: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            stretches.append([])
            continue
        y = TOP + HEIGHT - (value - low) / (high - low) * HEIGHT
        stretches[-1].append(f"{LEFT + n * pace:.1f},{y:.1f}")
    width, dash = (2.5 if name == DECLARED else 1.2), ' stroke-dasharray="5 3"' * (name == NEVER)
    return "".join(
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}"'
        f' stroke-width="{width}"{dash}><title>{escape(name)}</title></polyline>'
        for points in stretches
        if points
    )


def _legend(number: int, name: str) -> str:
    x = LEFT + number % 4 * (WIDTH - LEFT) / 4
    y = TOP + HEIGHT + 40 + LEGEND * (number // 4)
    colour = COLOURS[number % len(COLOURS)]
    return (
        f'<rect x="{x:.0f}" y="{y - 9}" width="14" height="4" fill="{colour}"/>'
        f'<text x="{x + 20:.0f}" y="{y - 2}">{escape(name)}</text>'
    )


def _thinned(values: Values, width: int) -> list[float | None]:
    number = min(width, len(values))
    cuts = [len(values) * n // number for n in range(number + 1)] if number else [0]
    return [_mean(values[a:b]) for a, b in pairwise(cuts)]


def _mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = (value - low) / (high - low) if high > low else 0.5
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

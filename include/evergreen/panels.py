"""Whether a table is a panel (rows of entities over time), and how far back features may look.

panel = find(moment, "sales", ("city", "day"), "day", columns, rows)
panel.entity, panel.lookback, panel.unit             # ("city",), 7, "days"; None: it is none
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evergreen.data.warehouse import Reading, identifier, quoted

FEWEST = 5
"""Rows of an entity, on average: with fewer there is nothing to look back at."""
STEPS = 7
"""The features that are proposed look back at so many rows of their entity, if none is missing."""
RECENTLY = "_recently"
"""What the name of a mean over them ends with."""


@dataclass(frozen=True)
class Panel:
    """What is proposed of a panel."""

    entity: tuple[str, ...]
    lookback: int
    unit: str
    """`days`, `hours` or `seconds`."""


def find(
    moment: Reading, table: str, key: Sequence[str], time: str | None, numbers: Sequence[str]
) -> Panel | None:
    """Return the panel that a table is: its key is some columns and the time.

    None: it is none, it has no number to look back at, or a name is taken.
    """
    entity = tuple(name for name in key if name != time)
    taken = {f"{name}{RECENTLY}" for name in numbers} & set(numbers)
    if time is None or time not in key or not entity or not numbers or taken:
        return None
    listed, t = ", ".join(map(quoted, entity)), quoted(time)
    [(entities, rows, seconds)] = moment.query(
        "SELECT count(*), sum(rows)::bigint, percentile_cont(0.5) WITHIN GROUP"
        " (ORDER BY seconds / (rows - 1))::float8 FROM"
        f" (SELECT count(*) AS rows, extract(epoch FROM max({t})::timestamp - min({t})::timestamp)"
        f" AS seconds FROM {identifier(table)} GROUP BY {listed} HAVING count(*) > 1) AS each"
    )
    if not entities or rows < FEWEST * entities or not seconds:
        return None
    return Panel(entity, *_length(STEPS * seconds))


def _length(seconds: float) -> tuple[int, str]:
    """Return a length in the largest unit that it is some of."""
    for unit, length in (("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * length:
            return round(seconds / length), unit
    return max(1, round(seconds)), "seconds"

"""What only the staged values tell: whether the day comes first, and the types of a new table."""

from collections.abc import Mapping, Sequence

from evergreen.data.warehouse import quoted
from evergreen.errors import DataRefused
from evergreen.ingest.exactness import AMBIGUOUS, TIME, Cell
from evergreen.ingest.reading import READINGS
from evergreen.ingest.stage import ROW, STAGE, Stage

SAMPLE = 1000
"""Rows that rule most types out, before all are asked."""
NEARLY = 0.5
"""A column of text with more numbers than that share is told."""
NUMBERS = "|".join(each.shape for each in READINGS if each.thousands in {"", ".", ","})
"""Shape of what is a number in some way; with spaces in it it may be a telephone's."""


def settle_dates(stage: Stage, types: Mapping[str, str]) -> list[str]:
    """Let PostgreSQL read 01/02/2026 as declared, or as the other dates of the file make sure.

    Args:
        stage: the rows.
        types: the columns' types; empty for a new table.

    Raises:
        DataRefused: it could be either.
    """
    day_first, notes = stage.delivery.dialect.day_first, []
    if day_first is None and (found := _dates(stage, types)):
        day_first = _order(stage, *found)
        notes = [f"dates by {'day' if day_first else 'month'} first"]
    stage.cursor.execute(f"SET LOCAL DateStyle = 'ISO, {'DMY' if day_first else 'MDY'}'")
    return notes


def _dates(stage: Stage, types: Mapping[str, str]) -> tuple[str, int, int] | None:
    """Return an example of a date that starts with day or month, and the greatest of each place."""
    if types:
        times = [n for n in stage.delivery.columns if Cell(column="", type=types[n]).is_time]
        seen = [found for name in times for found in _places(stage, quoted(name), whole=False)]
    else:
        seen = [found for n in _perhaps(stage) for found in _places(stage, quoted(n), whole=True)]
    if not seen:
        return None
    return str(seen[0][0]), max(s[1] for s in seen), max(s[2] for s in seen)


def _perhaps(stage: Stage) -> list[str]:
    """Return the columns whose first values are all dates of any kind, or missing."""
    names = [name for name, kinds in stage.delivery.columns.items() if "date" in kinds[:-1]]
    dates = [f"bool_and(coalesce({c}, '') = '' OR {c} ~ '{TIME}')" for c in map(quoted, names)]
    answers = stage.totals(dates, f"WHERE {ROW} <= {SAMPLE}")
    return [name for name, maybe in zip(names, answers, strict=True) if maybe]


def _places(stage: Stage, column: str, *, whole: bool) -> list[tuple[str, int, int]]:
    """Return them for one column; of a new table it counts if all its values are dates."""
    parts = f"string_to_array(translate({column}, '. ', '/'), '/')"
    ambiguous = f"FILTER (WHERE {column} ~ '{AMBIGUOUS}')"
    example, first, second, others = stage.totals(
        [
            f"min({column}) {ambiguous}",
            f"max(({parts})[1]::int) {ambiguous}",
            f"max(({parts})[2]::int) {ambiguous}",
            f"count(*) FILTER (WHERE {column} <> '' AND {column} !~ '{TIME}')",
        ]
    )
    return [] if example is None or (whole and others) else [(example, first, second)]


def _order(stage: Stage, example: str, first: int, second: int) -> bool:
    if first <= 12 and second <= 12:
        raise DataRefused([
            f"{stage.delivery.item}: {example!r} may begin with the day or with the month; say"
            " day_first=True or False (--day-first or --month-first)"
        ])  # fmt: skip
    return first > 12


def types(stage: Stage) -> dict[str, str]:
    """Return the type that each column of a new table gets: the first that holds all its values.

    A column without any value gets the last possible one.
    """
    possible = dict(stage.delivery.columns)
    every = [(name, kind) for name, kinds in possible.items() for kind in kinds[:-1]]
    possible = _without(possible, _misfits(stage, every, f"WHERE {ROW} <= {SAMPLE}"))
    while misfits := _misfits(stage, [(n, kinds[0]) for n, kinds in possible.items() if kinds[1:]]):
        possible = _without(possible, misfits)
    return {name: kinds[0] for name, kinds in possible.items()}


def proven(stage: Stage, types: Mapping[str, str]) -> list[str]:
    """Return the columns whose type was found by asking all of their values."""
    return [name for name, kinds in stage.delivery.columns.items() if types[name] != kinds[-1]]


def _misfits(
    stage: Stage, asked: Sequence[tuple[str, str]], sample: str = ""
) -> set[tuple[str, str]]:
    """Return the columns and types of which the type does not hold some value of the column.

    Of all rows, not of a sample, a column without any value is held by none.
    """
    some = "true" if sample else "bool_or({} <> '')"
    fits = [
        f"bool_and({stage.cell(name, kind).looks}) AND {some.format(quoted(name))}"
        for name, kind in asked
    ]
    answers = stage.totals(fits, sample)
    return {pair for pair, fit in zip(asked, answers, strict=True) if not fit}


def _without(
    possible: Mapping[str, tuple[str, ...]], misfits: set[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(kind for kind in kinds if (name, kind) not in misfits)
        for name, kinds in possible.items()
    }


def nearly_numbers(stage: Stage, texts: Sequence[str]) -> list[str]:
    """Tell which new columns of text hold numbers but for a few values."""
    numbers = [f"count(*) FILTER (WHERE {quoted(name)} ~ '{NUMBERS}')" for name in texts]
    values = [f"count(nullif({quoted(name)}, ''))" for name in texts]
    found = zip(texts, stage.totals(numbers), stage.totals(values), strict=True)
    near = [(name, *of) for name, *of in found if of[1] and NEARLY < of[0] / of[1] < 1]
    return [
        f"{name} is text, but {some:,} of {every:,} values are numbers; the others, as {other!r},"
        " can be read as null (null=… or --null)"
        for name, some, every in near
        if not (other := _other(stage, name)).strip()[:1].isdigit()  # 007 is a code
    ]


def _other(stage: Stage, name: str) -> str:
    column = quoted(name)
    [(value,)] = stage.ask(
        f"SELECT {column} FROM {STAGE} WHERE {column} <> '' AND {column} !~ '{NUMBERS}'"
        f" ORDER BY {ROW} LIMIT 1"
    )
    return str(value)

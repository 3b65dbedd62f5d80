"""GX's `UnexpectedRowsExpectation` on a snapshot: its SQL is answered by SQLite, in memory.

    SELECT * FROM {batch} WHERE temp_max < temp_min        -- how many rows; none is expected

GX knows it for databases only. Dates and moments are ISO 8601 text there, booleans 0 and 1.
"""

import re
import sqlite3
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd

from evergreen.data.selection import enclosed
from evergreen.quality.gx import MetricProvider, PandasExecutionEngine, metric_value

QUERY = "unexpected_rows_query"
TABLE = "batch"
WHOLE = re.compile(r"\b(DISTINCT|UNION|EXCEPT|INTERSECT|NATURAL)\b", re.IGNORECASE)
"""Where one of these stands, `*` means every column; else how many rows there are hangs on those
that are named."""
PIECES = re.compile(
    r"""'[^']*'|--[^\n]*|/\*.*?(?:\*/|\Z)|`[^`]*`|\[[^]]*]|"((?:[^"]|"")*)\"""", re.DOTALL
)
"""Texts, comments and names in quotes; the group is a name as PostgreSQL quotes one."""


class UnexpectedRowCount(MetricProvider):
    """How many rows the query finds."""

    metric_name = f"{QUERY}.row_count"
    domain_keys = ("batch_id", "row_condition", "condition_parser")
    value_keys = (QUERY,)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 (GX calls it with the class)
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> int:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, "table")
        return count(metric_value_kwargs[QUERY], frame)


class UnexpectedRows(MetricProvider):
    """Some of these rows: none, as they may hold personal values, and the count tells."""

    metric_name = f"{QUERY}.table"
    domain_keys = ("batch_id", "row_condition", "condition_parser")
    value_keys = (QUERY,)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, **_: Any) -> list[Any]:  # noqa: N805
        return []


def count(query: str, frame: pd.DataFrame) -> int:
    """Return how many rows a query over `{batch}` finds.

    Raises:
        sqlite3.Error: it is no SELECT, or names what is not there.
    """
    sql = PIECES.sub(_named, query.replace(f"{{{TABLE}}}", TABLE))
    with closing(sqlite3.connect(":memory:")) as connection:
        whole = "*" in sql and WHOLE.search(sql)
        _fill(connection, frame[[name for name in frame if whole or _escaped(name) in sql]])
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {enclosed(sql)}")
    return int(rows)


def _named(piece: "re.Match[str]") -> str:
    """Quote a name so that it is one: what stands in "" and is no column, SQLite takes for text."""
    name = piece[1]
    return piece[0] if name is None else "`" + _escaped(name.replace('""', '"')) + "`"


def _escaped(name: object) -> str:
    return str(name).replace("`", "``")


def _fill(connection: sqlite3.Connection, frame: pd.DataFrame) -> None:
    if frame.columns.empty:
        frame = frame.assign(nothing=None)
    names = ", ".join('"{}"'.format(str(name).replace('"', '""')) for name in frame)
    connection.execute(f"CREATE TABLE {TABLE} ({names})")
    places = ", ".join("?" * len(frame.columns))
    rows = zip(*(_plain(frame[name]) for name in frame), strict=True)
    connection.executemany(f"INSERT INTO {TABLE} VALUES ({places})", rows)


def _plain(values: "pd.Series[Any]") -> list[Any]:
    """Return values that SQLite holds; what is missing is None."""
    if values.dtype.kind == "M":
        places, moments = pd.factorize(values)
        texts = (
            pd.DatetimeIndex(moments).strftime("%Y-%m-%d %H:%M:%S.%f").str.removesuffix(".000000")
        )
        told: list[Any] = np.array([*texts, None], dtype=object)[places].tolist()  # -1: missing
        return told
    held = values.astype(object).where(values.notna(), None).tolist()
    simple = (int, float, str, type(None))
    return [value if isinstance(value, simple) else str(value) for value in held]

"""How the repositories talk to PostgreSQL: one or a few statements in a transaction."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from evergreen.records.pool import Pool

T = TypeVar("T")
Row = dict[str, Any]
Values = Sequence[Any] | Mapping[str, Any]
Guard = Callable[[Any], None]
"""Raises, on the cursor of a transaction that is to write, when its writer may not any more."""


class Session:
    """The transactions of the repositories; `guard` looks at those that write."""

    def __init__(self, pool: Pool, prepare: Callable[[], None], guard: Guard | None = None) -> None:
        self.pool, self._prepare, self._guard = pool, prepare, guard

    def guarded(self, guard: Guard) -> "Session":
        """Return the same, with a guard."""
        return Session(self.pool, self._prepare, guard)

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        """Return the rows of one statement that changes nothing."""
        with self.transaction() as cursor:
            cursor.execute(sql, values)
            return list(map(dict, cursor.fetchall()))

    def write(self, sql: str, values: Values = ()) -> list[Row]:
        """Return the rows of one statement that changes something, if it returns any."""
        with self.writing() as cursor:
            cursor.execute(sql, values)
            return list(map(dict, cursor.fetchall())) if cursor.description else []

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        """Yield a cursor in a transaction that the guard has let pass."""
        with self.transaction() as cursor:
            if self._guard:
                self._guard(cursor)
            yield cursor

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """Yield a cursor in a transaction; the schema is there and up to date."""
        self._prepare()
        with self.pool.transaction() as cursor:
            yield cursor


def known(kind: type[T], row: Row) -> T:
    """Make a row of ours: columns that newer code has added to its table are left out."""
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: value for name, value in row.items() if name in names})


def insert(table: str, row: Row, conflict: str = "") -> str:
    """Write the statement that inserts a row into a table of ours and returns it."""
    columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    return f"INSERT INTO evergreen.{table} ({columns}) VALUES ({places}) {conflict} RETURNING *"


def newest_of_each(table: str, order: str, *, columns: str = "*", where: str = "true") -> str:
    """Write the statement that reads the newest row of each use case.

    An index that begins with `use_case` is looked into once or twice for each of them, however many
    rows it has; `where` leaves rows out, and is best the condition of that index.
    """
    return f"""
WITH RECURSIVE names AS (
    (SELECT use_case FROM evergreen.{table} WHERE {where} ORDER BY use_case LIMIT 1)
    UNION ALL
    SELECT (SELECT t.use_case FROM evergreen.{table} t WHERE t.use_case > names.use_case AND {where}
        ORDER BY t.use_case LIMIT 1)
    FROM names WHERE names.use_case IS NOT NULL
)
SELECT newest.* FROM names CROSS JOIN LATERAL (
    SELECT {columns} FROM evergreen.{table} t WHERE t.use_case = names.use_case AND {where}
    ORDER BY {order} LIMIT 1
) AS newest
"""


def document(value: Any) -> str:
    """Return JSON that PostgreSQL can hold."""
    return json.dumps(storable(value), allow_nan=False)


def storable(value: Any) -> Any:
    """Make a value fit for PostgreSQL: its text holds no NUL, its JSON no NaN."""
    if isinstance(value, str):
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value

"""Predictions, labels and drops in PostgreSQL.

Usage::

    migrate(settings.database_url)
    with connect(settings.database_url) as connection:
        insert(connection, [b'{"id": …}', b'{"id": …}'])     # again: nothing changes
    give_label(settings.database_url, "iris", prediction_id, "setosa")
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import Enum
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from evergreen.champions.ledger import Ledger

TIMEOUTS: dict[str, Any] = {
    "connect_timeout": 3,
    "options": "-c TimeZone=UTC -c statement_timeout=10000",
}


class Told(Enum):
    """What became of a label."""

    STORED = "stored"
    SAME = "the same label was given before"
    CONFLICT = "another label was given before"
    UNKNOWN = "there is no such prediction"


@contextmanager
def connect(url: str) -> Iterator[connection]:
    """Open a connection that gives up after seconds: commits when the block succeeds."""
    with closing(psycopg2.connect(url, **TIMEOUTS)) as opened, opened:
        yield opened


def migrate(url: str) -> None:
    """Make the tables, those of the service too; harmless when others make them meanwhile."""
    Ledger(url).migrate()


def insert(opened: connection, lines: Sequence[bytes]) -> int:
    """Store predictions, given as lines of JSON; return how many were not there yet.

    Raises:
        psycopg2.DataError: PostgreSQL cannot hold one of them.
        psycopg2.OperationalError: the database is away.
    """
    return _insert(opened, "predictions", lines)


def insert_drops(opened: connection, lines: Sequence[bytes]) -> int:
    """Store how many predictions could not be kept, and why; as `insert`."""
    return _insert(opened, "serving_drops", lines)


def _insert(opened: connection, table: str, lines: Sequence[bytes]) -> int:
    document = b"[" + b",".join(lines) + b"]"
    with opened, opened.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO evergreen.{table} SELECT *"
            f" FROM jsonb_populate_recordset(NULL::evergreen.{table}, %s::jsonb)"
            " ON CONFLICT DO NOTHING",
            (document.decode(),),
        )
        return int(cursor.rowcount)


def give_label(url: str, use_case: str, prediction_id: str, label: Any) -> Told:
    """Store what turned out to be true of a prediction. The first label stays."""
    document = json.dumps(label, allow_nan=False)
    with connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evergreen.labels (prediction_id, use_case, label)"
            " SELECT id, use_case, %s::jsonb FROM evergreen.predictions"
            " WHERE id = %s::uuid AND use_case = %s AND variant <> 'shadow'"
            " ON CONFLICT DO NOTHING",
            (document, prediction_id, use_case),
        )
        if cursor.rowcount:
            return Told.STORED
        cursor.execute(
            "SELECT label = %s::jsonb FROM evergreen.labels"
            " WHERE prediction_id = %s::uuid AND use_case = %s",
            (document, prediction_id, use_case),
        )
        found = cursor.fetchone()
    if found is None:
        return Told.UNKNOWN
    return Told.SAME if found[0] else Told.CONFLICT

"""Ask the database of a test."""

from typing import Any

from evergreen.data.warehouse import connect
from evergreen.records import Records
from evergreen.settings import Settings


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def records_of(settings: Settings) -> Records:
    """Return the records of a test, which keep no connection and need not be closed."""
    return Records(settings.database_url, kept=0)

"""Ask the database of a test."""

from functools import lru_cache
from typing import Any

from evergreen.data.warehouse import connect
from evergreen.records import Records
from evergreen.settings import Settings


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def records_of(settings: Settings) -> Records:
    """Return the records of a test, which need not be closed."""
    return _records(settings.database_url)


@lru_cache(maxsize=4)
def _records(url: str) -> Records:
    """Keep one connection: who opens another for each question spends half a test on that."""
    return Records(url, kept=1)

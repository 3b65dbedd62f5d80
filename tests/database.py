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
    """Return the records of a test, which need not be closed.

    Their one connection stays until somebody asks for those of another database: to open one for
    each question is half of what a test costs PostgreSQL.
    """
    url = settings.database_url
    if url not in _asked:
        while _asked:
            _asked.popitem()[1].close()
        _asked[url] = Records(url, kept=1)
    return _asked[url]


_asked: dict[str, Records] = {}

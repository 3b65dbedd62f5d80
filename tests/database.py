"""Ask the database of a test."""

from typing import Any

from evergreen.data.warehouse import connect


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []

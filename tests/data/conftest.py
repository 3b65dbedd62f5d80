"""Users' tables, made by statements."""

from collections.abc import Callable

import pytest

from evergreen.data.warehouse import connect


@pytest.fixture
def sql(database_url: str) -> Callable[..., None]:
    """Executes statements in the warehouse."""

    def execute(*statements: str) -> None:
        with connect(database_url) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return execute

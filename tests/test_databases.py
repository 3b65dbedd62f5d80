"""The databases that tests are lent: nobody finds what another has left."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from databases import Databases
from evergreen_workshop.stack.postgres import EmbeddedPostgres

ACTS = (
    "CREATE TABLE left_behind (n int)",
    "CREATE SCHEMA evergreen",
    "CREATE TYPE mood AS ENUM ('calm')",
    "INSERT INTO kept VALUES (2)",
    "UPDATE kept SET n = 2",
    "SELECT nextval('numbers')",
    "ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'",
    "DROP TABLE kept",
)


def do(url: str, *acts: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for act in acts:
            cursor.execute(act)
        connection.commit()


@pytest.fixture(scope="module")
def lent(postgres: EmbeddedPostgres) -> Databases:
    postgres.create_database("lent_template")
    url = postgres.url("lent_template")
    do(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)", "CREATE SEQUENCE numbers")
    return Databases(postgres, "lent", "lent_template")


@pytest.mark.parametrize("act", ACTS)
def test_what_a_test_has_changed_is_given_to_nobody(act: str, lent: Databases) -> None:
    with lent.lend() as changed:
        do(changed, act.format(name=changed.rpartition("/")[2]))

    with lent.lend() as other:
        assert other != changed


def looked_at(url: str) -> None:
    do(url, "SELECT count(*) FROM kept", "CREATE TEMPORARY TABLE mine (n int)")


@pytest.mark.parametrize("act", [looked_at, lambda url: None])
def test_what_a_test_has_left_as_it_was_is_given_to_the_next(
    act: Callable[[str], None], lent: Databases
) -> None:
    with lent.lend() as first:
        act(first)

    with lent.lend() as second:
        assert second == first

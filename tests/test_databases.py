"""The databases that tests are lent: nobody finds what another has left."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from databases import Databases
from evergreen_workshop.stack.postgres import EmbeddedPostgres

ADDED = (
    "CREATE TABLE left_behind (n int)",
    "CREATE TABLE days (n int) PARTITION BY RANGE (n)",
    "CREATE VIEW seen AS SELECT n FROM kept",
    "INSERT INTO kept VALUES (2)",
    "INSERT INTO filled VALUES (1); INSERT INTO leads VALUES (1)",
    "SELECT nextval('numbers')",
)
CHANGED = (
    "CREATE SCHEMA evergreen",
    "CREATE TYPE mood AS ENUM ('calm')",
    "UPDATE kept SET n = 2",
    "DELETE FROM kept",
    "ALTER TABLE filled ADD m int",
    "ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'",
    "DROP TABLE kept",
)


def do(url: str, *acts: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for act in acts:
            cursor.execute(act)
        connection.commit()


def ask(url: str, sql: str) -> int:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        [(number,)] = cursor.fetchall()
    return int(number)


def count(url: str, table: str) -> int:
    return ask(url, f"SELECT count(*) FROM {table}")


@pytest.fixture(scope="module")
def lent(postgres: EmbeddedPostgres) -> Databases:
    postgres.create_database("lent_template")
    url = postgres.url("lent_template")
    do(
        url,
        "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1); CREATE SEQUENCE numbers",
        "CREATE TABLE filled (n int PRIMARY KEY); CREATE TABLE leads (n int REFERENCES filled)",
    )
    return Databases(postgres, "lent", "lent_template")


@pytest.mark.parametrize("act", ADDED)
def test_what_a_test_has_added_is_taken_away(act: str, lent: Databases) -> None:
    with lent.lend() as first:
        do(first, act)
        idle = psycopg2.connect(first)

    with lent.lend() as second:
        found = [count(second, table) for table in ("kept", "filled", "leads")]
        do(second, "CREATE TABLE left_behind (n int); CREATE TABLE days (n int)")
        number = ask(second, "SELECT nextval('numbers')")

    assert second == first
    assert (found, number) == ([1, 0, 0], 1)
    with pytest.raises(psycopg2.OperationalError):
        idle.cursor().execute("SELECT 1")


@pytest.mark.parametrize("act", CHANGED)
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

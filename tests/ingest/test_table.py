"""What the table takes, and how PostgreSQL's refusals are told."""

import re

import pytest

from evergreen.errors import DataRefused
from evergreen.ingest import table
from ingest.conftest import Desk


def test_the_count_that_is_told_is_what_the_table_holds(desk: Desk) -> None:
    desk.land("id,x\n1,2\n2,3\n")

    landing = desk.land("id,x\n2,4\n3,5\n")

    assert landing.rows == 2
    assert desk.rows() == [(1, 2), (2, 4), (3, 5)]


def test_text_that_looks_like_a_number_stays_text_in_a_column_of_text(desk: Desk) -> None:
    desk.land("id,n,code\n1,10,A01\n2,20,B02\n")

    with pytest.raises(DataRefused, match=r"row 1: n is '10\.5'.*\(2 such rows\)"):
        desk.land("id,n,code\n3,10.5,007\n4,11.5,008\n")
    desk.land("id,n,code\n3,10,007\n4,11,008\n")

    assert desk.rows() == [(1, 10, "A01"), (2, 20, "B02"), (3, 10, "007"), (4, 11, "008")]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE t (id int, x int)", "it has no primary key or unique constraint on id"),
        ("CREATE TABLE t (id int PRIMARY KEY, x int CHECK (x > 5))", "t_x_check"),
        ("CREATE VIEW t AS SELECT 1 AS id, 2 AS x UNION SELECT 3, 4", "view"),
    ],
)
def test_what_postgresql_refuses_is_told_without_a_statement(
    statement: str, said: str, desk: Desk
) -> None:
    desk.query(statement)

    with pytest.raises(DataRefused, match=said) as refused:
        desk.land("id,x\n1,2\n")

    assert not re.search("INSERT|LINE 1|SELECT", str(refused.value))


def test_columns_of_any_name_are_landed(desk: Desk) -> None:
    desk.land('id,a{b},50%,"x""y",select,Größe\n1,2,3,4,5,6\n')

    assert list(desk.types()) == ["id", "a{b}", "50%", 'x"y', "select", "Größe"]
    assert desk.rows() == [(1, 2, 3, 4, 5, 6)]


def test_wide_tables_are_landed_and_too_wide_ones_refused(desk: Desk) -> None:
    def wide(count: int) -> str:
        names = ["id", *(f"c{n}" for n in range(count))]
        return f"{','.join(names)}\n{','.join('1' for _ in names)}\n"

    desk.land(wide(600))

    assert len(desk.types()) == 601
    with pytest.raises(DataRefused, match=r"has unknown c600, .*, c629 and 1,070 more; the table"):
        desk.land(wide(1700))
    desk.query("DROP TABLE t")
    with pytest.raises(DataRefused, match="1600 columns"):
        desk.land(wide(1700))


def test_a_server_that_is_too_old_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "OLDEST", 99)

    with pytest.raises(DataRefused, match="needs PostgreSQL 99 or newer, and the warehouse is 18"):
        desk.land("id\n1\n")


@pytest.mark.parametrize("made", ["AS (x * 2) STORED", "AS IDENTITY"])
def test_a_column_that_postgresql_fills_is_none_of_the_file(made: str, desk: Desk) -> None:
    desk.query(f"CREATE TABLE t (id int PRIMARY KEY, x int, own int GENERATED ALWAYS {made})")

    landing = desk.land("id,x\n1,5\n")

    assert landing.rows == 1
    assert desk.query("SELECT id, x FROM t") == [(1, 5)]


def test_a_table_of_keys_alone_is_landed(desk: Desk) -> None:
    for _ in range(2):
        landing = desk.land("id\n1\n2\n")

    assert landing.rows == 2
    assert desk.rows() == [(1,), (2,)]

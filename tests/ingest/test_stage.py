"""Rows are judged before any of them lands."""

import pytest

from evergreen.errors import DataRefused
from ingest.conftest import Desk


@pytest.mark.parametrize(
    ("types", "value", "kept"),
    [
        ("integer", "10.0", "10"),
        ("bigint", "9007199254740993", "9007199254740993"),
        ("bigint", "1e3", "1000"),
        ("numeric(20,0)", "18446744073709551615", "18446744073709551615"),
        ("numeric(6,2)", "1.50", "1.50"),
        ("double precision", "0.1", "0.1"),
        ("double precision", "0.10000000000000001", "0.1"),
        ("double precision", "1.000000000000000056e-01", "0.1"),
        ("double precision", "NaN", "NaN"),
        ("double precision", "-0.0", "-0"),
        ("real", "0.1", "0.1"),
        ("text", "007", "007"),
        ("text", " ", " "),
        ("varchar(3)", "äöü", "äöü"),
        ("date", "2026-02-28", "2026-02-28"),
        ("date", "2026-02-28 00:00:00", "2026-02-28"),
        ("timestamp", "2026-02-28T10:00:00+02:00", "2026-02-28 08:00:00"),
        ("timestamptz", "2026-02-28 10:00", "2026-02-28 10:00:00+00"),
        ("boolean", "True", "true"),
        ("time", "10:00:00.123456000", "10:00:00.123456"),
        ("integer[]", '"{1,2}"', "{1,2}"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ],
)
def test_a_value_that_its_column_holds_exactly_is_kept(
    types: str, value: str, kept: str, desk: Desk
) -> None:
    desk.query(f"CREATE TABLE t (id int PRIMARY KEY, x {types})")

    desk.land(f"id,x\n1,{value}\n")

    assert desk.query("SELECT x::text FROM t") == [(kept,)]


@pytest.mark.parametrize(
    ("types", "value"),
    [
        ("integer", "10.5"),
        ("integer", "007"),
        ("smallint", "40000"),
        ("bigint", "9223372036854775808"),
        ("numeric(6,2)", "1.555"),
        ("numeric(6,2)", "123456"),
        ("double precision", "9007199254740993"),
        ("double precision", "0.1234567890123456789"),
        ("double precision", "1e999"),
        ("real", "16777217"),
        ("varchar(3)", "abcd"),
        ("char(3)", "ab "),
        ("date", "2026-02-28 10:00"),
        ("date", "2026-02-30"),
        ("date", "yesterday"),
        ("timestamp", "2026-02-28 10:00:00.1234567"),
        ("timestamptz", "now"),
        ("boolean", "maybe"),
        ("time", "10:00:00.1234567"),
        ("integer[]", "1"),
        ("uuid", "7"),
        ("integer", " "),
    ],
)
def test_a_value_that_it_cannot_hold_is_refused_with_its_row(
    types: str, value: str, desk: Desk
) -> None:
    desk.query(f"CREATE TABLE t (id int PRIMARY KEY, x {types})")

    with pytest.raises(DataRefused, match=r"row 2: x is .*, which .* does not hold exactly"):
        desk.land(f"id,x\n1,\n2,{value}\n", null=("",) if "char" in types else ())

    assert desk.rows() == []


def test_keys_that_repeat_are_refused_by_name(desk: Desk) -> None:
    with pytest.raises(DataRefused, match=r"the key id repeats: 1 in 3 rows"):
        desk.land("id,x\n1,2\n1,3\n1,4\n2,5\n")

    assert desk.query("SELECT to_regclass('t')") == [(None,)]


def test_keys_are_compared_as_the_table_holds_them(desk: Desk) -> None:
    desk.query("CREATE TABLE t (id int PRIMARY KEY, x int)")

    with pytest.raises(DataRefused, match="repeats: 1 in 2 rows"):
        desk.land("id,x\n1,2\n1.0,3\n")


def test_a_key_of_several_columns_may_repeat_in_one(desk: Desk) -> None:
    desk.land("farm,season,x\n1,1,5\n1,2,6\n", "farm", "season")

    assert desk.rows() == [(1, 1, 5), (1, 2, 6)]


def test_a_row_without_a_key_is_refused(desk: Desk) -> None:
    with pytest.raises(DataRefused, match="row 2: the key id is null"):
        desk.land("id,x\n1,2\n,3\n")


def test_text_that_holds_quotes_newlines_and_backslashes_lands_as_it_is(desk: Desk) -> None:
    text = 'a "b"\nc,d\\n\\. é'

    desk.land('id,x\n1,"a ""b""\nc,d\\n\\. é"\n2,\\.\n')

    assert desk.rows() == [(1, text), (2, "\\.")]


def test_a_nul_character_is_refused_with_its_row(desk: Desk) -> None:
    with pytest.raises(DataRefused, match="row 2: x holds a NUL"):
        desk.land("id,x\n1,a\n2,b\0c\n")

"""The types of a new table, from what its values are."""

import pytest

from evergreen.errors import DataRefused
from ingest.conftest import Desk


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "-20"), "bigint"),
        (("1", "10.5"), "double precision"),
        (("0.5", "NaN"), "double precision"),
        (("0.5", "9007199254740993"), "numeric"),
        (("1", "9223372036854775809"), "numeric"),
        (("007", "008"), "text"),
        (("A01", "1"), "text"),
        (("true", "False"), "boolean"),
        (("yes", "no"), "text"),
        (("2026-02-01", "2026-02-28"), "date"),
        (("2026-02-01 00:00", "2026-02-02 00:00"), "timestamp without time zone"),
        (("2026-02-01T10:00:00Z", "2026-02-02"), "timestamp with time zone"),
        (("2026-02-30", "2026-02-28"), "text"),
        (("28/02/2026", "01/02/2026"), "date"),
        (("", "5"), "bigint"),
        (("", ""), "text"),
    ],
)
def test_a_new_column_gets_the_first_type_that_holds_every_value(
    values: tuple[str, str], kind: str, desk: Desk
) -> None:
    desk.land(f"id,x\n1,{values[0]}\n2,{values[1]}\n")

    assert desk.types()["x"] == kind


def test_a_value_beyond_the_first_thousand_rows_counts_too(desk: Desk) -> None:
    lines = [f"{n},{n}" for n in range(1, 1500)]

    desk.land("\n".join(["id,x", *lines, "1500,10.5"]))

    assert desk.types()["x"] == "double precision"


def test_a_date_that_may_begin_with_either_is_asked_for(desk: Desk) -> None:
    with pytest.raises(DataRefused, match=r"'01/02/2026' may begin with .*--day-first"):
        desk.land("id,x\n1,01/02/2026\n")

    assert desk.query("SELECT to_regclass('t')") == [(None,)]


@pytest.mark.parametrize(("day_first", "kept"), [(True, "2026-02-01"), (False, "2026-01-02")])
def test_a_date_is_read_as_declared(day_first: bool, kept: str, desk: Desk) -> None:
    desk.land("id,x\n1,01/02/2026\n", day_first=day_first)

    assert desk.query("SELECT x::text FROM t") == [(kept,)]


def test_a_date_of_another_kind_beside_it_makes_none_sure(desk: Desk) -> None:
    with pytest.raises(DataRefused, match="may begin with the day"):
        desk.land("id,x\n1,2026-03-01\n2,01/02/2026\n")


def test_one_sure_date_settles_the_others_and_is_told(desk: Desk) -> None:
    landing = desk.land("id,x\n1,01.02.2026\n2,13.02.2026\n")

    assert desk.query("SELECT x::text FROM t") == [("2026-02-01",), ("2026-02-13",)]
    assert "dates by day first" in landing.notes


def test_dates_in_a_column_of_text_need_no_order(desk: Desk) -> None:
    desk.query("CREATE TABLE t (id int PRIMARY KEY, x text)")

    desk.land("id,x\n1,01/02/2026\n")

    assert desk.rows() == [(1, "01/02/2026")]


def test_a_column_that_is_nearly_of_numbers_is_told(desk: Desk) -> None:
    landing = desk.land("id,charges\n1,29.85\n2, \n3,108.15\n4,56.95\n")

    assert desk.types()["charges"] == "text"
    assert "charges is text, but 3 of 4 values are numbers; the others, as ' '," in landing.sentence


def test_blanks_are_null_when_told_so(desk: Desk) -> None:
    landing = desk.land("id,charges\n1,29.85\n2, \n3,?\n", null=("", "?"))

    assert desk.rows() == [(1, 29.85), (2, None), (3, None)]
    assert "1 blanks of charges read as null, 1 '?' of charges read as null" in landing.sentence


def test_an_empty_cell_is_null_but_in_text(desk: Desk) -> None:
    landing = desk.land("id,x,name\n1,,\n2,5,b\n")

    assert desk.rows() == [(1, None, ""), (2, 5, "b")]
    assert "1 blanks of x read as null" in landing.notes
    assert "1 blanks of name kept as text" in landing.notes

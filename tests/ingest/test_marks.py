"""What numbers are written with is found out where it is sure, told, and asked for where not."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from evergreen import ingest
from evergreen.errors import DataRefused
from evergreen.spec import Dialect
from ingest.conftest import Desk

EUROPEAN = "id;tag;betrag\n1;21.02.2026;1.500\n2;22.02.2026;2.750\n3;23.02.2026;12.000\n"


def test_points_before_three_digits_are_asked_for_in_a_european_file(desk: Desk) -> None:
    with pytest.raises(DataRefused, match=r"betrag is '1.500'.*--decimal \..*--thousands \."):
        desk.land(EUROPEAN)

    assert desk.query("SELECT to_regclass('t')") == [(None,)]


@pytest.mark.parametrize(
    ("dialect", "kept"),
    [
        ({"decimal": "."}, [1.5, 2.75, 12.0]),
        ({"decimal": ","}, [1500, 2750, 12000]),
        ({"thousands": "."}, [1500, 2750, 12000]),
        ({"thousands": ""}, [1.5, 2.75, 12.0]),
    ],
)
def test_what_is_said_settles_it(dialect: dict[str, Any], kept: list[float], desk: Desk) -> None:
    desk.land(EUROPEAN, **dialect)

    assert [row[2] for row in desk.rows()] == kept


@pytest.mark.parametrize(
    "content",
    [
        "id;x\n1;950\n2;1.500\n",
        "id\tx\ttag\n1\t1.500\t21.02.2026\n",
        "id;x;y\n1;1.500;1,5\n",
        "id;x\n1;1,500\n",
        "id|x\n1|1,500\n",
        "id;x\n1;1.234.567\n",
        "id;x\n1;1.500\n2;2,500\n",
        "id;x\n1;-1.500\n2;NaN\n3;\n",
    ],
)
def test_numbers_that_could_be_others_are_asked_for(content: str, desk: Desk) -> None:
    with pytest.raises(DataRefused, match=r"x is '-?1.*tells decimals from thousands; say"):
        desk.land(content)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("id;x\n1;1.500\n2;0.125\n", [1.5, 0.125]),
        ("id;x\n1;1.500\n2;1.25\n", [1.5, 1.25]),
        ("id;x\n1;1.500\n2;1234.500\n", [1.5, 1234.5]),
        ("id;x;y\n1;1.500;2.5\n", [1.5]),
        ("id;x;y\n1;1.500;6.836,66\n", [1500]),
        ("id;x\n1;6.836,66\n2;950\n3;-12.000,5\n", [6836.66, 950, -12000.5]),
        ("id;x\n1;1.500\n2;5,5\n", [1500, 5.5]),
        ("id;x\n1;1 234,5\n2;7\n", [1234.5, 7]),
        ("id;x\n1;1\u00a0234,5\n2;1\u202f234,5\n", [1234.5, 1234.5]),
        ("id;x\n1;1'234.50\n2;1’234’567.25\n", [1234.5, 1234567.25]),
        ('id,x\n1,"1,234.50"\n2,7.5\n', [1234.5, 7.5]),
        ('id,x\n1,"6.836,66"\n2,"7,5"\n', [6836.66, 7.5]),
        ("id;x;y\n1;1,500;2,5\n", [1.5]),
    ],
)
def test_numbers_are_read_where_one_way_is_sure(
    content: str, kept: list[float], desk: Desk
) -> None:
    desk.land(content)

    assert [row[1] for row in desk.rows()] == kept


def test_one_value_far_below_settles_the_others(desk: Desk) -> None:
    lines = [f"{n};1.500" for n in range(1, 1500)]

    desk.land("\n".join(["id;x", *lines, "1500;0.125"]))

    assert desk.query("SELECT min(x), max(x) FROM t") == [(0.125, 1.5)]


def test_elsewhere_a_point_is_a_decimal_point_and_that_is_told(desk: Desk) -> None:
    landing = desk.land("id,x\n1,1.500\n2,2.750\n")

    assert desk.rows() == [(1, 1.5), (2, 2.75)]
    assert "points of x read as decimal points" in landing.notes


def test_thousands_are_told(desk: Desk) -> None:
    landing = desk.land("id;x;y\n1;6.836,66;1.500\n")

    assert landing.notes[2:] == ("decimal comma", "points for thousands in x, y")


@pytest.mark.parametrize(
    ("content", "kept", "said"),
    [
        ("id;tel\n1;555 123 456\n", "555 123 456", '--thousands " "'),
        ('id,tel\n1,"1,500"\n', "1,500", "--thousands ,"),
        ("id,tel\n1,1.234.567\n", "1.234.567", "--thousands ."),
    ],
)
def test_what_may_be_no_number_stays_a_text_and_that_is_told(
    content: str, kept: str, said: str, desk: Desk
) -> None:
    landing = desk.land(content)

    assert desk.rows() == [(1, kept)]
    assert "tel is text; decimal=" in landing.sentence
    assert said in landing.sentence


@pytest.mark.parametrize("value", ["1.5", "1.50,5", "1234.567", "01.234", "1.234,5,6"])
def test_what_is_not_grouped_by_three_is_no_number(value: str, desk: Desk) -> None:
    desk.land(f"id;x\n1;{value}\n2;6.836,66\n", thousands=".")

    assert desk.rows() == [(1, value), (2, "6.836,66")]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("6.836,66", r"decimal=',', thousands='\.' \(--decimal , --thousands \.\) reads it"),
        ("1 234,5", r"decimal=',', thousands=' ' \(--decimal , --thousands \" \"\) reads it"),
        ("1,5", r"exactly; decimal=',' \(--decimal ,\) reads it"),
    ],
)
def test_a_refusal_names_what_helps(value: str, said: str, desk: Desk) -> None:
    desk.query("CREATE TABLE t (id int PRIMARY KEY, x double precision)")

    with pytest.raises(DataRefused, match=said):
        desk.land(f"id;x\n1;{value}\n2;0.5\n", decimal=".")


def test_a_decimal_comma_between_quotes_is_one_when_told_so(desk: Desk) -> None:
    desk.land('id,x\n1,"1,5"\n', decimal=",")

    assert desk.rows() == [(1, 1.5)]


def test_a_column_that_is_nearly_of_such_numbers_is_told(desk: Desk) -> None:
    landing = desk.land("id;x\n1;6.836,66\n2;n/a\n3;7,5\n")

    assert "x is text, but 2 of 3 values are numbers; the others, as 'n/a'" in landing.sentence


def test_a_column_that_is_there_is_asked_about_too(desk: Desk) -> None:
    desk.query("CREATE TABLE t (id int PRIMARY KEY, x int)")

    with pytest.raises(DataRefused, match=r"x is '1\.000'"):
        desk.land("id;x\n1;1.000\n")

    desk.land("id;x\n1;1.000\n2;6.836,00\n")
    assert desk.rows() == [(1, 1000), (2, 6836)]


def test_points_of_parquet_are_its_own(desk: Desk, tmp_path: Path) -> None:
    numbers = pa.array(["1.500"]).cast(pa.decimal128(10, 3))
    pa.parquet.write_table(pa.table({"id": [1], "x": numbers}), tmp_path / "t.parquet")

    told = Dialect(decimal=",", thousands=".")
    ingest.load(str(tmp_path / "t.parquet"), "t", ("id",), told, settings=desk.settings)

    assert desk.query("SELECT x::text FROM t") == [("1.500",)]

"""CSV and Parquet files, landed in PostgreSQL as they come."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from database import query, records_of
from evergreen import ingest
from evergreen.errors import DataRefused
from evergreen.settings import Settings
from evergreen.spec import Files
from ingest.conftest import orders

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CSV = "id,day,price,returned\n1,2026-02-01,9.5,true\n2,2026-02-02,3.0,false\n"


def land_all(pattern: Path, settings: Settings, **dialect: Any) -> list[tuple[str, int, bool]]:
    """Land what is new; return name, rows and whether it was known, file by file."""
    use_case = orders(Files(url=str(pattern), **dialect))
    landed = ingest.land(use_case, as_of=NOW, records=records_of(settings), settings=settings)
    return [(Path(one.item).name, one.rows, one.known) for one in landed]


def write(file: Path, text: str, *, minute: int) -> None:
    file.write_text(text)
    os.utime(file, (60 * minute, 60 * minute))


def table(settings: Settings) -> list[tuple[Any, ...]]:
    return query(settings.database_url, "SELECT id, day, price, returned FROM orders ORDER BY id")


def prices(settings: Settings) -> list[float]:
    return [row[2] for row in table(settings)]


def test_each_file_is_landed_once(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(CSV)

    first = land_all(tmp_path / "*.csv", settings)
    (tmp_path / "b.csv").write_text(CSV.replace("1,", "3,").replace("2,2", "4,2"))
    second = land_all(tmp_path / "*.csv", settings)

    assert first == [("a.csv", 2, False)]
    assert second == [("a.csv", 2, True), ("b.csv", 2, False)]
    assert [row[0] for row in table(settings)] == [1, 2, 3, 4]
    assert table(settings)[0] == (1, date(2026, 2, 1), 9.5, True)


def test_the_last_delivery_of_a_file_stands(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "a.csv"

    for text in (CSV, CSV.replace("9.5", "7.25"), CSV):
        file.write_text(text)
        land_all(file, settings)

    assert prices(settings) == [9.5, 3.0]


def test_files_land_in_the_order_of_their_arrival(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path / "b.csv", CSV, minute=1)
    write(tmp_path / "a.csv", CSV.replace("9.5", "7.25"), minute=2)

    landed = land_all(tmp_path / "*.csv", settings)

    assert [name for name, *_ in landed] == ["b.csv", "a.csv"]
    assert prices(settings) == [7.25, 3.0]


def test_an_older_file_that_is_found_late_does_not_overwrite_its_correction(
    tmp_path: Path, settings: Settings
) -> None:
    write(tmp_path / "a.csv", CSV.replace("9.5", "7.25"), minute=2)
    land_all(tmp_path / "*.csv", settings)

    write(tmp_path / "b.csv", CSV, minute=1)
    landed = land_all(tmp_path / "*.csv", settings)

    assert landed == [("b.csv", 2, False), ("a.csv", 2, False)]
    assert prices(settings) == [7.25, 3.0]
    assert all(known for *_, known in land_all(tmp_path / "*.csv", settings))


def test_a_file_that_is_copied_again_is_no_new_delivery(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path / "a.csv", CSV, minute=1)
    write(tmp_path / "b.csv", CSV.replace("9.5", "7.25"), minute=2)
    land_all(tmp_path / "*.csv", settings)

    write(tmp_path / "a.csv", CSV, minute=3)
    landed = land_all(tmp_path / "*.csv", settings)

    assert [known for *_, known in landed] == [True, True]
    assert prices(settings) == [7.25, 3.0]


@pytest.mark.parametrize("statement", ["DROP TABLE orders", "TRUNCATE orders"])
def test_a_table_that_was_lost_is_landed_again(
    statement: str, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    land_all(tmp_path / "a.csv", settings)
    query(settings.database_url, statement)

    landed = land_all(tmp_path / "a.csv", settings)

    assert landed == [("a.csv", 2, False)]
    assert prices(settings) == [9.5, 3.0]


def test_a_partitioned_table_is_landed_again_once_it_is_empty(
    tmp_path: Path, settings: Settings
) -> None:
    query(
        settings.database_url,
        "CREATE TABLE orders (id int PRIMARY KEY, day date, price float8, returned boolean)"
        " PARTITION BY RANGE (id); CREATE TABLE orders_1 PARTITION OF orders DEFAULT",
    )
    (tmp_path / "a.csv").write_text(CSV)

    landed = [land_all(tmp_path / "a.csv", settings) for _ in range(2)]
    query(settings.database_url, "TRUNCATE orders")
    landed += [land_all(tmp_path / "a.csv", settings) for _ in range(2)]

    assert [known for [(_, _, known)] in landed] == [False, True, False, True]
    assert prices(settings) == [9.5, 3.0]


def test_a_file_that_is_to_be_read_otherwise_is_landed_again(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "a.csv").write_text(CSV.replace("9.5", "-1"))
    land_all(tmp_path / "a.csv", settings)

    land_all(tmp_path / "a.csv", settings, null=("-1",))

    assert prices(settings) == [None, 3.0]


def test_a_refused_file_does_not_hold_up_the_others(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path / "a.csv", CSV, minute=1)
    write(tmp_path / "b.csv", CSV.replace("9.5", "cheap"), minute=2)
    write(tmp_path / "c.csv", CSV.replace("9.5", "7.25"), minute=3)

    with pytest.raises(DataRefused, match=r"b\.csv, row 1: price is 'cheap'"):
        land_all(tmp_path / "*.csv", settings)

    assert prices(settings) == [7.25, 3.0]


@pytest.mark.parametrize("spoil", [Path.mkdir, lambda file: file.symlink_to("nowhere.csv")])
def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(
    spoil: Callable[[Path], None], tmp_path: Path, settings: Settings
) -> None:
    write(tmp_path / "a.csv", CSV, minute=1)
    spoil(tmp_path / "b.csv")
    write(tmp_path / "c.csv", CSV.replace("9.5", "7.25"), minute=3)

    with pytest.raises(DataRefused, match=r"b\.csv cannot be read"):
        land_all(tmp_path / "*.csv", settings)

    assert prices(settings) == [7.25, 3.0]


def test_parquet_is_landed_too(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    land_all(tmp_path / "a.csv", settings)
    rows = pa.table({"id": [7], "day": [date(2026, 2, 5)], "price": [2.0], "returned": [True]})
    pyarrow.parquet.write_table(rows, tmp_path / "b.parquet")

    land_all(tmp_path / "b.parquet", settings)

    assert table(settings)[-1] == (7, date(2026, 2, 5), 2.0, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,day,price\n5,2026-02-01,1.0\n", "lacks returned"),
        ("id,day,price,returned,vat\n5,2026-02-01,1.0,true,2\n", "unknown vat"),
        ("day,price,returned\n2026-02-01,1.0,true\n", "lacks the key id"),
        ("id,day,price,returned\n5,2026-02-01,cheap,true\n", "cheap"),
        ("id,day,price,returned\n,2026-02-01,1.0,true\n", "null"),
        ("id,day,price,returned\n5,2026-02-01 10:00,1.0,true\n", "date does not hold"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    content: str, said: str, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    land_all(tmp_path / "a.csv", settings)
    before = table(settings)
    (tmp_path / "b.csv").write_text(content)

    with pytest.raises(DataRefused, match=said):
        land_all(tmp_path / "b.csv", settings)

    assert table(settings) == before


def test_a_file_with_nothing_but_a_header_lands_no_row(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text("id,day,price,returned\n")

    first, again = (land_all(tmp_path / "a.csv", settings) for _ in range(2))

    assert (first, again) == ([("a.csv", 0, False)], [("a.csv", 0, True)])
    assert query(settings.database_url, "SELECT to_regclass('orders')") == [(None,)]


def test_no_file_is_told(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(DataRefused, match="no file matches"):
        land_all(tmp_path / "*.csv", settings)


def test_more_files_than_airflow_would_map_are_landed(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    for n in range(1030):
        (tmp_path / f"empty_{n:04}.csv").write_text("id,day,price,returned\n")

    landed = land_all(tmp_path / "*.csv", settings)

    assert len(landed) == 1031
    assert prices(settings) == [9.5, 3.0]

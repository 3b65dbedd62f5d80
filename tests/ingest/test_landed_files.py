"""CSV and Parquet files, landed in PostgreSQL."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from database import records_of
from evergreen import ingest
from evergreen.data import warehouse
from evergreen.errors import DataRefused, DeclarationError
from evergreen.settings import Settings
from evergreen.spec import Files
from ingest.conftest import orders

TODAY = date(2026, 3, 1)
CSV = "id,day,price,returned\n1,2026-02-01,9.5,true\n2,2026-02-02,3.0,false\n"


def land_all(pattern: Path, settings: Settings) -> list[tuple[int, bool]]:
    """Land what is new; return rows and whether it was known, file by file."""
    use_case = orders(Files(url=str(pattern)))
    found = ingest.items(use_case, TODAY)
    landed = [
        ingest.land(use_case, item, records=records_of(settings), settings=settings)
        for item in found
    ]
    return [(landing.rows, landing.known) for landing in landed]


def table(settings: Settings) -> list[tuple[Any, ...]]:
    with warehouse.reading(settings.database_url) as reading:
        return reading.query("SELECT id, day, price, returned FROM orders ORDER BY id")


def test_each_file_is_landed_once(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(CSV)

    first = land_all(tmp_path / "*.csv", settings)
    (tmp_path / "b.csv").write_text(CSV.replace("1,", "3,").replace("2,2", "4,2"))
    second = land_all(tmp_path / "*.csv", settings)

    assert first == [(2, False)]
    assert second == [(0, True), (2, False)]
    assert [row[0] for row in table(settings)] == [1, 2, 3, 4]
    assert table(settings)[0] == (1, date(2026, 2, 1), 9.5, True)


def test_a_corrected_file_replaces_its_rows(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    land_all(file, settings)

    file.write_text(CSV.replace("9.5", "7.25"))
    land_all(file, settings)

    assert [row[2] for row in table(settings)] == [7.25, 3.0]


def test_of_two_rows_with_one_key_the_last_one_stays(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(CSV + "1,2026-02-03,1.0,false\n")

    land_all(tmp_path / "a.csv", settings)

    assert table(settings)[0] == (1, date(2026, 2, 3), 1.0, False)


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
        ('id,day\n"', "cannot be read"),
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


def test_no_file_is_told(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(DataRefused, match="no file matches"):
        land_all(tmp_path / "*.csv", settings)


def test_an_unknown_format_is_refused_when_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match="parquet"):
        Files(url="/data/*.xlsx")

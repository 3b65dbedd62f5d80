"""What a file of rows holds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from evergreen.dossier import Inputs, RawColumn
from evergreen.scoring import raw
from evergreen.settings import Settings

NAMED = Inputs(
    columns=(
        RawColumn(name="country", type="string", nullable=True),
        RawColumn(name="size", type="double", nullable=True),
    ),
    key=(RawColumn(name="id", type="string", nullable=False),), timestamp=None,
    lookback=timedelta(0), computed=False, numeric=("size",), categorical=("country",),
    code_sha256="", table="t", query=None,
)  # fmt: skip


def test_an_empty_cell_of_a_csv_file_is_missing_and_no_word_is(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('id,country,size\nNA,NA,1\nb,"null",\nc,nan,"2"\nd,,""\n')

    with raw.of_file(str(file), NAMED) as found:
        rows = pa.Table.from_batches(found.batches).to_pylist()

    assert [row["id"] for row in rows] == ["NA", "b", "c", "d"]
    assert [row["country"] for row in rows] == ["NA", "null", "nan", None]
    assert [row["size"] for row in rows] == [1.0, None, 2.0, None]


def test_rows_of_a_query_may_have_a_uuid_for_a_key(settings: Settings) -> None:
    ids = [f"{digit}" * 8 + "-0000-0000-0000-000000000000" for digit in "ba"]
    query = " UNION ALL ".join(
        f"SELECT '{id}'::uuid AS id, 'AT' AS country, 1.0 AS size" for id in ids
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    interval = raw.ScoringInterval(start=moment, end=moment + timedelta(days=1))

    with raw.of_query(settings.database_url, query, NAMED, interval) as found:
        rows = pa.Table.from_batches(found.batches).to_pylist()

    assert [row["id"] for row in rows] == sorted(ids)

"""Parquet files: their types are kept, or refused by name."""

import io
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from evergreen.errors import DataRefused
from evergreen.ingest import parquet_file, spool
from evergreen.ingest.delivery import BATCH
from ingest.conftest import Desk


def parquet(store_schema: bool = True, **columns: Any) -> bytes:
    content = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), content, store_schema=store_schema)
    return content.getvalue()


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "numeric", "18446744073709551615"),
        (pa.array([2**53 + 1]), "bigint", "9007199254740993"),
        (pa.array([0.1], pa.float32()), "double precision", "0.10000000149011612"),
        (pa.array([float("nan")]), "double precision", "NaN"),
        (pa.array(["007"]), "text", "007"),
        (pa.array(["007"]).dictionary_encode(), "text", "007"),
        (pa.array([date(2026, 2, 1)]), "date", "2026-02-01"),
        (pa.array([datetime(2026, 2, 1, 5)]), "timestamp without time zone", "2026-02-01 05:00:00"),
        (
            pa.array([datetime(2026, 2, 1, 5, tzinfo=UTC)], pa.timestamp("us", "Asia/Tokyo")),
            "timestamp with time zone",
            "2026-02-01 05:00:00+00",
        ),
        (pa.array([None]), "text", None),
    ],
)
def test_a_value_lands_as_the_file_has_it(
    values: pa.Array, kind: str, kept: str | None, desk: Desk
) -> None:
    desk.land(parquet(id=[1], x=values), name="t.parquet")

    assert desk.types()["x"] == kind
    assert desk.query("SELECT x::text FROM t") == [(kept,)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([{"street": "a"}]), "x holds struct<street: string>"),
        (pa.array([[1, 2]]), "x holds list"),
        (pa.array([b"a"]), "x holds binary"),
        (pa.array([1], pa.timestamp("ns")), "row 1: x is '1970-01-01 00:00:00.000000001'"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(values: pa.Array, said: str, desk: Desk) -> None:
    with pytest.raises(DataRefused, match=said):
        desk.land(parquet(id=[1], x=values), name="t.parquet")


def test_a_number_that_would_wrap_is_refused(desk: Desk) -> None:
    desk.query("CREATE TABLE t (id bigint PRIMARY KEY)")

    with pytest.raises(DataRefused, match="18446744073709551615"):
        desk.land(parquet(id=pa.array([2**64 - 1], pa.uint64())), name="t.parquet")


def test_a_file_that_unpacks_to_a_huge_one_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "UNPACKED", 100_000)

    with pytest.raises(DataRefused, match="over 200 times its size"):
        desk.land(parquet(id=pa.array([1] * 3_000_000)), name="t.parquet")


@pytest.mark.parametrize("store_schema", [True, False], ids=["dictionary", "text"])
def test_one_long_text_in_many_rows_is_refused_before_it_is_written_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, store_schema: bool
) -> None:
    monkeypatch.setattr(spool, "UNPACKED", 100_000_000)
    text = pa.array(["x" * 20_000])
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(BATCH, np.int32)), text)
    pool = pa.default_memory_pool()

    with pytest.raises(DataRefused, match="unpacks to more than 1,000 MB"):
        desk.land(parquet(store_schema, id=pa.array(range(BATCH)), x=many), name="t.parquet")

    assert pool.max_memory() < 500_000_000


def test_rows_that_are_large_together_land_piece_by_piece(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "PIECE", 1000)

    landed = desk.land(parquet(id=range(40), x=["a" * 99, "b"] * 20), name="t.parquet")

    assert (landed.rows, len(desk.rows()), desk.rows()[2][1]) == (40, 40, "a" * 99)


def test_a_file_that_is_no_parquet_is_refused(desk: Desk) -> None:
    with pytest.raises(DataRefused, match="cannot be read as Parquet"):
        desk.land(b"id,x\n1,2\n", name="t.parquet")

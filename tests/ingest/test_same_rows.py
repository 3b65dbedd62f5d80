"""The same rows give the same table, whatever brings them and whatever the server's time zone."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from database import query, records_of
from evergreen import ingest
from evergreen.settings import Settings
from evergreen.spec import Api
from ingest.conftest import Desk, Server, orders

DAY = date(2026, 2, 1)
HEADER = "id,big,share,exact,code,day,naive,moment,sold,gone"
LINES = (
    "1,9007199254740993,0.1,12345678901234567.25,007,2026-01-31,2026-03-29 02:30:00,"
    "2026-03-29T01:30:00Z,true,",
    "2,-5,1e-07,0.50,A b,2026-02-28,2026-06-01 00:00:00.123456,2026-06-01T00:00:00.5Z,false,7",
)
TYPES = {
    "exact": pa.decimal128(30, 2),
    "naive": pa.timestamp("us"),
    "moment": pa.timestamp("us", "Europe/Berlin"),
}
ROWS: list[dict[str, Any]] = [
    {
        "id": 1, "big": 2**53 + 1, "share": 0.1, "exact": Decimal("12345678901234567.25"),
        "code": "007", "day": date(2026, 1, 31), "naive": datetime(2026, 3, 29, 2, 30),
        "moment": datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "sold": True, "gone": None,
    },
    {
        "id": 2, "big": -5, "share": 1e-7, "exact": Decimal("0.50"), "code": "A b",
        "day": date(2026, 2, 28), "naive": datetime(2026, 6, 1, 0, 0, 0, 123456),
        "moment": datetime(2026, 6, 1, 0, 0, 0, 500_000, tzinfo=UTC), "sold": False, "gone": 7,
    },
]  # fmt: skip


def as_csv() -> str:
    return "\n".join([HEADER, *LINES, ""])


def as_parquet() -> bytes:
    columns = {n: pa.array([row[n] for row in ROWS], TYPES.get(n)) for n in HEADER.split(",")}
    content = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), content)
    return content.getvalue()


def as_json() -> bytes:
    def cell(value: Any) -> str:
        if isinstance(value, str | date):
            text = value if isinstance(value, str) else value.isoformat()
            return f'"{text}"'
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

    objects = (
        ", ".join(f'"{name}": {cell(value)}' for name, value in row.items() if value is not None)
        for row in ROWS
    )
    return f"[{', '.join(f'{{{each}}}' for each in objects)}]".encode()


def from_api(server: Server, settings: Settings) -> None:
    server.answers["/?day=2026-02-01"] = [(200, as_json())]
    use_case = orders(Api(url=f"{server.url}/?day={{day}}"))
    now, kept = datetime(2026, 3, 1, tzinfo=UTC), records_of(settings)
    list(ingest.land(use_case, as_of=now, day=DAY, records=kept, settings=settings))


def test_csv_parquet_and_api_give_the_same_table(desk: Desk, server: Server) -> None:
    found = []

    desk.land(as_csv())
    found.append((desk.types(), desk.query("SELECT t::text FROM t ORDER BY id")))
    desk.query("DROP TABLE t")
    desk.land(as_parquet(), name="t.parquet")
    found.append((desk.types(), desk.query("SELECT t::text FROM t ORDER BY id")))
    desk.query("DROP TABLE t")
    from_api(server, desk.settings)
    desk.query("ALTER TABLE orders RENAME TO t")
    found.append((desk.types(), desk.query("SELECT t::text FROM t ORDER BY id")))

    of_csv, of_parquet, of_api = found
    assert of_csv == of_parquet
    assert of_api == of_csv
    assert of_csv[0]["exact"] == "numeric"


def test_times_without_a_zone_are_utc_whatever_the_client_and_the_server_say(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "America/New_York")
    [(name,)] = desk.query("SELECT current_database()")
    desk.query(f"ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")
    desk.query("CREATE TABLE t (id int PRIMARY KEY, at timestamptz, plain timestamp)")

    desk.land("id,at,plain\n1,2026-02-01 10:00,2026-02-01 10:00+01:00\n")

    assert query(desk.settings.database_url, "SELECT at, plain FROM t") == [
        (datetime(2026, 2, 1, 10, tzinfo=UTC), datetime(2026, 2, 1, 9))
    ]

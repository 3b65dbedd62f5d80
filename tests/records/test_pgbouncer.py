"""All that we ask PostgreSQL works through PgBouncer in transaction mode, and leaves no trace."""

import select
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.parquet
import pytest

from evergreen.data import warehouse
from evergreen.errors import ChampionBusy, LeaseLost
from evergreen.ingest import files, table
from evergreen.records import Records
from evergreen.spec import Dialect
from pgbouncer import in_front_of
from records.test_contract import a_decision, a_promotion


@pytest.fixture
def shared_url(pgbouncer: Path, database_url: str) -> Iterator[str]:
    """The test's database through a PgBouncer whose sessions are everybody's in turn."""
    with in_front_of(database_url, pgbouncer) as url:
        yield url


def left_behind(url: str) -> list[tuple[str, ...]]:
    """Return what each of PgBouncer's sessions has kept of those who used it."""

    def look(opened: psycopg2.extensions.connection) -> tuple[str, ...]:
        with opened.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('search_path'), current_setting('statement_timeout'),"
                " current_setting('default_transaction_isolation'),"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')::text,"
                " (SELECT count(*) FROM pg_class WHERE relpersistence = 't')::text,"
                " (SELECT count(*) FROM pg_listening_channels())::text"
            )
            return tuple(cursor.fetchone())

    together = [psycopg2.connect(url) for _ in range(5)]
    found = [look(opened) for opened in together]  # their transactions stay open: five sessions
    for opened in together:
        opened.close()
    return found


CLEAN = ('"$user", public', "0", "read committed", "0", "0", "0")


def test_records_locks_and_leases_work_and_leave_no_trace(shared_url: str, database_url: str):
    with Records(shared_url, direct_url=database_url, statement_seconds=5) as records:
        first = records.promotions.append(a_promotion(records, 1, None))
        records.promotions.append(a_promotion(records, 2, first))
        with (
            records.locks.hold("champion", "weather"),
            pytest.raises(ChampionBusy),
            records.locks.hold("champion", "weather", timeout=0.05),
        ):
            pass
        with records.leases.hold("training", "key", seconds=0.3):
            time.sleep(0.6)
            with pytest.raises(ChampionBusy), records.leases.hold("training", "key"):
                pass
        fenced = records.fenced(records.leases.seize("task", "w/1/gate"))
        records.leases.seize("task", "w/1/gate")
        with pytest.raises(LeaseLost):
            fenced.decisions.record(a_decision("late"))

        assert [p.version for p in records.promotions.of("weather")] == [2, 1]

    assert left_behind(shared_url) == [CLEAN] * 5


def test_one_lock_at_a_time_among_many_that_share_few_sessions(shared_url: str, database_url: str):
    inside, most = [], []

    def work(records: Records) -> None:
        with records.locks.hold("champion", "weather"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    with Records(shared_url, direct_url=database_url) as records, ThreadPoolExecutor(4) as threads:
        records.migrate()
        list(threads.map(work, [records] * 8))

    assert max(most) == 1


def test_what_happens_is_heard_past_it(shared_url: str, database_url: str):
    with Records(shared_url, direct_url=database_url) as records:
        opened = records.listen()
        records.trials.start("iris", "shadow", 1.0, {}, reason="r", actor="a")
        select.select([opened], [], [], 10)
        opened.poll()

        assert [notice.payload for notice in opened.notifies] == ["iris"]
        opened.close()


def test_rows_are_read_and_landed_and_leave_no_trace(shared_url: str, tmp_path: Path):
    rows = pa.table({"day": [date(2026, 8, 24), date(2026, 8, 25)], "rain": [0.5, 1.5]})

    file = tmp_path / "weather.parquet"
    pyarrow.parquet.write_table(rows, file)

    for _ in range(3):
        with files.opened(str(file), Dialect()) as (delivery, _sha256):
            table.upsert(shared_url, "weather", ("day",), delivery)
    schema, batches = warehouse.stream(shared_url, "SELECT day, rain FROM weather ORDER BY day")

    assert pa.Table.from_batches(batches, schema).equals(rows)
    assert left_behind(shared_url) == [CLEAN] * 5

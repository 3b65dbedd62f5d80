"""One moment of PostgreSQL, read as Arrow and written from it."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import psycopg2
import pyarrow as pa
import pytest

from database import query
from databases import LENDER
from evergreen.data import warehouse
from evergreen.data.warehouse import columns, connect, quoted, reading, stream, write
from evergreen.errors import SourceAway
from evergreen.records import Records
from evergreen.records.pool import Pool
from waiting import eventually

WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'numbers'::regclass AND NOT granted"
ZONE = "SELECT current_setting('TimeZone') AS zone"


def execute(url: str, *statements: str) -> None:
    with connect(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def read(url: str, sql: str) -> pa.Table:
    schema, batches = stream(url, sql)
    return pa.Table.from_batches(batches, schema)


def test_what_is_written_can_be_read(database_url: str) -> None:
    rows = pa.table({"day": [date(2026, 8, 24), None], "rain": [0.5, 1.5], "wet": [True, None]})

    assert write(database_url, "weather", rows) == 2

    assert read(database_url, "SELECT * FROM weather ORDER BY rain").equals(rows)


def others(url: str) -> int:
    """Count the connections to the database, but for the one that asks and the lender's."""
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name <> %s",
            (LENDER,),
        )
        [(count,)] = cursor.fetchall()
    return int(count)


@pytest.mark.parametrize("mode, expected", [("append", [1, 2]), ("replace", [2])])
def test_rows_are_appended_or_replaced(database_url: str, mode: str, expected: list[int]) -> None:
    write(database_url, "numbers", pa.table({"n": [1]}))

    write(database_url, "numbers", pa.table({"n": [2]}), mode)  # type: ignore[arg-type]

    assert read(database_url, "SELECT * FROM numbers ORDER BY n")["n"].to_pylist() == expected


def test_writes_into_a_schema(database_url: str) -> None:
    execute(database_url, "CREATE SCHEMA raw")

    write(database_url, "raw.numbers", pa.table({"n": [1]}))

    assert [column.name for column in columns(database_url, "raw.numbers")] == ["n"]


def test_a_reading_is_of_one_moment(database_url: str) -> None:
    write(database_url, "numbers", pa.table({"n": [1]}))

    with reading(database_url) as moment:
        counted = moment.query("SELECT count(*) FROM numbers")
        write(database_url, "numbers", pa.table({"n": [2]}), "append")
        _, batches = moment.stream("SELECT n FROM numbers")
        streamed = sum(batch.num_rows for batch in batches)

    assert counted == [(1,)]
    assert streamed == 1


def test_a_reading_cannot_write(database_url: str) -> None:
    write(database_url, "numbers", pa.table({"n": [1]}))

    with reading(database_url) as moment, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        moment.query("DELETE FROM numbers RETURNING n")


def test_a_statement_that_fails_leaves_the_moment_usable(database_url: str) -> None:
    with reading(database_url) as moment:
        with pytest.raises(psycopg2.errors.DivisionByZero):
            moment.query("SELECT 1 / 0")

        assert moment.query("SELECT 1") == [(1,)]


def test_a_server_that_goes_away_half_way_is_told_as_away(database_url: str) -> None:
    mine = f"datname = '{database_url.rpartition('/')[2]}' AND pid <> pg_backend_pid()"
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"

    _, batches = stream(database_url, "SELECT repeat('x', 10000) FROM generate_series(1, 50000)")
    next(batches)
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(kill)

    with pytest.raises(psycopg2.OperationalError):
        list(batches)


def test_a_reading_leaves_no_connection_behind(database_url: str) -> None:
    with reading(database_url) as moment:
        moment.stream("SELECT generate_series(1, 1000000)")

    deadline = time.monotonic() + 10
    while others(database_url):
        assert time.monotonic() < deadline


def test_who_waits_to_alter_a_table_while_it_is_read_does_not_hold_the_reader_up_for_ever(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "PATIENCE", 1)
    write(database_url, "numbers", pa.table({"n": [1]}))

    with ThreadPoolExecutor() as pool:
        with reading(database_url) as moment, pytest.raises(SourceAway, match="or waits to"):
            moment.query("SELECT count(*) FROM numbers")
            altering = pool.submit(execute, database_url, "ALTER TABLE numbers ADD m int")
            eventually(lambda: query(database_url, WAITING), "ALTER TABLE", 10)
            moment.stream("SELECT n FROM numbers")
        altering.result(timeout=10)

    assert [column.name for column in columns(database_url, "numbers")] == ["n", "m"]


def test_a_block_that_fails_changes_nothing(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError), connect(database_url) as connection:
        connection.cursor().execute("CREATE TABLE half (n int)")
        raise ZeroDivisionError

    with reading(database_url) as moment:
        assert moment.tables() == []


@pytest.mark.parametrize(
    "type_, literal, arrow",
    [
        ("numeric(10,2)", "3.5", pa.float64()),
        ("money", "'3.5'", pa.float64()),
        ("bigint", "3", pa.int64()),
        ("smallint", "3", pa.int16()),
        ("real", "3.5", pa.float32()),
        ("boolean", "true", pa.bool_()),
        ("varchar(9)", "'a'", pa.string()),
        ("char(3)", "'a'", pa.string()),
        ("date", "'2026-08-24'", pa.date32()),
        ("timestamp", "'2026-08-24 10:00'", pa.timestamp("us")),
        ("timestamptz", "'2026-08-24 10:00+02'", pa.timestamp("us", tz="UTC")),
        ("uuid", "'00000000-0000-0000-0000-000000000001'", pa.string()),
        ("jsonb", "'{}'", pa.string()),
        ("int[]", "'{1}'", pa.string()),
        ("inet", "'127.0.0.1'", pa.string()),
        ("interval", "'1 day'", pa.string()),
    ],
)
def test_every_type_is_read_as_one_that_pandas_holds(
    database_url: str, type_: str, literal: str, arrow: pa.DataType
) -> None:
    execute(
        database_url,
        f'CREATE TABLE kinds ("Odd ""name" {type_})',
        f"INSERT INTO kinds VALUES ({literal}), (NULL)",
    )
    [column] = columns(database_url, "kinds")

    table = read(database_url, f"SELECT {column.expression} FROM kinds")

    assert table.schema == pa.schema({'Odd "name': arrow})
    assert table[0].null_count == 1
    assert len(table.to_pandas()) == 2


def test_a_missing_table_is_told_with_the_one_that_was_meant(database_url: str) -> None:
    write(database_url, "weather", pa.table({"n": [1]}))

    with pytest.raises(LookupError, match="did you mean 'weather'"):
        columns(database_url, "wether")


def test_a_driver_in_the_address_does_no_harm(database_url: str) -> None:
    address = database_url.replace("postgresql://", "postgresql+psycopg2://")

    assert read(address, "SELECT 1 AS one")["one"].to_pylist() == [1]


def test_identifiers_are_quoted() -> None:
    assert quoted('a"; DROP TABLE b; --') == '"a""; DROP TABLE b; --"'


def test_our_own_tables_do_not_hide_the_users(records: Records, database_url: str):
    records.migrate()
    query(database_url, "CREATE TABLE public.releases (album text, target int)")
    query(database_url, "INSERT INTO public.releases VALUES ('x', 1)")

    assert [column.name for column in columns(database_url, "releases")] == ["album", "target"]
    with reading(database_url) as moment:
        assert moment.query("SELECT album FROM releases") == [("x",)]
        assert moment.stream("SELECT album FROM releases")[0].names == ["album"]
        assert not [name for name in moment.tables() if name.startswith("evergreen.")]
    assert query(database_url, "SELECT album FROM releases") == [("x",)]


def test_what_is_written_lands_in_public_unless_told_otherwise(records: Records, database_url: str):
    records.migrate()
    query(database_url, "CREATE SCHEMA shop")

    write(database_url, "decisions", pa.table({"a": [1]}))
    write(database_url, "shop.decisions", pa.table({"a": [2, 3]}))

    assert query(database_url, "SELECT a FROM public.decisions") == [(1,)]
    assert query(database_url, "SELECT a FROM shop.decisions") == [(2,), (3,)]


def test_a_role_finds_its_tables_where_its_own_search_path_says(database_url: str):
    query(database_url, "CREATE SCHEMA sales; CREATE TABLE sales.orders (n int)")
    name = database_url.rpartition("/")[2]
    query(database_url, f"ALTER DATABASE {name} SET search_path = sales, public")

    assert [column.name for column in columns(database_url, "orders")] == ["n"]


def test_a_role_that_may_only_select_is_enough_to_read(database_url: str):
    query(database_url, "CREATE TABLE public.orders (n int); INSERT INTO orders VALUES (7)")
    name = database_url.rpartition("/")[2]
    query(
        database_url,
        f"CREATE ROLE {name}_reader LOGIN PASSWORD 'reads' NOINHERIT; GRANT CONNECT ON DATABASE"
        f" {name} TO {name}_reader; GRANT SELECT ON public.orders TO {name}_reader",
    )
    place = database_url.rpartition("@")[2]

    with reading(f"postgresql://{name}_reader:reads@{place}") as moment:
        _, batches = moment.stream("SELECT n FROM orders")
        assert [batch.to_pydict() for batch in batches] == [{"n": [7]}]


def of_pool(url: str) -> str:
    with contextlib.closing(Pool(url)) as pool, pool.transaction() as cursor:
        cursor.execute(ZONE)
        return str(cursor.fetchone()["zone"])


def of_reading(url: str) -> str:
    with reading(url) as moment:
        return str(moment.query(ZONE)[0][0])


def of_listening(url: str) -> str:
    with Records(url) as records, contextlib.closing(records.listen()) as opened:
        cursor = opened.cursor()
        cursor.execute(ZONE)
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    "zone",
    [
        of_pool,
        of_reading,
        of_listening,
        lambda url: query(url, ZONE)[0][0],
        lambda url: read(url, ZONE)["zone"][0].as_py(),
    ],
    ids=["pool", "reading", "listening", "connect", "stream"],
)
def test_every_connection_is_in_utc_whatever_the_client_and_the_server_say(
    zone: Callable[[str], str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "America/New_York")
    [(name,)] = query(database_url, "SELECT current_database()")
    execute(database_url, f"ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")

    assert zone(database_url) == "UTC"


def test_naive_times_that_are_written_are_utc(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "America/New_York")
    execute(database_url, "CREATE TABLE seen (at timestamptz)")

    write(database_url, "seen", pa.table({"at": [datetime(2026, 2, 1, 10)]}), "append")

    assert query(database_url, "SELECT at FROM seen") == [(datetime(2026, 2, 1, 10, tzinfo=UTC),)]

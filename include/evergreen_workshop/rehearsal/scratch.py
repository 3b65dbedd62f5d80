"""Databases and folders of a rehearsal's own, with a copy of the use case's history."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from evergreen import records
from evergreen.data.selection import at, relation
from evergreen.data.warehouse import Column, Reading, connect, identifier, quoted, reading
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.records import Records
from evergreen.records.pool import libpq
from evergreen.settings import Settings
from evergreen.spec import UseCase

TABLE = "source"
"""What a table is called in the copy, and what `target_sql` may call a query."""
HISTORY = "rehearsal.history"
"""All rows, whether delivered or still to come; no table of the user's lies in its schema."""


@dataclass(frozen=True)
class Place:
    """A use case and its surroundings, moved into the rehearsal's own."""

    use_case: UseCase
    """Its source is the table that deliveries fill."""
    settings: Settings
    records: Records
    time: Column
    label: str | None
    """The column that holds the labels; None: they are computed."""

    def execute(self, *statements: str) -> int:
        """Execute statements in the copy; return how many rows the last one changed."""
        with connect(self.settings.database_url) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return int(cursor.rowcount)

    def newest(self, table: str) -> datetime | None:
        """Return the newest event time of `HISTORY` or of what has been delivered."""
        with reading(self.settings.database_url) as moment:
            time = self.time.identifier
            [(found,)] = moment.query(f"SELECT max({time})::timestamptz FROM {table}")
        return None if found is None else found

    @property
    def live(self) -> str:
        """The table that deliveries fill, quoted."""
        return identifier(str(self.use_case.source.table))


@contextlib.contextmanager
def of(use_case: UseCase, settings: Settings, runs: str = "template1") -> Iterator[Place]:
    """Copy the history, and drop the copy afterwards.

    `runs`: a database to copy that has MLflow's tables already; without them MLflow takes seconds.

    Raises:
        DeclarationError: the source has no timestamp: there are no days to replay.
        EvergreenError: no database can be created.
    """
    if use_case.source.timestamp is None:
        raise DeclarationError("source.timestamp", None, "a column: without it there are no days")
    home = Path(tempfile.mkdtemp(prefix="evergreen-rehearsal-"))
    name = f"rehearsal_{use_case.name[:30]}_{os.getpid()}"
    try:
        with (
            database(settings.warehouse_url, name) as url,
            database(settings.warehouse_url, f"{name}_runs", runs) as tracking,
        ):
            here = replace(
                apart(settings, home, url, tracking),
                expectations_dir=_suite(use_case, settings, home),
            )
            with records.open(here) as kept:
                yield _copy(use_case, settings, here, kept)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def apart(settings: Settings, home: Path, url: str, tracking: str) -> Settings:
    """Return the settings of a home of its own, which tells nobody; the databases by their URLs."""
    return replace(
        settings,
        home=home,
        database_url=url,
        tracking_uri=tracking.replace("postgresql://", "postgresql+psycopg2://"),
        artifacts_url=str(home / "artifacts"),
        notify_urls=(),
        airflow_database_url="",
        apart_warehouse_url="",
        direct_url="",
        store_url="",
        store_options={},
    )


def _suite(use_case: UseCase, settings: Settings, home: Path) -> Path:
    """Copy the suite, so that an announced change can be written into it."""
    folder = home / "expectations"
    folder.mkdir()
    name = f"{use_case.name}.json"
    shutil.copy(settings.expectations_dir / name, folder / name)
    return folder


@contextlib.contextmanager
def database(url: str, name: str, template: str = "template1") -> Iterator[str]:
    """Create a database beside that of the URL; drop it afterwards."""
    try:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        _administer(url, create.format(sql.Identifier(name), sql.Identifier(template)))
    except psycopg2.errors.InsufficientPrivilege as error:
        raise EvergreenError(f"{error}; a rehearsal wants a user with CREATEDB") from error
    parts = urlsplit(libpq(url))
    try:
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        _administer(url, drop)


def _administer(url: str, statement: sql.Composed) -> None:
    with contextlib.closing(psycopg2.connect(libpq(url))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _copy(use_case: UseCase, settings: Settings, here: Settings, kept: Records) -> Place:
    """Copy every row of the source into `HISTORY`, and make the table that will be delivered."""
    source = use_case.source
    table, alias = relation(source)
    name = source.table.split(".")[-1] if source.table else TABLE
    with reading(settings.warehouse_url) as moment:
        columns = moment.columns(table)
        rows = copied(moment, columns, f"{table} AS {alias}")
    by_name = {column.name: column for column in columns}
    moved = replace(use_case, source=replace(source, table=name, query=None), draft=False)
    label = source.target if source.target_sql is None else None
    place = Place(moved, here, kept, by_name[str(source.timestamp)], label)
    typed = ", ".join(f"{column.identifier} {column.type}" for column in columns)
    key = ", ".join(quoted(column) for column in source.key)
    place.execute(
        "CREATE SCHEMA rehearsal",
        f"CREATE TABLE {HISTORY} ({typed})",
        f"CREATE TABLE {quoted(name)} ({typed}, UNIQUE ({key}))",
    )
    with connect(here.database_url) as connection, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {HISTORY} FROM STDIN", rows)
    return place


def copied(moment: Reading, columns: list[Column], table: str) -> BytesIO:
    """Return the rows of a table as COPY writes them."""
    chosen = ", ".join(column.expression for column in columns)
    rows = BytesIO()
    with moment.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY (SELECT {chosen} FROM {table}) TO STDOUT", rows)
    rows.seek(0)
    return rows


def deliver(place: Place, until: datetime, *, half_of: datetime | None = None) -> int:
    """Bring what `HISTORY` has before a moment and the table has not; return how many rows.

    `half_of`: of the rows from that moment on only the first half comes. A label comes when it is
    due: see `label`.
    """
    time = place.time.identifier
    key = ", ".join(quoted(column) for column in place.use_case.source.key)
    known = f"SELECT * FROM {HISTORY} WHERE {time} < {at(until)}"
    if half_of is not None:
        newest = f"SELECT * FROM {HISTORY} WHERE {time} >= {at(half_of)} AND {time} < {at(until)}"
        known = (
            f"(SELECT * FROM {HISTORY} WHERE {time} < {at(half_of)}) UNION ALL"
            f" ({newest} ORDER BY {time}, {key}"
            f" LIMIT (SELECT count(*) / 2 FROM ({newest}) AS day))"
        )
    if place.label is not None:
        columns = _columns_without_label(place)
        known = f"SELECT {columns} FROM ({known}) AS known"
        return place.execute(
            f"INSERT INTO {place.live} ({columns}) {known} ON CONFLICT ({key}) DO NOTHING"
        )
    return place.execute(f"INSERT INTO {place.live} {known} ON CONFLICT ({key}) DO NOTHING")


def label(place: Place, until: datetime) -> int:
    """Bring the labels of the rows whose label is due at a moment; return how many."""
    if place.label is None:
        return 0
    name, time = quoted(place.label), place.time.identifier
    due = at(until - place.use_case.source.label_delay)
    same = " AND ".join(
        f"live.{quoted(key)} = history.{quoted(key)}" for key in place.use_case.source.key
    )
    return place.execute(
        f"UPDATE {place.live} AS live SET {name} = history.{name} FROM {HISTORY} AS history"
        f" WHERE {same} AND live.{name} IS NULL AND live.{time} <= {due}"
    )


def correct(place: Place, since: datetime, until: datetime) -> int:
    """Change a measured column a little, within what it has been; return how many rows."""
    source = place.use_case.source
    kept = {*source.key, source.timestamp, source.target}
    with reading(place.settings.database_url) as moment:
        columns = moment.columns(place.live)
    measured = [c for c in columns if c.type in {"float4", "float8"} and c.name not in kept]
    if not measured:
        return 0
    name, time = measured[0].identifier, place.time.identifier
    most = f"(SELECT max({name}) FROM {HISTORY})"
    return place.execute(
        f"UPDATE {place.live} SET {name} = least({name} + abs({name}) * 0.001, {most})"
        f" WHERE {time} >= {at(since)} AND {time} < {at(until)}"
    )


def announce(place: Place, column: str) -> None:
    """Add a column of whole numbers to the table, and to the suite."""
    place.execute(f"ALTER TABLE {place.live} ADD COLUMN {column} bigint NOT NULL DEFAULT 0")
    path = place.settings.expectations_dir / f"{place.use_case.name}.json"
    suite = json.loads(path.read_text())
    for check in suite["expectations"]:
        if check["type"] == "expect_table_columns_to_match_set":
            check["kwargs"]["column_set"].append(column)
    typed = {"column": column, "type_": "int64"}
    check = {"type": "expect_column_values_to_be_of_type", "kwargs": typed, "meta": {}}
    suite["expectations"].append(check)
    path.write_text(json.dumps(suite))


def _columns_without_label(place: Place) -> str:
    with reading(place.settings.database_url) as moment:
        columns = moment.columns(HISTORY)
    return ", ".join(c.identifier for c in columns if c.name != place.label)

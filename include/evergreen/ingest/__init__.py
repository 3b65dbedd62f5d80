"""Rows from files and HTTP APIs into the PostgreSQL table of a use case, so that one path follows.

Usage::

    for landing in ingest.land(use_case, as_of=as_of, records=records, settings=settings):
        print(landing.sentence)                            # again: no change
    ingest.load("orders.csv", "orders", ("id",), Dialect(), settings=settings)

Every value is kept as it was delivered, or the delivery is refused with its row:

`files` `api`                        what has arrived: files by arrival, pages over HTTP (`periods`)
`csv_file` `parquet_file` `json_rows`  each as a `delivery`: columns, and batches of text
`dialect`                            how a CSV file is written
`stage`                              the rows in a temporary table, and what is wrong with them
`exactness` `inference`              which values a type holds; which type a new column gets
`table`                              from the stage into the table, all or nothing
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, datetime

from evergreen.errors import DataRefused, DeclarationError
from evergreen.ingest import api, files, periods, table
from evergreen.ingest.delivery import Delivery
from evergreen.ingest.files import Arrival
from evergreen.records import Records
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import TABLE, Api, Dialect, Files, UseCase


def land(
    use_case: UseCase,
    *,
    as_of: datetime,
    day: date | None = None,
    records: Records,
    settings: Settings,
) -> Iterator[Landing]:
    """Land what has come up to `as_of`, or one `day` of an API; yield what became of each.

    A row whose key is there already replaces it; the last delivery stands. What is in the table
    already is left alone. The table is created at first.

    Raises:
        DataRefused: a file cannot be read, or its values, columns or types are not those of the
            table, which has none of them (the other files are landed); nothing is there to land;
            or the use case declares no `ingest`.
        SourceAway: an API does not answer. What came before is landed.
    """
    if (ingest := use_case.ingest) is None:
        raise DataRefused([f"{use_case.name} declares no ingest="])
    source = ingest.source
    if isinstance(source, Files):
        yield from _land_files(use_case, source, records, settings)
        return
    if day:
        due = periods.of_day(source, day)
    else:
        landed, relation = _before(use_case, records, settings)
        due = periods.due(ingest, source, as_of, landed, relation)
    for period in due:
        yield _land_period(use_case, source, period, records, settings)


def load(
    path: str, target: str, key: tuple[str, ...], dialect: Dialect, *, settings: Settings
) -> Landing:
    """Put the rows of one file into a table, which is created at first.

    Raises:
        DeclarationError: the table's name is not `name` or `schema.name` in [a-z0-9_].
        DataRefused: as `land`.
    """
    if not TABLE.fullmatch(target):
        raise DeclarationError("table", target, "name or schema.name in [a-z0-9_]")
    with files.opened(path, dialect) as (delivery, sha256):
        landing = Landing(use_case=target, item=path, sha256=sha256, rows=0)
        return _take(landing, table.upsert(settings.warehouse_url, target, key, delivery))


def _land_files(
    use_case: UseCase, source: Files, records: Records, settings: Settings
) -> Iterator[Landing]:
    """Land the files that came first before the others, and all that came after a new one again.

    So an older file never overwrites its correction, even if it was landed late.
    """
    landed, relation = _before(use_case, records, settings)
    newest, refused = 0, list[str]()
    for file in files.arrived(source, landed):
        landing = landed.get(file.path)
        try:
            if landing is None or not _stands(landing, file, source, relation, newest):
                landing = _land_file(use_case, source, file, records, settings)
            else:
                landing = replace(landing, known=True)
        except DataRefused as refusal:
            refused += refusal.reasons
        else:
            newest = landing.number
            yield landing
    if refused:
        raise DataRefused(refused)


def _stands(landing: Landing, file: Arrival, source: Files, relation: str, newest: int) -> bool:
    """Tell whether a file is in the table, and was landed after all that came before it."""
    same = (landing.sha256, landing.read_as) == (file.sha256, _read_as(source))
    there = landing.relation == relation or not landing.rows
    return same and there and landing.number > newest


def _land_file(
    use_case: UseCase, source: Files, file: Arrival, records: Records, settings: Settings
) -> Landing:
    with files.opened(file.path, source) as (delivery, sha256):
        landing = Landing(
            use_case=use_case.name,
            item=file.path,
            sha256=sha256,
            rows=0,
            read_as=_read_as(source),
            delivered_at=file.delivered_at,
        )
        return _land(use_case, landing, delivery, records, settings)


def _before(
    use_case: UseCase, records: Records, settings: Settings
) -> tuple[dict[str, Landing], str]:
    """Return the last landing of each item, and which table is there now."""
    relation = table.relation(settings.warehouse_url, str(use_case.source.table))
    return records.landings.newest(use_case.name), relation


def _land_period(
    use_case: UseCase, source: Api, period: str, records: Records, settings: Settings
) -> Landing:
    with api.asked(source, period) as rows:
        landing = Landing(use_case=use_case.name, item=period, sha256=rows.sha256, rows=0)
        if not rows.count:  # an empty day is an empty day
            return replace(landing, number=records.landings.record(landing))
        return _land(use_case, landing, rows.delivery(), records, settings)


def _land(
    use_case: UseCase, landing: Landing, delivery: Delivery, records: Records, settings: Settings
) -> Landing:
    target, key = str(use_case.source.table), use_case.source.key
    with records.locks.hold("landing", target):
        landing = _take(landing, table.upsert(settings.warehouse_url, target, key, delivery))
        number = records.landings.record(landing)  # a crash before it: again, to the same end
        return replace(landing, number=number)


def _take(landing: Landing, taken: table.Taken) -> Landing:
    return replace(landing, rows=taken.rows, relation=taken.relation, notes=taken.notes)


def _read_as(dialect: Dialect) -> str:
    said = [(field.name, getattr(dialect, field.name)) for field in fields(Dialect)]
    return ", ".join(f"{name}={value!r}" for name, value in said if value not in {None, ()})

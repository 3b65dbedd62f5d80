"""Rows from files and HTTP APIs into the PostgreSQL table of a use case, so that one path follows.

Usage::

    for landing in ingest.land(use_case, as_of=as_of, records=records, settings=settings):
        print(landing.sentence)                            # again: no change
    ingest.load("orders.csv", "orders", ("id",), Dialect(), settings=settings)

Every value is kept as it was delivered, or the delivery is refused with its row:

`files` `api`                        what has arrived: files by arrival, pages over HTTP (`periods`)
`order`                              the last delivery stands
`csv_file` `parquet_file` `json_rows`  each as a `delivery`: columns, and batches of text
`dialect`                            how a CSV file is cut into cells
`stage`                              the rows in a temporary table, and what is wrong with them
`reading` `marks`                    how a number may be written; how those of a file are
`exactness` `inference`              which values a type holds; which type a new column gets
`table`                              from the stage into the table, all or nothing
"""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from functools import partial

from evergreen.errors import DataRefused, DeclarationError
from evergreen.ingest import api, files, periods, table
from evergreen.ingest.delivery import Delivery
from evergreen.ingest.files import Arrival
from evergreen.ingest.order import Item, land_in_order
from evergreen.personal import struck
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
        SourceAway: an API does not answer. What came before is landed, and is not asked for again.
    """
    records.retirements.check(use_case.name)
    if (ingest := use_case.ingest) is None:
        raise DataRefused([f"{use_case.name} declares no ingest="])
    url, target = settings.warehouse_url, str(use_case.source.table)
    relation = table.relation(url, target)
    if table.is_emptied(url, target):
        records.landings.lose(use_case.name)
    landed = records.landings.newest(use_case.name)
    desk, source = _Desk(use_case=use_case, records=records, settings=settings), ingest.source
    if isinstance(source, Files):
        items = [desk.file(source, each) for each in files.arrived(source, landed)]
    elif day:
        items = [desk.period(source, each, by_hand=True) for each in periods.of_day(source, day)]
    else:
        due = periods.wanted(ingest, source, as_of, landed, relation)
        items = [desk.period(source, each) for each in due]
    yield from land_in_order(items, landed, relation)


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


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Where the items of a use case are taken in."""

    use_case: UseCase
    records: Records
    settings: Settings

    def file(self, source: Files, file: Arrival) -> Item:
        """Return a file as an item: the same bytes, to be read in the same way, are the same."""
        read_as = _read_as(source)
        return Item(
            name=file.path,
            is_same=lambda before: (before.sha256, before.read_as) == (file.sha256, read_as),
            land=partial(self._land_file, source, file),
        )

    def period(self, source: Api, period: str, *, by_hand: bool = False) -> Item:
        """Return a period as an item; once it was over it stays, unless a person asks for it."""
        return Item(
            name=period,
            is_same=lambda before: not by_hand and periods.was_over(source, before),
            land=partial(self._land_period, source, period),
        )

    def _land_file(self, source: Files, file: Arrival) -> Landing:
        if file.refusal:
            raise file.refusal
        with _telling(self._personal), files.opened(file.path, source) as (delivery, sha256):
            landing = Landing(
                use_case=self.use_case.name,
                item=file.path,
                sha256=sha256,
                rows=0,
                read_as=_read_as(source),
                delivered_at=file.delivered_at,
            )
            return self._land(landing, delivery)

    def _land_period(self, source: Api, period: str) -> Landing:
        moment = datetime.now(UTC)
        with _telling(self._personal), api.asked(source, period) as rows:
            landing = Landing(
                use_case=self.use_case.name,
                item=period,
                sha256=rows.sha256,
                rows=0,
                delivered_at=moment,
            )
            if not rows.count:  # an empty day is an empty day
                return replace(landing, number=self.records.landings.record(landing))
            return self._land(landing, rows.delivery())

    @property
    def _personal(self) -> tuple[str, ...]:
        return self.use_case.source.personal

    def _land(self, landing: Landing, delivery: Delivery) -> Landing:
        source, url = self.use_case.source, self.settings.warehouse_url
        target = str(source.table)
        with self.records.locks.hold("landing", target):
            taken = table.upsert(url, target, source.key, delivery, source.personal)
            landing = _take(landing, taken, source.personal)
            number = self.records.landings.record(landing)  # a crash before it: again, no change
            return replace(landing, number=number)


def _take(landing: Landing, taken: table.Taken, personal: Collection[str] = ()) -> Landing:
    notes = tuple(
        struck(note) if any(name in note for name in personal) else note for note in taken.notes
    )
    return replace(landing, rows=taken.rows, relation=taken.relation, notes=notes)


@contextlib.contextmanager
def _telling(personal: Collection[str]) -> Iterator[None]:
    """Strike what a refusal quotes of a row, where columns are personal."""
    try:
        yield
    except DataRefused as refusal:
        if not personal:
            raise
        raise DataRefused(map(struck, refusal.reasons)) from None


def _read_as(dialect: Dialect) -> str:
    said = [(field.name, getattr(dialect, field.name)) for field in fields(Dialect)]
    return ", ".join(f"{name}={value!r}" for name, value in said if value not in {None, ()})

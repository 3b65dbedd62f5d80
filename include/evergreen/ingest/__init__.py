"""Rows from files and HTTP APIs into the PostgreSQL table of a use case, so that one path follows.

Usage::

    for item in ingest.items(use_case, day):                  # paths of files, or the day
        ingest.land(use_case, item, records=records, settings=settings)    # again: no change
"""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from evergreen.errors import DataRefused, DeclarationError
from evergreen.ingest import api, files, table
from evergreen.records import Records
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import TABLE, Api, Ingest, UseCase

if TYPE_CHECKING:
    import pyarrow as pa


def items(use_case: UseCase, day: date) -> list[str]:
    """Return what there is to land: the paths of the files, or the day of an API.

    Raises:
        DataRefused: nothing of that name is there, or the use case declares no `ingest`.
    """
    source = _declared(use_case).source
    return [day.isoformat()] if isinstance(source, Api) else files.paths(source)


def land(use_case: UseCase, item: str, *, records: Records, settings: Settings) -> Landing:
    """Put the rows of a file or of a day into the table; what was landed before is left alone.

    A row whose key is there already replaces it. The table is created at first.

    Raises:
        DataRefused: the item cannot be read, or its columns or types are not those of the table;
            the table is as it was.
    """
    source, target = _declared(use_case).source, str(use_case.source.table)
    read = api.read(source, item) if isinstance(source, Api) else files.read(item)
    return _land(use_case.name, target, use_case.source.key, item, *read, records, settings)


def load(
    path: str, table: str, key: tuple[str, ...], *, records: Records, settings: Settings
) -> Landing:
    """Put the rows of one file into a table, which is created at first.

    Raises:
        DeclarationError: the table's name is not `name` or `schema.name` in [a-z0-9_].
        DataRefused: as `land`.
    """
    if not TABLE.fullmatch(table):
        raise DeclarationError("table", table, "name or schema.name in [a-z0-9_]")
    return _land(table, table, key, path, *files.read(path), records, settings)


def _land(
    name: str, target: str, key: tuple[str, ...], item: str, sha256: str, rows: "pa.Table",
    records: Records, settings: Settings,
) -> Landing:  # fmt: skip
    landing = Landing(use_case=name, item=item, sha256=sha256, rows=rows.num_rows)
    with records.locks.hold("landing", name):
        if records.landings.has(landing):
            return replace(landing, rows=0, known=True)
        table.upsert(settings.warehouse_url, target, key, rows, item)
        records.landings.record(landing)  # a crash before it: landed again, to the same end
    return landing


def _declared(use_case: UseCase) -> Ingest:
    if use_case.ingest is None:
        raise DataRefused([f"{use_case.name} declares no ingest="])
    return use_case.ingest

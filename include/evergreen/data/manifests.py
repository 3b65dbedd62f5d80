"""What a snapshot's manifest says: the columns with their types, and the chunks of their rows."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from evergreen.data.chunks import UNDATED

FORMAT = 2
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some rows of a snapshot, one Parquet file."""

    name: str
    """For people: `2026`, `2026-08`, `2026-08-24`, `0f/16`, `all`."""
    key: str
    sha256: str
    rows: int
    bytes: int
    days: tuple[int, int] | None = None
    """First and last day (since 1970-01-01, UTC) of its rows' event times; None: not known."""

    @property
    def file(self) -> str:
        """The name of the file in the folder of chunks."""
        return f"{self.key}-{self.sha256}.parquet"


@dataclass(frozen=True)
class Group:
    """Columns that lie in the same chunks, which hold all rows in their order."""

    columns: tuple[str, ...]
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Between:
    """Rows by their event time: from `start` to `end`, both included; None: without that end."""

    column: str
    start: datetime | None
    end: datetime | None

    def touches(self, chunk: Chunk) -> bool:
        """Tell whether a chunk may hold such rows."""
        if chunk.days is None:
            return True
        first, last = (self._day(moment) for moment in (self.start, self.end))
        return (first is None or chunk.days[1] >= first) and (last is None or chunk.days[0] <= last)

    def holds(self, chunk: Chunk) -> bool:
        """Tell whether all rows of a chunk are such rows for certain."""
        if chunk.days is None or chunk.days[1] == UNDATED:
            return False
        first, last = (self._day(moment) for moment in (self.start, self.end))
        return (first is None or chunk.days[0] > first) and (last is None or chunk.days[1] < last)

    def of(self, table: pa.Table) -> pa.Table:
        """Return the rows of a table."""
        time = table[self.column]
        moments = pc.cast(time, pa.timestamp("us", tz="UTC"))
        inside = pc.is_valid(moments)
        if self.start is not None:
            inside = pc.and_(inside, pc.greater_equal(moments, _scalar(self.start)))
        if self.end is not None:
            inside = pc.and_(inside, pc.less_equal(moments, _scalar(self.end)))
        return table.filter(inside)

    @staticmethod
    def _day(moment: datetime | None) -> int | None:
        return None if moment is None else (moment.astimezone(UTC).date() - EPOCH).days


def document(use_case: str, schema: pa.Schema, groups: Sequence[Group]) -> dict[str, Any]:
    """Return a manifest as plain JSON, without its `about`."""
    plain = {
        "format": FORMAT,
        "use_case": use_case,
        "rows": sum(chunk.rows for chunk in groups[0].chunks),
        "bytes": sum(chunk.bytes for group in groups for chunk in group.chunks),
        "columns": {column.name: str(column.type) for column in schema},
        "schema": base64.b64encode(schema.serialize().to_pybytes()).decode(),
        "groups": [asdict(group) for group in groups],
    }
    return plain | {"sha256": digest(plain)}


def digest(manifest: dict[str, Any]) -> str:
    """Return the digest of the columns and of the chunks of a manifest."""
    content = [
        manifest["columns"],
        [
            [group["columns"], [[chunk["sha256"], chunk["rows"]] for chunk in group["chunks"]]]
            for group in manifest["groups"]
        ],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def names(manifest: dict[str, Any]) -> list[str]:
    """Return the digests that a snapshot is known by, the first one first.

    More than one: it was rewritten at its address, as somebody was forgotten. It `replaces` what
    had the others, and `evergreen.erasures` says of each which one followed it, when and why.
    """
    return [*manifest.get("replaces", ()), manifest["sha256"]]


def schema(manifest: dict[str, Any]) -> pa.Schema:
    """Return the columns with their Arrow types."""
    return pa.ipc.read_schema(pa.BufferReader(base64.b64decode(manifest["schema"])))


def groups(manifest: dict[str, Any]) -> list[Group]:
    """Return the groups of columns, with their chunks."""
    return [
        Group(
            tuple(group["columns"]),
            tuple(
                Chunk(**{**chunk, "days": tuple(chunk["days"]) if chunk["days"] else None})
                for chunk in group["chunks"]
            ),
        )
        for group in manifest["groups"]
    ]


def stretch(groups: Sequence[Group], between: Between | None) -> tuple[int, int]:
    """Return from which row to which one the chunks lie that may hold what is asked for."""
    chunks = groups[0].chunks
    ends = list(accumulate(chunk.rows for chunk in chunks))
    if between is None:
        return 0, ends[-1] if ends else 0
    touched = [
        (end - chunk.rows, end)
        for chunk, end in zip(chunks, ends, strict=True)
        if between.touches(chunk)
    ]
    return (touched[0][0], touched[-1][1]) if touched else (0, 0)


def bare(schema: pa.Schema) -> pa.Schema:
    """Drop the metadata, which tells of the driver and not of the rows."""
    return pa.schema([pa.field(column.name, column.type) for column in schema])


def _scalar(moment: datetime) -> pa.Scalar:
    return pa.scalar(moment, pa.timestamp("us", tz="UTC"))

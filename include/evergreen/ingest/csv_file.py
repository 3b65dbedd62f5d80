"""A CSV file as a delivery: every cell is text, as it stands there."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv

from evergreen import room
from evergreen.errors import DataRefused
from evergreen.ingest import dialect as dialects
from evergreen.ingest.delivery import Delivery, check_names
from evergreen.ingest.exactness import LOOKS_LIKE_ANY
from evergreen.ingest.spool import PIECE, pieces, refuse_bomb
from evergreen.spec import Dialect

BLOCK = 8 << 20
"""Bytes that are parsed at once: no row may be longer."""


def deliver(item: str, file: Path, text: IO[bytes], declared: Dialect) -> Delivery:
    """Open a CSV file, packed or not; `text` is a draft that takes it as UTF-8.

    Raises:
        DataRefused: it is not in its encoding, no table, or its dialect is to be said.
    """
    encoding = _write_utf8(item, file, text, declared)
    sample = _sample(text)
    dialect, names = dialects.detect(item, sample, declared)
    check_names(item, names)
    return Delivery(
        item=item,
        columns=dict.fromkeys(names, LOOKS_LIKE_ANY),
        batches=_batches(item, text, names, dialect),
        dialect=dialect,
        notes=dialects.told(dialect, encoding),
    )


def _write_utf8(item: str, file: Path, text: IO[bytes], declared: Dialect) -> str:
    try:
        with gzip.open(file) if item.endswith(".gz") else file.open("rb") as stream:
            encoding = dialects.encoding(item, stream.read(4), declared)
            stream.seek(0)
            for piece in _decoded(item, stream, encoding):
                text.write((piece if text.tell() else piece.lstrip("\r\n")).encode())
                refuse_bomb(item, file.stat().st_size, text.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise room.ran_out(error) or DataRefused([f"{item} cannot be read: {error}"]) from error
    text.flush()
    return encoding


def _decoded(item: str, stream: Any, encoding: str) -> Iterator[str]:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    try:
        for piece in pieces(stream):
            found = decoder.decode(piece)
            line += found.count("\n")
            yield found
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        before = getattr(error, "object", b"")[: getattr(error, "start", 0)].count(b"\n")
        raise DataRefused([
            f"{item}, line {line + before:,}: it is not {encoding.upper()}"
            f" ({getattr(error, 'reason', error)}); say its encoding, as encoding='latin-1' or"
            " --encoding latin-1"
        ]) from error  # fmt: skip


def _sample(text: IO[bytes]) -> str:
    text.seek(0)
    found = text.read(PIECE)
    whole = found if len(found) < PIECE else found[: found.rfind(b"\n") + 1]
    return whole.decode(errors="ignore")


def _batches(
    item: str, text: IO[bytes], names: list[str], dialect: Dialect
) -> Iterator[pa.RecordBatch]:
    watch, last = _Watch(item), ""
    try:
        for batch in pyarrow.csv.open_csv(
            text.name,
            pyarrow.csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=int(bool(dialect.header)),
                block_size=BLOCK,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=dialect.separator,
                newlines_in_values=True,
                invalid_row_handler=watch.ragged,
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        ):
            last = batch.column(batch.num_columns - 1)[-1].as_py() if batch.num_rows else last
            yield batch
        _refuse_open_quote(item, text, dialect.separator, last)
    except pa.ArrowInvalid as error:
        said = str(error)
        if "straddl" in said:
            said = f"a row is longer than {BLOCK >> 20} MB; is a quote missing?"
        raise watch.refusal or DataRefused([f"{item} cannot be read: {said}"]) from error


def _refuse_open_quote(item: str, text: IO[bytes], separator: str | None, last: str) -> None:
    """Refuse a file whose last cell opens a quote that nothing closes, and so swallows the rest."""
    cell = b'"' + last.replace('"', '""').encode()
    text.seek(max(0, text.seek(0, io.SEEK_END) - len(cell) - 1))
    before, opened, after = text.read().partition(cell)
    text.seek(0)
    if opened and not after and before in {b"", b"\r", b"\n", (separator or ",").encode()}:
        raise DataRefused([f"{item}: a quote is opened and never closed, before {last[:60]!r}"])


@dataclass
class _Watch:
    """Keeps what was wrong with a row: pyarrow only tells that one was."""

    item: str
    refusal: DataRefused | None = None

    def ragged(self, row: Any) -> str:
        """Note a row that is longer or shorter than the first line."""
        self.refusal = DataRefused([
            f"{self.item}: the row {row.text[:60]!r} has {row.actual_columns} fields, and the first"
            f" line has {row.expected_columns}; is the separator another one (--separator), or a"
            " quote missing?"
        ])  # fmt: skip
        return "error"

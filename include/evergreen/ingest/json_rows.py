"""Objects of JSON as a delivery, however many: kept in a local file until all of them are known.

Usage::

    with draft() as file:
        rows = JsonRows("2026-02-01", file)
        rows.add(parse(answer))                # as often as there are pages
        rows.delivery(), rows.sha256
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

import pyarrow as pa

from evergreen.errors import DataRefused
from evergreen.ingest.delivery import BATCH, Delivery, check_names
from evergreen.ingest.exactness import LOOKS_LIKE_ANY, LOOKS_LIKE_TIME


class Number(str):
    """A number of JSON in its own digits."""

    __slots__ = ()


def parse(text: str) -> Any:
    """Read a document of JSON; numbers stay as they are written."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


@dataclass
class JsonRows:
    """The rows of an item, one line each in a file."""

    item: str
    file: IO[bytes]
    count: int = 0
    _texts: dict[str, bool] = field(default_factory=dict)
    """By field, in the order of their first coming, whether it has held a text."""
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Keep some more.

        Raises:
            DataRefused: a field holds a list or an object.
        """
        for row in rows:
            self.count += 1
            kept = {name: self._cell(name, value) for name, value in row.items()}
            line = json.dumps(kept, sort_keys=True).encode() + b"\n"
            self._digest.update(line)
            self.file.write(line)

    @property
    def sha256(self) -> str:
        """Digest of the rows, in their order."""
        return str(self._digest.hexdigest())

    def delivery(self) -> Delivery:
        """Return the rows that were kept; a field that some lack is NULL there."""
        check_names(self.item, self._texts)
        self.file.flush()
        return Delivery(
            item=self.item,
            columns={
                name: LOOKS_LIKE_TIME if text else LOOKS_LIKE_ANY
                for name, text in self._texts.items()
            },
            batches=self._batches(),
        )

    def _cell(self, name: str, value: Any) -> str | None:
        is_text = isinstance(value, str) and not isinstance(value, Number)
        self._texts[name] = self._texts.get(name, False) or is_text
        if isinstance(value, bool):
            return str(value).lower()
        if value is None or isinstance(value, str):
            return value
        what = "an object" if isinstance(value, dict) else "a list"
        raise DataRefused([
            f"{self.item}, row {self.count:,}: {name} holds {what}, and a column of a table holds"
            " one value; ask the API for its parts as fields of their own"
        ])  # fmt: skip

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.file.seek(0)
        lines = iter(self.file)
        while some := [json.loads(line) for line in islice(lines, BATCH)]:
            arrays = [self._array(name, [row.get(name) for row in some]) for name in self._texts]
            yield pa.RecordBatch.from_arrays(arrays, list(self._texts))

    def _array(self, name: str, values: list[str | None]) -> pa.Array:
        try:
            return pa.array(values, pa.string())
        except UnicodeEncodeError as error:
            raise DataRefused([
                f"{self.item}: {name} holds half a character (a lone surrogate), which no text has"
            ]) from error  # fmt: skip

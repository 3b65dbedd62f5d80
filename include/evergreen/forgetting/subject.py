"""Who is to be forgotten, and how what we hold is known to be about it.

    subject = Subject.asked("churn", ("customer_id",), ["customer_id=17"], types)
    subject.holds(table)                     # of each row of an Arrow table
    subject.row({"customer_id": 17, …})      # of a row in JSON
    subject.scrub(document)                  # a text or document of JSON without it

A *mark* is a value that nobody else has, long enough not to be met by chance: of a key, or of a
personal column. It is struck out wherever it stands in words; a short key only as `customer_id=17`.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evergreen.data.rewriting import Mask
from evergreen.errors import DeclarationError, did_you_mean
from evergreen.records.subjects import Asked
from evergreen.serving.contract import utc

GONE = "(forgotten)"
SHORTEST, SHORTEST_NUMBER = 6, 8
"""Characters of a mark: of a text, of a number."""
ROWS = "rows"
"""What a list of sample rows is called, in the evidence of a validation."""
ROUNDS = 200_000
"""Of PBKDF2: whoever has the records cannot try all numbers of customers in no time."""


@dataclass(frozen=True)
class Subject:
    """One subject of a use case, by columns of the key."""

    use_case: str
    key: Mapping[str, str]
    """Each column that was asked by, and the value as it was written."""
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    """Of these columns, as far as a snapshot tells."""
    personal: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Marks in personal columns."""

    @classmethod
    def asked(
        cls,
        use_case: str,
        columns: Sequence[str],
        given: Sequence[str],
        types: Mapping[str, pa.DataType],
    ) -> "Subject":
        """Read `column=value`, once for each column.

        Raises:
            DeclarationError: it is not written so, names no column of the key, or one twice, or
                the value is none of the column's type.
        """
        key: dict[str, str] = {}
        for text in given:
            name, equals, value = text.partition("=")
            if not equals or not value or name in key:
                raise DeclarationError("--key", text, "COLUMN=VALUE, once for each column")
            if name not in columns:
                hint = did_you_mean(name, columns)
                raise DeclarationError("--key", name, f"{', '.join(columns)}{hint}")
            key[name] = value
        if not key:
            raise DeclarationError("--key", list(given), f"one of {', '.join(columns)}=VALUE")
        subject = cls(use_case, key, {name: types[name] for name in key if name in types})
        for name, kind in subject.types.items():
            if _scalar(key[name], kind) is None:
                raise DeclarationError("--key", f"{name}={key[name]}", f"a value of type {kind}")
        return subject

    def with_marks(self, personal: Mapping[str, Collection[str]]) -> "Subject":
        """Return it with values of personal columns that nobody else has."""
        marks = {n: frozenset(filter(_is_mark, texts)) for n, texts in personal.items()}
        return replace(self, personal={name: found for name, found in marks.items() if found})

    @property
    def columns(self) -> list[str]:
        """The columns that it is asked by."""
        return list(self.key)

    @property
    def records(self) -> Asked:
        """How the records know it."""
        own = {name: sorted(texts) for name, texts in self.personal.items()}
        return Asked({name: sorted(self._texts(name)) for name in self.key}, own)

    @cached_property
    def marks(self) -> frozenset[str]:
        """What is struck out wherever it stands."""
        whole = len(self.key) == 1
        own = {t for n in self.key for t in self._texts(n) if whole and self._is_mark(n, t)}
        return frozenset(own.union(*self.personal.values()))

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """What a text holds that may be about it, as JSON and CSV write it."""
        texts = {text for name in self.key for text in self._texts(name)} | self.marks
        return tuple(sorted(re.split(r'["\\]', text)[0] for text in texts))

    def digest(self, salt: str) -> str:
        """Return what stands for it on record."""
        written = "\0".join(f"{n}={sorted(self._texts(n))[0]}" for n in sorted(self.key))
        salted = hashlib.pbkdf2_hmac("sha256", written.encode(), salt.encode(), ROUNDS)
        return salted.hex()

    def holds(self, table: pa.Table) -> Mask:
        """Tell which rows of a table are its own."""
        found = np.ones(len(table), dtype=bool)
        for name, text in self.key.items():
            column = table[name]
            value = _scalar(text, column.type)
            if value is None:
                return np.zeros(len(table), dtype=bool)
            same = pc.fill_null(pc.equal(column, value), fill_value=False)
            found &= same.to_numpy().astype(bool)
        return found

    def row(self, row: Any) -> bool:
        """Tell whether a row of JSON is its own: by the key, or by a mark in a personal column."""
        if not isinstance(row, dict):
            return False
        if all(str(row.get(name)) in self._texts(name) for name in self.key):
            return True
        return any(str(row.get(name)) in texts for name, texts in self.personal.items())

    def prediction(self, line: Mapping[str, Any]) -> bool:
        """Tell whether a prediction, as the service writes it, is about it or knows its rows."""
        if any(self.row(line.get(name)) for name in ("key", "inputs")):
            return True
        past = line.get("history")
        if isinstance(past, list) and any(map(self.row, past)):
            return True
        [*names] = self.key
        return len(names) == 1 and line.get("subject") in self._texts(names[0])

    def struck(self, text: str) -> str:
        """Return a text without it."""
        return self._pattern.sub(lambda found: "".join(filter(None, found.groups())) + GONE, text)

    def scrub(self, value: Any) -> Any:
        """Return a text or a document without it: sample rows go, words are struck out."""
        if isinstance(value, str):
            return self.struck(value)
        if isinstance(value, list):
            return [self.scrub(one) for one in value if not self._named(one)]
        if isinstance(value, dict):
            return {self.scrub(name): self._held(name, one) for name, one in value.items()}
        return value

    def _held(self, name: str, value: Any) -> Any:
        rows = name == ROWS and isinstance(value, list)
        return self.scrub([one for one in value if not self.row(one)] if rows else value)

    def _named(self, value: Any) -> bool:
        """Tell whether an element of a list is a mark, or how often one was met (of GX)."""
        alone = value.get("value") if isinstance(value, dict) else value
        return not isinstance(alone, dict | list | bool) and str(alone) in self.marks

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Match a mark as a whole word, and `column=value`."""
        words = sorted(self.marks, key=len, reverse=True)
        named = (
            rf"((?<!\w){re.escape(name)}=)(?:{_any(self._texts(name))})(?!\w)" for name in self.key
        )
        alone = [rf"(?<!\w)(?:{_any(words)})(?!\w)"] if words else []
        return re.compile("|".join([*named, *alone]))

    def _texts(self, name: str) -> set[str]:
        """Return how a value of the key may be written."""
        kind = self.types.get(name)
        value = None if kind is None else _scalar(self.key[name], kind)
        plain = None if value is None else value.as_py()
        if plain is None:
            return {self.key[name]}
        return {self.key[name], str(plain), *(_moments(plain) if isinstance(plain, date) else ())}

    def _is_mark(self, name: str, text: str) -> bool:
        return _is_mark(text) and not pa.types.is_temporal(self.types.get(name, pa.string()))


def _is_mark(text: str) -> bool:
    return len(text) >= (SHORTEST_NUMBER if re.fullmatch(r"[\d.\-: ]+", text) else SHORTEST)


def _moments(plain: date) -> tuple[str, str, str]:
    """Write a day or a moment as it is, and in UTC as stored features and the service do."""
    in_utc = utc(plain).isoformat()
    return plain.isoformat(), in_utc, in_utc.replace("+00:00", "Z")


def _any(texts: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _scalar(text: str, kind: pa.DataType) -> "pa.Scalar[Any] | None":
    """Return a text as a value of a type; None: it is none."""
    try:
        return pa.scalar(text).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None

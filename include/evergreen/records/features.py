"""Features of rows by key, for serving: of one definition each, filled part by part.

    definition = kept.features.begin("sales", sha256, as_of)      # None: a newer fill was here
    kept.features.put(definition, "2026-08", digest, as_of, rows)     # the same again: nothing
    kept.features.seal(definition, ["2026-08"], as_of, good_until, run_key)
    kept.features.find("sales", sha256, [{"city": "Oslo", "day": "2026-08-01T00:00:00+00:00"}])

A part (a chunk of a snapshot) takes the place of the one of its name, in one transaction: a row
that was corrected is replaced, one that is gone goes. No fill overwrites what a newer one wrote.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from evergreen.records.session import Row, Session, document
from evergreen.records.subjects import Asked

COLUMNS = "key, entity, time, numbers, texts, raw"
BATCH = 10_000
"""Rows of a COPY that lie in memory."""
STAGE = f"""
CREATE TEMP TABLE staged ON COMMIT DROP AS
SELECT {COLUMNS} FROM evergreen.features LIMIT 0
"""
COPY = f"COPY pg_temp.staged ({COLUMNS}) FROM STDIN (FORMAT csv)"
TAKE = f"""
INSERT INTO evergreen.features AS held (definition, part, as_of, {COLUMNS})
SELECT %(definition)s, %(name)s, %(as_of)s, {COLUMNS} FROM pg_temp.staged
ON CONFLICT (definition, key) DO UPDATE SET entity = EXCLUDED.entity, time = EXCLUDED.time,
    numbers = EXCLUDED.numbers, texts = EXCLUDED.texts, raw = EXCLUDED.raw,
    part = EXCLUDED.part, as_of = EXCLUDED.as_of
WHERE held.as_of <= EXCLUDED.as_of
"""
DROP = """
DELETE FROM evergreen.features AS held WHERE definition = %(definition)s AND part = %(name)s
    AND as_of <= %(as_of)s
    AND NOT EXISTS (SELECT FROM pg_temp.staged WHERE staged.key = held.key)
"""
FIND = """
SELECT number - 1 AS place, held.numbers, held.texts, held.raw, held.time, held.key,
    own.as_of, own.good_until, own.run_key
FROM jsonb_array_elements(%(keys)s::jsonb) WITH ORDINALITY AS asked (key, number)
JOIN evergreen.feature_definitions AS own
    ON own.use_case = %(use_case)s AND own.sha256 = %(sha256)s AND own.as_of IS NOT NULL
JOIN evergreen.features AS held ON held.definition = own.id AND held.key = asked.key
"""
NEWEST = """
SELECT 0 AS place, held.numbers, held.texts, held.raw, held.time, held.key,
    own.as_of, own.good_until, own.run_key
FROM evergreen.feature_definitions AS own JOIN evergreen.features AS held
    ON held.definition = own.id AND held.entity = %(entity)s::jsonb
WHERE own.use_case = %(use_case)s AND own.sha256 = %(sha256)s AND own.as_of IS NOT NULL
    AND (%(at)s::timestamptz IS NULL OR held.time <= %(at)s::timestamptz)
ORDER BY held.time DESC NULLS LAST LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class StoredRow:
    """The features of a row."""

    key: Row
    entity: Row
    time: datetime | None
    numbers: Sequence[float]
    texts: Sequence[str | None]
    raw: str
    """JSON of its raw columns."""


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """The features of a row as they were stored."""

    place: int
    """Of its key among those that were asked for."""
    key: Row
    time: datetime | None
    numbers: Sequence[float]
    texts: Sequence[str | None]
    raw: Row
    as_of: datetime
    """Of the newest fill."""
    good_until: datetime
    run_key: str


class Features:
    """The tables `evergreen.features`, `feature_parts` and `feature_definitions`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, use_case: str, sha256: str, as_of: datetime) -> int | None:
        """Return the number of a definition; None: a newer fill than this has come to its end."""
        with self._session.writing() as cursor:
            values = {"use_case": use_case, "sha256": sha256}
            cursor.execute(
                "INSERT INTO evergreen.feature_definitions (use_case, sha256)"
                " VALUES (%(use_case)s, %(sha256)s) ON CONFLICT DO NOTHING",
                values,
            )
            cursor.execute(
                "SELECT id, as_of FROM evergreen.feature_definitions"
                " WHERE use_case = %(use_case)s AND sha256 = %(sha256)s",
                values,
            )
            row = cursor.fetchone()
        return None if row["as_of"] and row["as_of"] > as_of else int(row["id"])

    def has(self, definition: int, name: str, sha256: str) -> bool:
        """Tell whether a part is there as it is."""
        return bool(
            self._session.read(
                "SELECT FROM evergreen.feature_parts WHERE definition = %s AND name = %s"
                " AND sha256 = %s",
                (definition, name, sha256),
            )
        )

    def put(
        self,
        definition: int,
        name: str,
        sha256: str,
        as_of: datetime,
        rows: Iterable[StoredRow],
    ) -> bool:
        """Let rows take the place of a part; False: a newer fill was here, and nothing changes."""
        values = {"definition": definition, "name": name, "sha256": sha256, "as_of": as_of}
        with self._session.writing() as cursor:
            cursor.execute(
                "SELECT as_of > %(as_of)s AS newer FROM evergreen.feature_parts"
                " WHERE definition = %(definition)s AND name = %(name)s FOR UPDATE",
                values,
            )
            known = cursor.fetchone()
            if known and known["newer"]:
                return False
            cursor.execute(STAGE)
            for batch in _batches(rows):
                cursor.copy_expert(COPY, batch)
            cursor.execute(TAKE, values)
            if known:
                cursor.execute(DROP, values)
            cursor.execute(
                "INSERT INTO evergreen.feature_parts (definition, name, sha256, as_of)"
                " VALUES (%(definition)s, %(name)s, %(sha256)s, %(as_of)s)"
                " ON CONFLICT (definition, name) DO UPDATE SET sha256 = EXCLUDED.sha256,"
                " as_of = EXCLUDED.as_of",
                values,
            )
        return True

    def seal(
        self,
        definition: int,
        names: Collection[str],
        as_of: datetime,
        good_until: datetime,
        run_key: str,
    ) -> int:
        """End a fill: parts of other names go; return how many rows there are.

        A definition that a newer fill has sealed stays as it is.
        """
        values = {
            "definition": definition, "names": list(names), "as_of": as_of,
            "good_until": good_until, "run_key": run_key,
        }  # fmt: skip
        with self._session.writing() as cursor:
            cursor.execute(
                "UPDATE evergreen.feature_definitions SET as_of = %(as_of)s,"
                " good_until = %(good_until)s, run_key = %(run_key)s"
                " WHERE id = %(definition)s AND coalesce(as_of <= %(as_of)s, true) RETURNING id",
                values,
            )
            if cursor.fetchone():
                for table, column in (("features", "part"), ("feature_parts", "name")):
                    cursor.execute(
                        f"DELETE FROM evergreen.{table} WHERE definition = %(definition)s"
                        f" AND {column} <> ALL(%(names)s)",
                        values,
                    )
            cursor.execute(
                "SELECT count(*) AS rows FROM evergreen.features WHERE definition = %(definition)s",
                values,
            )
            return int(cursor.fetchone()["rows"])

    def find(self, use_case: str, sha256: str, keys: Sequence[Row]) -> list[Shelved]:
        """Return what is stored of the rows with these keys, by a definition that was filled."""
        asked = {"use_case": use_case, "sha256": sha256, "keys": document(list(keys))}
        return [Shelved(**row) for row in self._session.read(FIND, asked)]

    def newest(
        self, use_case: str, sha256: str, entity: Row, at: datetime | None = None
    ) -> Shelved | None:
        """Return the newest of an entity, not after a moment; None: there is none."""
        asked = {"use_case": use_case, "sha256": sha256, "entity": document(entity), "at": at}
        found = self._session.read(NEWEST, asked)
        return Shelved(**found[0]) if found else None

    def definitions(self, use_case: str) -> list[Row]:
        """Return those of a use case, the one that was filled last first: sha256, as_of, rows."""
        return self._session.read(
            "SELECT sha256, as_of, created_at, (SELECT count(*) FROM evergreen.features AS held"
            " WHERE held.definition = own.id) AS rows FROM evergreen.feature_definitions AS own"
            " WHERE use_case = %s ORDER BY as_of DESC NULLS LAST, id DESC",
            (use_case,),
        )

    def drop(self, use_case: str, sha256: str) -> None:
        """Let go of a definition with all of its features."""
        self._session.write(
            "DELETE FROM evergreen.feature_definitions WHERE use_case = %s AND sha256 = %s",
            (use_case, sha256),
        )

    def about(self, use_case: str, asked: Asked) -> int:
        """Count the rows of a subject."""
        [row] = self._session.read(
            f"SELECT count(*) FROM evergreen.features AS held WHERE {_of_subject(asked)}",
            asked.values | {"use_case": use_case},
        )
        return int(row["count"])

    def forget(self, use_case: str, asked: Asked) -> None:
        """Delete the rows of a subject."""
        self._session.write(
            f"DELETE FROM evergreen.features AS held WHERE {_of_subject(asked)}",
            asked.values | {"use_case": use_case},
        )


def _of_subject(asked: Asked) -> str:
    own = "SELECT id FROM evergreen.feature_definitions WHERE use_case = %(use_case)s"
    return f"held.definition IN ({own}) AND ({asked.among('held.key', 'held.raw')})"


def _batches(rows: Iterable[StoredRow]) -> Iterator[io.StringIO]:
    left = iter(rows)
    while some := list(islice(left, BATCH)):
        written = io.StringIO()
        csv.writer(written).writerows(map(_line, some))
        written.seek(0)
        yield written


def _line(row: StoredRow) -> tuple[str, ...]:
    numbers = ",".join(map(repr, row.numbers))
    time = "" if row.time is None else row.time.isoformat()
    texts = document(list(row.texts))
    return (document(row.key), document(row.entity), time, f"{{{numbers}}}", texts, row.raw)

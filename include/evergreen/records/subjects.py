"""What the records hold of one subject: predictions with their labels, and words about its rows.

found = kept.subjects.predictions("churn", asked)          # how many
kept.subjects.forget_predictions("churn", asked, on_record)
kept.subjects.rewrite("churn", needles, scrub)             # decisions, incidents, windows …
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evergreen.records.prunings import BATCH, Pruning, let_go
from evergreen.records.session import Row, Session, document
from evergreen.refs import Json

TOLD: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "decisions": ("id", ("sentence",), ("evidence",)),
    "incidents": ("id", ("message", "resolution", "delivery", "resolution_delivery"), ()),
    "windows": ("id", ("sentence",), ("document",)),
    "scorings": ("id", (), ("reasons",)),
    "trainings": ("key", (), ("document",)),
    "approvals": ("id", ("sentence", "reason", "outcome"), ()),
    "promotions": ("id", ("reason",), ()),
    "pins": ("id", ("reason",), ()),
    "retirements": ("id", ("reason",), ()),
    "releases": ("id", ("reason", "outcome"), ()),
    "erasures": ("id", ("reason",), ()),
    "requests": ("id", ("reason",), ()),
    "quarantine": ("id", (), ("key",)),
}
"""Tables that tell of rows in words: how a row is named, its texts, its documents."""
LISTED = "CASE jsonb_typeof(history) WHEN 'array' THEN history ELSE '[]' END"


@dataclass(frozen=True)
class Asked:
    """How the records know a subject."""

    key: Mapping[str, Sequence[str]]
    """Each column of the key, and how its value may be written; all of them must be equal."""
    personal: Mapping[str, Sequence[str]]
    """Values of personal columns that nobody else has: one of them is enough."""

    @property
    def values(self) -> dict[str, Any]:
        """The values of the statements."""
        named = {f"k{n}": list(texts) for n, texts in enumerate(self.key.values())}
        names = {f"kn{n}": name for n, name in enumerate(self.key)}
        own = {f"p{n}": list(texts) for n, texts in enumerate(self.personal.values())}
        return named | names | own | {f"pn{n}": name for n, name in enumerate(self.personal)}

    @property
    def condition(self) -> str:
        """SQL that tells whether a prediction is about the subject, or knows its rows."""
        held = [self._in("predictions.key"), self._in("inputs")]
        held.append(f"EXISTS (SELECT FROM jsonb_array_elements({LISTED}) AS past"
                    f" WHERE {self._in('past')})")  # fmt: skip
        if len(self.key) == 1:
            held.append("subject = ANY(%(k0)s)")
        return f"({' OR '.join(held)})"

    def among(self, *rows: str) -> str:
        """Write SQL that tells whether one of some JSON columns is a row of the subject."""
        return " OR ".join(map(self._in, rows))

    def _in(self, row: str) -> str:
        key = " AND ".join(f"{row} ->> %(kn{n})s = ANY(%(k{n})s)" for n in range(len(self.key)))
        own = (f"{row} ->> %(pn{n})s = ANY(%(p{n})s)" for n in range(len(self.personal)))
        return f"coalesce(({' OR '.join([f'({key})', *own])}), false)"


class Subjects:
    """What the tables hold of one subject."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def predictions(self, use_case: str, asked: Asked) -> int:
        """Count the predictions about a subject, or that know a row of it."""
        [row] = self._session.read(
            "SELECT count(*) FROM evergreen.predictions WHERE use_case = %(use_case)s"
            f" AND {asked.condition}",
            asked.values | {"use_case": use_case},
        )
        return int(row["count"])

    def forget_predictions(self, use_case: str, asked: Asked, on_record: Pruning) -> bool:
        """Delete predictions with their labels and shadows, and count them as pruned.

        One batch, in one transaction. False: none is left.
        """
        values = asked.values | {"use_case": use_case, "batch": BATCH}
        with self._session.writing() as cursor:
            cursor.execute(
                "SELECT request_id, time FROM evergreen.predictions WHERE use_case = %(use_case)s"
                f" AND {asked.condition} LIMIT %(batch)s",
                values,
            )
            return let_go(cursor, cursor.fetchall(), on_record)

    def quarantined(self, use_case: str, asked: Asked, *, apply: bool) -> int:
        """Count the rows of a subject that a suite has refused; with `apply` they are let go of.

        By their key, which they are kept by: of a number, words tell nothing.
        """
        held = f" evergreen.quarantine WHERE use_case = %(use_case)s AND {asked.among('key')}"
        values = asked.values | {"use_case": use_case}
        if apply:
            with self._session.writing() as cursor:
                cursor.execute(f"DELETE FROM{held}", values)
                return int(cursor.rowcount)
        [row] = self._session.read(f"SELECT count(*) FROM{held}", values)
        return int(row["count"])

    def unkeyed(self, use_case: str, columns: Collection[str]) -> int:
        """Count the predictions that were asked for without the key: nobody knows of whom."""
        [row] = self._session.read(
            "SELECT count(*) FROM evergreen.predictions WHERE use_case = %s AND key IS NULL"
            " AND subject IS NULL AND NOT inputs ?& %s",
            (use_case, list(columns)),
        )
        return int(row["count"])

    def rewrite(
        self,
        use_case: str,
        needles: Collection[str],
        scrub: Callable[[Any], Any],
        *,
        apply: bool,
    ) -> int:
        """Write what is told of a subject's rows without it; return of how many rows of ours.

        Args:
            use_case: whose.
            needles: texts of which a row must hold one to be looked at.
            scrub: returns a text or a document without the subject.
            apply: write; else only count.
        """
        return sum(self._table(t, use_case, needles, scrub, apply=apply) for t in TOLD)

    def fits_under_way(self, use_case: str) -> int:
        """Count the fits that are being made to serve: they hold rows in their memory."""
        [row] = self._session.read(
            "SELECT count(*) FROM evergreen.leases JOIN evergreen.trainings"
            " ON name = key || '/fit' WHERE purpose = 'training' AND use_case = %s"
            " AND expires_at > clock_timestamp()",
            (use_case,),
        )
        return int(row["count"])

    def scorings_under_way(self, use_case: str) -> int:
        """Count the batch scorings that are being made: what they read, they write at the end."""
        [row] = self._session.read(
            "SELECT count(*) FROM evergreen.leases WHERE purpose = 'scoring'"
            " AND starts_with(name, %s || '/') AND expires_at > clock_timestamp()",
            (use_case,),
        )
        return int(row["count"])

    def dossiers(self, use_case: str) -> dict[int, Json]:
        """Return the document of every version."""
        rows = self._session.read(
            "SELECT version, document FROM evergreen.dossiers WHERE use_case = %s", (use_case,)
        )
        return {row["version"]: row["document"] for row in rows}

    def golden(self, use_case: str, version: int, run_id: str, golden: Json, sha256: str) -> None:
        """Write the golden rows of a version anew, with their digest in its promotions."""
        with self._session.writing() as cursor:
            cursor.execute(
                "UPDATE evergreen.dossiers SET document = jsonb_set(document, '{golden}', %s)"
                " WHERE use_case = %s AND version = %s",
                (document(golden), use_case, version),
            )
            cursor.execute(
                "UPDATE evergreen.promotions SET golden_sha256 = %s WHERE use_case = %s"
                " AND run_id = %s AND golden_sha256 IS NOT NULL",
                (sha256, use_case, run_id),
            )

    def _table(
        self,
        table: str,
        use_case: str,
        needles: Collection[str],
        scrub: Callable[[Any], Any],
        *,
        apply: bool,
    ) -> int:
        name, texts, documents = TOLD[table]
        columns = (*texts, *documents)
        rows = self._session.read(
            f"SELECT {name}, {', '.join(columns)} FROM evergreen.{table} AS held"
            " WHERE use_case = %s AND EXISTS"
            " (SELECT FROM unnest(%s::text[]) AS needle WHERE strpos(held::text, needle) > 0)",
            (use_case, list(needles)),
        )
        changed = 0
        for row in rows:
            clean = {one: scrub(row[one]) for one in columns}
            if all(clean[one] == row[one] for one in columns):
                continue
            changed += 1
            if apply:
                self._write(table, name, row[name], {
                    one: document(clean[one]) if one in documents else clean[one]
                    for one in columns
                })  # fmt: skip
        return changed

    def _write(self, table: str, name: str, id: object, values: Row) -> None:
        sets = ", ".join(f"{column} = %({column})s" for column in values)
        self._session.write(
            f"UPDATE evergreen.{table} SET {sets} WHERE {name} = %(its_name)s",
            values | {"its_name": id},
        )

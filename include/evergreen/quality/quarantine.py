"""Rows that break an expectation about rows: put apart up to a share, with their reasons.

Usage::

    broken = quarantine.broken(suite, checks)      # None: something else than rows is wrong
    bad = quarantine.rows(broken, results, table, use_case.source)
    clean = quarantine.put_apart(snapshot, bad, settings)
    quarantine.recorded(clean, bad).notes      # ("3 rows are in quarantine: temp_max ...",)

A range, a set, a missing value or a duplicate key is about rows; a column that is gone, a type or
the number of rows is not, and refuses the data as ever.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from evergreen.data import rewriting, snapshots
from evergreen.personal import masked
from evergreen.plain import plain
from evergreen.quality import phrases, reasons
from evergreen.quality.gx import ExpectationSuite, ExpectationValidationResult
from evergreen.quality.reasons import Checked
from evergreen.refs import Json, SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import Source
from evergreen.spec.lengths import percent


@dataclass(frozen=True)
class BadRow:
    """A row that is put apart."""

    place: int
    """Its number in the snapshot that was extracted."""
    key: Json
    """Without personal values."""
    reasons: tuple[str, ...]
    """What it breaks: columns and limits, never its values."""


class QuarantineLog(Protocol):
    """Where they are put on record."""

    def put(
        self, use_case: str, snapshot_sha256: str, as_of: datetime, rows: Sequence[BadRow]
    ) -> None:
        """Keep the rows of a snapshot, in the place of those of earlier ones."""


def broken(suite: ExpectationSuite, checks: Sequence[Checked]) -> ExpectationSuite | None:
    """Return the expectations that failed, if all of them are about rows; None: one is not."""
    failed = [check for check in checks if not check.passed]
    if not failed or not all(_is_of_rows(check) for check in failed):
        return None
    return ExpectationSuite(name=suite.name, expectations=[one.expectation for one in failed])


def rows(
    suite: ExpectationSuite,
    results: Iterable[ExpectationValidationResult],
    table: reasons.Looked,
    source: Source,
) -> list[BadRow]:
    """Return the rows that break one of the expectations, in the order of the snapshot."""
    found: dict[int, list[str]] = {}
    for check in reasons.pair(suite, results, table, source.key, source.personal):
        for place in check.figures.get("unexpected_index_list") or ():
            found.setdefault(int(place), []).append(_reason(check))
    places = sorted(found)
    columns = [name for name in source.key if name in table.column_names]
    keys = table.look_up(columns, places)
    return [
        BadRow(place, _key(key, source.personal), tuple(dict.fromkeys(found[place])))
        for place, key in zip(places, keys, strict=True)
    ]


def too_many(bad: Sequence[BadRow], among: int, allowed: float) -> str:
    """Say that more rows would be put apart than may be; empty: they may."""
    if 0 < len(bad) <= allowed * among:
        return ""
    share = phrases.share(len(bad), among).replace(" values ", " rows ")
    return f"{share} break expectations about rows; source.quarantine allows {percent(allowed)}"


def put_apart(snapshot: SnapshotRef, bad: Sequence[BadRow], settings: Settings) -> SnapshotRef:
    """Write the snapshot without these rows."""
    gone = np.zeros(snapshot.rows, dtype=bool)
    gone[[row.place for row in bad]] = True
    stored = rewriting.apart(
        snapshots.of(settings), snapshot.uri, snapshot.sha256, gone, {"step": "quarantine"}
    )
    counts = replace(snapshot.counts, taken=stored.rows)
    return replace(snapshot, uri=stored.uri, sha256=stored.sha256, rows=stored.rows, counts=counts)


def recorded(clean: SnapshotRef, bad: Sequence[BadRow]) -> SnapshotRef:
    """Return the snapshot that lacks these rows, with notes and counts that say where they are."""
    told = f"{_rows(bad)} {'is' if len(bad) == 1 else 'are'} in quarantine: {_why(bad)}"
    return noting(replace(clean, counts=replace(clean.counts, quarantined=len(bad))), told)


def in_vain(bad: Sequence[BadRow]) -> str:
    """Say that the data are refused without these rows, too, so that none is in quarantine."""
    return f"refused without the {_rows(bad)} that might be put apart, too: {_why(bad)}"


def noting(snapshot: SnapshotRef, note: str) -> SnapshotRef:
    """Return the snapshot with one more note."""
    return replace(snapshot, notes=(*snapshot.notes, note))


def _rows(bad: Sequence[BadRow]) -> str:
    return f"{len(bad):,} {'row' if len(bad) == 1 else 'rows'}"


def _why(bad: Sequence[BadRow]) -> str:
    counted = Counter(reason for row in bad for reason in row.reasons)
    return ", ".join(f"{reason} ({rows:,})" for reason, rows in counted.most_common())


def _is_of_rows(check: Checked) -> bool:
    figures = check.figures
    return not check.error and bool(figures.get("unexpected_count")) and "element_count" in figures


def _reason(check: Checked) -> str:
    return f"{phrases.subject(check.kwargs)} {check.breaks}"


def _key(key: dict[str, Any], personal: Sequence[str]) -> Json:
    return masked({name: plain(value) for name, value in key.items()}, personal)

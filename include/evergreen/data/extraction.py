"""The first step: one moment of the source, as an immutable snapshot.

Usage::

    snapshot = extract(use_case, as_of=as_of, asked_at=asked_at, settings=settings)

Every column of the source is kept, so that validation sees what changed. A row whose label is due
and has not come is left out, and taken when it has come (see labels).

Booleans, integers, floats, text, dates and timestamps stay what they are (timestamps count as UTC,
timestamptz become UTC); numeric and money become double precision; anything else (uuid, json, enum,
array ...) text.

PostgreSQL sums up the rows as they would be stored, labels included, by day or by hashed key; what
the store holds already is read there, checked, and not asked for again.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from evergreen.data import chunks, manifests, snapshots
from evergreen.data.chunks import Part, Planned
from evergreen.data.labels import Labels
from evergreen.data.manifests import Between, Group
from evergreen.data.selection import STRANGE_TIMES, Cuts, Selection, enclosed, relation
from evergreen.data.snapshots import SnapshotStore, StoredSnapshot
from evergreen.data.streams import OtherLength, take
from evergreen.data.warehouse import Column, Reading, exists, reading
from evergreen.errors import DataRefused, SnapshotCorrupt, did_you_mean
from evergreen.personal import told
from evergreen.records.errors import StatementRefused, ValueRefused
from evergreen.refs import Counts, Json, SnapshotRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

UNREADABLE = (
    StatementRefused,
    ValueRefused,
    dbapi.ProgrammingError,
    dbapi.DataError,
)
FLOAT8 = 701
MOMENTS = ("date", "timestamp")
"""How the Arrow types of event times begin."""
_OTHER = (
    "the source of {} gives other rows when it is asked twice at one moment ({}): they must not"
    " hang on now(), random() or a LIMIT without an order"
)
LOCK = "snapshots"
"""Shared by those who extract, which may take up old chunks; who deletes chunks holds it alone."""


def extract(
    use_case: UseCase, *, as_of: datetime, asked_at: datetime, settings: Settings
) -> SnapshotRef:
    """Take the rows that are known at `as_of`, from one moment of the database.

    The same `as_of` on the same rows gives the same bytes. `asked_at` (the wall clock of whoever
    asks) only tells rows that a backfill leaves out from rows of an impossible future.

    Raises:
        DataRefused: the source cannot be read, its newest row is too old, or too many labels
            have not come.
        ValueError: a moment without a time zone.
    """
    cuts = Cuts.of(use_case, _utc("as_of", as_of), _utc("asked_at", asked_at))
    store = snapshots.of(settings)
    with _refusing(use_case), reading(settings.warehouse_url) as moment:
        selection, notes = _select(use_case, cuts, moment)
        counts = _count(selection, use_case, moment)
        notes += _excluded(counts.excluded, use_case)
        selection = replace(selection, whole=_is_whole(counts, use_case))
        selection, labels, label_notes = _with_label(selection, use_case, moment)
        notes += label_notes
        late = _late(use_case, selection, moment, store)
        about = {
            "step": "extract",
            "source": use_case.source.table or use_case.source.query,
            "as_of": cuts.as_of.isoformat(),
            "newest": labels.newest and labels.newest.isoformat(),
            "notes": notes,
        }
        stored = _store(use_case, selection, moment, store, about)
    return SnapshotRef(
        use_case=use_case.name,
        uri=stored.uri,
        sha256=stored.sha256,
        rows=stored.rows,
        as_of=cuts.as_of,
        counts=replace(counts, taken=stored.rows, unlabelled=labels.left_out, late=late),
        notes=tuple(notes),
    )


def has_changed(
    use_case: UseCase, manifest: Json, *, asked_at: datetime, settings: Settings
) -> bool:
    """Tell whether a snapshot would hold other rows, were it taken once more as of its moment.

    Rows or labels that came late, or were put right. PostgreSQL sums up; no row is sent.

    Raises:
        DataRefused: the source cannot be read any more.
    """
    as_of = datetime.fromisoformat(manifest["about"]["as_of"])
    fresh = replace(use_case, source=replace(use_case.source, max_age=None, max_unlabelled=1.0))
    with _refusing(use_case), reading(settings.warehouse_url) as moment:
        selection, _ = _select(fresh, Cuts.of(fresh, as_of, asked_at), moment)
        whole = _is_whole(_count(selection, fresh, moment), fresh)
        selection, _, _ = _with_label(replace(selection, whole=whole), fresh, moment)
        _, keys = _planned(selection, moment)
    stored = {chunk.key for group in manifests.groups(manifest) for chunk in group.chunks}
    return set(keys.values()) != set(manifest["about"].get("keys", stored))


@contextlib.contextmanager
def _refusing(use_case: UseCase) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        said = _said(error, use_case)
        refusal = DataRefused([f"the source of {use_case.name} cannot be read: {said}"])
        raise refusal from (error if said == str(error) else None)  # a log tells the cause, too


def _said(error: Exception, use_case: UseCase) -> str:
    """Return the words of PostgreSQL; what it says of data may quote a personal value."""
    of_data = isinstance(error, ValueRefused | dbapi.DataError)
    return told(error, use_case.source.personal if of_data else ())


def _select(use_case: UseCase, cuts: Cuts, moment: Reading) -> tuple[Selection, list[str]]:
    """Build the selection from the columns that are there, and note what is not."""
    source = use_case.source
    _check_table(source.table, moment)
    table, alias = relation(use_case.source)
    columns = {column.name: column for column in moment.columns(table)}
    notes = [_missing(name, columns) for name in source.key if name not in columns]
    time, time_notes = _time(source.timestamp, columns)
    selection = Selection(
        relation=table,
        alias=alias,
        columns=tuple(columns.values()),
        time=time,
        key=tuple(columns[name] for name in source.key if name in columns),
        cuts=cuts,
        newest=use_case.windows.holdout,
        excluded=source.excluded if time else (),
    )
    return selection, notes + time_notes


def _check_table(table: str | None, moment: Reading) -> None:
    if table is not None and not exists(moment, table):
        known = moment.tables()
        hint = did_you_mean(table, known) or f"; there are: {', '.join(known) or 'none'}"
        raise DataRefused([f"source.table: there is no table {table!r}{hint}"])


def _time(name: str | None, columns: dict[str, Column]) -> tuple[Column | None, list[str]]:
    if name is None:
        return None, []
    if name not in columns:
        return None, [_missing(name, columns) + "; the rows were not cut by time"]
    if not columns[name].is_time:
        return None, [
            f"source.timestamp: {name!r} is {columns[name].type}, not a date or timestamp;"
            " the rows were not cut by time"
        ]
    return columns[name], []


def _missing(name: str, columns: dict[str, Column]) -> str:
    return f"the source has no column {name!r}{did_you_mean(name, columns)}"


def _count(selection: Selection, use_case: UseCase, moment: Reading) -> Counts:
    """Count what the rules on time leave out or find odd; refuse a source that is stale."""
    duplicates = moment.query(selection.duplicates)[0][0] if selection.key else 0
    if selection.time is None and not selection.doubtful:
        return Counts(taken=0, duplicates=duplicates)
    [(immature, later, future, infinite, seen, *lost)] = moment.query(selection.counts)
    if selection.time and infinite:
        raise DataRefused(
            [f"{selection.time.name}: {infinite} rows have an infinite event time; correct them"]
        )
    _refuse_lost(dict(zip(selection.doubtful, lost, strict=True)))
    _check_age(use_case, selection.cuts.as_of, seen)
    excluded = moment.query(selection.left_out)[0][0] if selection.excluded else 0
    return Counts(
        taken=0, immature=immature, later=later, future=future, duplicates=duplicates,
        excluded=excluded,
    )  # fmt: skip


def _refuse_lost(lost: dict[Column, int]) -> None:
    """Refuse values that would be others when they are read."""
    told = {
        True: STRANGE_TIMES,
        False: "have a key that loses digits as a number; cast it to text or bigint in a query",
    }
    if found := [f"{c.name}: {rows} rows {told[c.is_time]}" for c, rows in lost.items() if rows]:
        raise DataRefused(found)


def _is_whole(counts: Counts, use_case: UseCase) -> bool:
    """Tell whether nobody knows what a computed label has seen: see `Selection.whole`."""
    return counts.duplicates > 0 and use_case.source.target_sql is not None


def _excluded(rows: int, use_case: UseCase) -> list[str]:
    """Say which days are left out, and how many rows they had."""
    days = "; ".join(map(str, use_case.source.excluded))
    return [f"{rows:,} rows are left out as declared ({days})"] if days else []


def _with_label(
    selection: Selection, use_case: UseCase, moment: Reading
) -> tuple[Selection, Labels, list[str]]:
    """Add the label; if PostgreSQL cannot compute it, NULL and the reason.

    Raises:
        DataRefused: too many labels have not come.
    """
    source = use_case.source
    if source.target_sql is None:
        known = {column.name: column for column in selection.columns}
        selection = replace(selection, label=known.get(source.target))
        labels = _labels(selection, use_case, moment)
        return selection, labels, labels.notes
    target = f"{enclosed(source.target_sql)} AS target"
    computed = f"(SELECT {target} FROM {selection.known} AS {selection.alias})"
    try:
        column = Column(source.target, moment.columns(computed)[0].oid)
        labelled = replace(selection, target=source.target_sql, target_column=column, label=column)
        labels = _labels(labelled, use_case, moment)
    except (StatementRefused, ValueRefused) as error:
        reason = " ".join(_said(error, use_case).split())
        null = replace(selection, target_column=Column(source.target, FLOAT8))
        notes = [f"the target {source.target!r} could not be computed: {reason}"]
        return null, _labels(null, use_case, moment), notes
    return labelled, labels, labels.notes


def _labels(selection: Selection, use_case: UseCase, moment: Reading) -> Labels:
    """Compute every label, and count the mature rows that have none."""
    [(left_out, rows, missing, newest)] = moment.query(selection.labels)
    found = Labels(
        target=use_case.source.target,
        left_out=left_out,
        newest_rows=rows,
        missing=missing,
        newest=newest,
        limit=use_case.source.max_unlabelled,
    )
    if found.problem:
        raise DataRefused([found.problem])
    return found


def _store(
    use_case: UseCase,
    selection: Selection,
    moment: Reading,
    store: SnapshotStore,
    about: dict[str, Any],
) -> StoredSnapshot:
    """Take the chunks that the store does not hold, or not sound, and make all a snapshot.

    Raises:
        DataRefused: other rows come than were counted, though both see one moment.
    """
    planned, keys = _planned(selection, moment)
    known = store.known(use_case.name, keys.values())
    fresh = [chunk for chunk in planned if keys[chunk.name] not in known]
    within = chunks.width(sum(part.rows for chunk in planned for part in chunk.parts))
    wanted = [part.number for chunk in fresh for part in chunk.parts]
    schema, batches = moment.stream(selection.rows(wanted, within))
    try:
        for chunk, rows in zip(fresh, take(batches, [c.rows for c in fresh]), strict=True):
            key = keys[chunk.name]
            known[key] = store.add(use_case.name, chunk.name, key, rows, schema)
    except OtherLength as error:
        raise DataRefused([_OTHER.format(use_case.name, error)]) from error
    days = {c.name: c.numbers if selection.time else None for c in planned}
    stored = tuple(replace(known[key], name=name, days=days[name]) for name, key in keys.items())
    return store.seal(use_case.name, schema, [Group(tuple(schema.names), stored)], about)


def _planned(selection: Selection, moment: Reading) -> tuple[Sequence[Planned], dict[str, str]]:
    """Return the chunks of the rows, and the key of each by its name."""
    parts = [Part(*found) for found in moment.query(selection.parts)]
    planned = chunks.calendar(parts) if selection.time else chunks.hashed(parts)
    columns = [(column.name, column.type) for column in selection.columns_taken]
    context = (manifests.FORMAT, pa.__version__, columns, selection.order)
    return planned, {chunk.name: chunk.key(*context) for chunk in planned}


def _check_age(use_case: UseCase, as_of: datetime, newest: datetime | None) -> None:
    allowed = use_case.source.max_age
    if allowed is None or newest is None or as_of - newest <= allowed:
        return
    raise DataRefused(
        [
            f"the source is stale: its newest row is of {newest:%Y-%m-%d %H:%M} UTC,"
            f" {as_of - newest} before {as_of:%Y-%m-%d %H:%M}; source.max_age allows {allowed}."
            " Load newer rows, or ask as of an earlier time"
        ]
    )


def _late(use_case: UseCase, selection: Selection, moment: Reading, store: SnapshotStore) -> int:
    """Count the rows that the snapshot before should have held, but did not: they came late.

    Of a damaged snapshot nothing is known; it does not stop who extracts again.
    """
    time, cuts = selection.time, selection.cuts
    if time is None or (before := _snapshot_before(use_case, time, cuts.as_of, store)) is None:
        return 0
    uri, sha256, newest = before
    [(now,)] = moment.query(selection.until(newest))
    then = Between(time.name, cuts.start, newest)
    try:
        return max(0, int(now) - store.count(uri, sha256, then))
    except SnapshotCorrupt:
        return 0


def _snapshot_before(
    use_case: UseCase, time: Column, as_of: datetime, store: SnapshotStore
) -> tuple[str, str, datetime] | None:
    """Find the snapshot of the newest `as_of` before this one: address, digest, newest row.

    One without this event time (it was called otherwise) tells nothing of it.
    """
    found = [
        (datetime.fromisoformat(about["as_of"]), uri, manifest["sha256"], about["newest"])
        for uri, manifest in store.readable(use_case.name)
        if (about := manifest["about"]).get("step") == "extract"
        and about.get("newest")
        and manifest["columns"].get(time.name, "").startswith(MOMENTS)
    ]
    earlier = sorted(snapshot for snapshot in found if snapshot[0] < as_of)
    if not earlier:
        return None
    _, uri, sha256, newest = earlier[-1]
    return uri, sha256, datetime.fromisoformat(newest)


def _utc(name: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{name} is {moment!r}; allowed: a datetime with a time zone")
    return moment.astimezone(UTC)

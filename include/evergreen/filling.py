"""Put the features of a use case into PostgreSQL, where serving reads them by key.

    filled = fill(use_case, built, run_key, as_of, records=records, settings=settings)
    filled.sentence        # "1,452 rows are stored as of …; 38 of them younger than the snapshot"

What `build` computed is copied chunk by chunk, where a chunk is new; rows that are younger than the
snapshot (their label is not known yet) are read from the source and computed by the same code.
Only such rows are stored as the raw path answers alike: not those whose history is cut off by the
beginning of the snapshot, or has a row that training left out for want of a label.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import to_json

from evergreen.data import snapshots
from evergreen.data.picking import Picked
from evergreen.data.selection import at, relation
from evergreen.data.warehouse import quoted, reading
from evergreen.dossier import Inputs, writing
from evergreen.learning import features, hiccups
from evergreen.learning.feature_code import FeatureCode
from evergreen.records import Records
from evergreen.records.features import StoredRow
from evergreen.refs import FeaturesRef, Ref
from evergreen.serving.contract import Row, as_rows, series, utc
from evergreen.serving.history import selected
from evergreen.serving.left_out import LeftOut, microseconds
from evergreen.serving.stored import canonical
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.pace import pause

log = logging.getLogger(__name__)
YOUNG = "young"
WITHOUT_A_CLOCK = timedelta(days=1)
"""Taken for the pause of what assets or people start."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Filled(Ref):
    """What is stored."""

    definition: str
    rows: int
    young: int
    written: int
    """Parts that were new or others than before."""
    sentence: str


def fill(
    use_case: UseCase,
    built: FeaturesRef,
    run_key: str,
    as_of: datetime,
    *,
    records: Records,
    settings: Settings,
) -> Filled:
    """Store the features of every row; the same again changes nothing.

    Raises:
        SnapshotCorrupt: the rows are missing or changed.
        DatabaseError: the database is away.
    """
    step = features.code(use_case)
    inputs = writing.inputs(use_case, step, writing.raw_rows(use_case, built, step, settings))
    definition = records.features.begin(use_case.name, inputs.definition, as_of)
    if definition is None:
        told = "Nothing is stored: what is there is of a later moment."
        return Filled(definition=inputs.definition, rows=0, young=0, written=0, sentence=told)
    work = _Work(built, step, inputs, as_of, records, settings)
    young = list(work.young())
    parts, written = [YOUNG], 0
    for name, digest, rows in [*work.parts(), (YOUNG, _of_rows(young), young)]:
        parts.append(name)
        if not records.features.has(definition, name, digest):
            written += records.features.put(definition, name, digest, as_of, rows)
    good = as_of + 2 * (pause(use_case.schedule) or WITHOUT_A_CLOCK)
    count = records.features.seal(definition, parts, as_of, good, run_key)
    told = (
        f"The features of {count:,} rows are stored as of {as_of:%Y-%m-%d %H:%M} UTC, of them"
        f" {len(young):,} younger than the snapshot; {written} parts are new.{work.problem}"
    )
    return Filled(
        definition=inputs.definition, rows=count, young=len(young), written=written, sentence=told
    )


@dataclass
class _Work:
    built: FeaturesRef
    step: FeatureCode
    inputs: Inputs
    as_of: datetime
    records: Records
    settings: Settings
    problem: str = ""
    """Why young rows are not stored."""

    def parts(self) -> Iterator[tuple[str, str, Iterable[StoredRow]]]:
        """Yield name, digest and rows of each chunk; the rows are read when they are asked for."""
        end = 0
        raws = self._raw.groups[0].chunks
        for chunk, raw in zip(self._made.groups[0].chunks, raws, strict=True):
            start, end = end, end + chunk.rows
            kept = self._kept[start:end]
            content = (chunk.sha256 + raw.sha256).encode() + kept.tobytes()
            digest = hashlib.sha256(content).hexdigest()
            yield chunk.name, digest, self._rows_between(start, end, kept)

    def young(self) -> Iterator[StoredRow]:
        """Yield the rows after the newest of the snapshot, known at `as_of`."""
        if self.inputs.timestamp is None or not len(self._times):
            return
        try:
            raw = self._read_young()
            wanted = self._reaching(raw) if len(raw) else np.zeros(0, dtype=bool)
            found = self.step.transform(raw)
        except Exception as error:  # nobody has validated them: whatever they are, they wait
            if hiccups.passes(error):
                raise
            log.warning("%s: young rows are not stored: %s", self._name, type(error).__name__)
            self.problem = f" Rows younger than the snapshot are not ({type(error).__name__})."
            return
        finite = ~np.isinf(found[list(self.step.numbers)].to_numpy()).any(axis=1)
        chosen = np.flatnonzero(wanted & finite)
        yield from _stored(self.inputs, raw.iloc[chosen], found.iloc[chosen])

    @property
    def _name(self) -> str:
        return self.built.snapshot.use_case

    @cached_property
    def _raw(self) -> Picked:
        snapshot, store = self.built.snapshot, snapshots.of(self.settings)
        names = dict.fromkeys((*_key(self.inputs), *_time(self.inputs), *self.inputs.names))
        return Picked(store, snapshot.uri, snapshot.sha256, tuple(names))

    @cached_property
    def _made(self) -> Picked:
        store = snapshots.of(self.settings)
        return Picked(store, self.built.uri, self.built.sha256, self.step.columns)

    @cached_property
    def _facts(self) -> pd.DataFrame:
        return self._raw.only([*_key(self.inputs), *_time(self.inputs), *self.inputs.entity])

    @cached_property
    def _times(self) -> "pd.Series[pd.Timestamp]":
        return _utc(self._facts[str(self.inputs.timestamp)])

    @cached_property
    def _kept(self) -> Mask:
        """Which rows of the snapshot have the history that the source has."""
        if not self.inputs.looks_back:
            return np.ones(len(self._raw), dtype=bool)
        since = (self._times - self._first(self._facts, self._times)).to_numpy()
        kept: Mask = since >= np.timedelta64(self.inputs.lookback)
        return kept & ~self._after_gaps() if self.built.snapshot.counts.unlabelled else kept

    def _first(
        self, rows: pd.DataFrame, times: "pd.Series[pd.Timestamp]"
    ) -> "pd.Series[pd.Timestamp]":
        """Return when the rows of the entity of each row begin, or all of them."""
        if not self.inputs.entity:
            return pd.Series(times.min(), index=times.index)
        entities = [rows[name] for name in self.inputs.entity]
        found: pd.Series[pd.Timestamp] = times.groupby(entities, dropna=False).transform("min")
        return found

    def _after_gaps(self) -> Mask:
        """Tell which rows look back at one that the snapshot lacks and the source has."""
        time, entity = str(self.inputs.timestamp), list(self.inputs.entity)
        key = list(_key(self.inputs))
        source = self._frame(
            self._read(f"<= {at(self._times.max().to_pydatetime())}"), {*key, time, *entity}
        )
        known = set(map(tuple, self._facts[key].to_numpy(object).tolist()))
        lacking = [tuple(cells) not in known for cells in source[key].to_numpy(object).tolist()]
        gaps = source.loc[lacking, entity].assign(at=_utc(source.loc[lacking, time]))
        rows = self._facts[entity].assign(at=self._times)
        near = pd.merge_asof(
            rows, gaps.assign(gap=gaps["at"]), on="at", by=entity or None,
            tolerance=pd.Timedelta(self.inputs.lookback),
        )  # fmt: skip
        found: Mask = near["gap"].notna().to_numpy()
        return found

    def _read_young(self) -> pd.DataFrame:
        since = self._times.max().to_pydatetime() - self.inputs.lookback
        rows = self._read(f">= {at(since)}")
        left_out = LeftOut(self._name, self.inputs, self.records.quarantine)
        moments = np.array([microseconds(utc(row[str(self.inputs.timestamp)])) for row in rows])
        out = left_out.among(
            moments, lambda: [{n: row[n] for n in _key(self.inputs)} for row in rows]
        )
        return self._frame([row for row, bad in zip(rows, out, strict=True) if not bad])

    def _read(self, condition: str) -> list[Row]:
        """Return rows of the source known at `as_of`, in the order of the raw path."""
        table, _ = relation(self.inputs)
        time = quoted(str(self.inputs.timestamp))
        with reading(self.settings.warehouse_url) as moment:
            expressions, names, order = selected(self.inputs, table, moment)
            rows = moment.query(
                f"SELECT {expressions} FROM {table} AS rows WHERE {time} {condition}"
                f" AND {time} <= {at(self.as_of)} ORDER BY {order}"
            )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _frame(self, rows: Sequence[Row], names: Collection[str] = ()) -> pd.DataFrame:
        """Return rows of the source, or some columns of them, with the types of training."""
        kinds = {column.name: column for column in (*self.inputs.key, *self.inputs.columns)}
        found = {
            name: series(kind, [row[name] for row in rows])
            for name, kind in kinds.items()
            if name in (names or kinds)
        }
        for name in set(_time(self.inputs)) - set(found):
            found[name] = pd.to_datetime(pd.Series([row[name] for row in rows]), utc=True)
        return pd.DataFrame(found)

    def _reaching(self, raw: pd.DataFrame) -> Mask:
        """Tell which rows are younger than the snapshot, with a whole history."""
        times = _utc(raw[str(self.inputs.timestamp)])
        young = times > self._times.max()
        if self.inputs.looks_back:
            young &= (times - self._begun(raw, times)) >= self.inputs.lookback
        found: Mask = young.to_numpy()
        return found

    def _begun(
        self, raw: pd.DataFrame, times: "pd.Series[pd.Timestamp]"
    ) -> "pd.Series[pd.Timestamp]":
        """Return when the rows of each one's entity begin, in the snapshot or after it."""
        names = list(self.inputs.entity)
        both = pd.concat([self._facts[names], raw[names]], ignore_index=True)
        moments = pd.concat([self._times, times], ignore_index=True)
        return self._first(both, moments).iloc[len(self._times) :].set_axis(times.index)

    def _rows_between(self, start: int, end: int, kept: Mask) -> Iterator[StoredRow]:
        raw, made = self._raw.between(start, end), self._made.between(start, end)
        yield from _stored(self.inputs, raw[kept], made[kept])


def _stored(inputs: Inputs, raw: pd.DataFrame, made: pd.DataFrame) -> Iterator[StoredRow]:
    numbers = made[[*inputs.numeric, *inputs.dates]].to_numpy(dtype=float).tolist()
    texts = made[[*inputs.categorical, *inputs.text]].to_numpy(dtype=object).tolist()
    kinds = {column.name: column for column in (*inputs.columns, *inputs.key)}
    for row, values, words in zip(as_rows(raw), numbers, texts, strict=True):
        time = row[inputs.timestamp] if inputs.timestamp else None
        yield StoredRow(
            key=canonical(inputs.key, row),
            entity=canonical([kinds[name] for name in inputs.whose], row),
            time=None if time is None else _moment(time),
            numbers=values,
            texts=[None if pd.isna(word) else word for word in words],
            raw=to_json({n: row[n] for n in inputs.names}, inf_nan_mode="null").decode(),
        )


def _of_rows(rows: Sequence[StoredRow]) -> str:
    told = "\n".join(repr(row) for row in rows)
    return hashlib.sha256(told.encode()).hexdigest()


def _moment(value: Any) -> datetime:
    stamp = pd.Timestamp(value)
    found: datetime = (stamp if stamp.tz else stamp.tz_localize("UTC")).to_pydatetime(warn=False)
    return found


def _utc(times: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(times, utc=True)


def _key(inputs: Inputs) -> tuple[str, ...]:
    return tuple(column.name for column in inputs.key)


def _time(inputs: Inputs) -> tuple[str, ...]:
    return (inputs.timestamp,) if inputs.timestamp else ()

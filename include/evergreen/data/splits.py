"""Which rows are judged, which train, and the folds of a walk forward or of a twin.

Usage::

    part = split(use_case, frame, as_of)             # "training", "holdout" or "unused"
    found = folds(use_case, frame, as_of)
    for fold in found.judging:                       # fold.train and fold.test: positions
        ...

Temporal use cases walk forward (`data.calendar`): the rows after `Walk.start` are judged, block by
block, each by a fit of the rows whose labels were known when the block began::

    training (with the choosing blocks) | holdout, in judging blocks | not mature: unused
                                        ^ Walk.start                 ^ Walk.end

Every part holds its end and not its start. Other use cases hold out the rows whose hashed key falls
below the share: that depends on the row's own key alone, so a row stays where it is for ever. They
are judged by a twin, fitted without them. With `windows.group` those columns are hashed, and the
rows of a group stay together.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from evergreen.data.calendar import Block, Walk, block_length
from evergreen.errors import DataRefused
from evergreen.spec import Kind, UseCase
from evergreen.spec.lengths import percent, spelled

TRAINING, HOLDOUT, UNUSED = "training", "holdout", "unused"
FOLDS = 5
_NULL = "null"
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """Rows that train, and rows that are answered by what they taught: positions in a frame."""

    train: Positions
    test: Positions
    block: Block | None = None
    """Of the walk; None: the rows are not divided by time."""

    def within(self, window: timedelta | None, times: "pd.Series | None") -> "Fold":
        """Return the fold with only the training rows of the last `window` before its newest."""
        if window is None or times is None or not len(self.train):
            return self
        known = times.iloc[stretch(self.train)]
        return replace(self, train=_where(known > known.max() - window, self.train))


@dataclass(frozen=True)
class Folds:
    """What parameters are chosen on, and what judges: never the same rows."""

    choosing: Sequence[Fold]
    judging: Sequence[Fold]
    newest: Positions
    """The mature rows, which the fit that serves learns from."""


def stretch(positions: Positions) -> slice | Positions:
    """Return positions that follow on one another as a slice: rows are looked at, not copied."""
    if len(positions) and positions[-1] - positions[0] + 1 == len(positions):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def _where(mask: "pd.Series[bool]", among: Positions) -> Positions:
    """Return those positions where a mask holds; where they follow on one another, no copy."""
    return among[stretch(np.flatnonzero(mask))]


def split(use_case: UseCase, frame: pd.DataFrame, as_of: datetime) -> pd.Series:
    """Return the part of every row, with the index of the frame.

    The frame holds the key columns and, in a temporal use case, the event times; rows without an
    event time are unused.
    """
    if not use_case.windows.temporal:
        share = float(use_case.windows.holdout)  # type: ignore[arg-type]
        held_out = shares(frame[list(grouping(use_case))]) < share
        return pd.Series(np.where(held_out, HOLDOUT, TRAINING), index=frame.index, dtype="str")
    times, walk = times_of(use_case, frame), Walk.of(use_case, as_of)
    parts = pd.Series(UNUSED, index=frame.index, dtype="str")
    parts[times <= walk.end] = TRAINING
    parts[(times > walk.start) & (times <= walk.end)] = HOLDOUT
    return parts


def grouping(use_case: UseCase) -> tuple[str, ...]:
    """Return the columns whose rows lie on one side of a split together: a group's, or the key."""
    return use_case.windows.group or use_case.source.key


def shares(keys: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Hash each row's key to a number in [0, 1).

    BLAKE2b of the key as text: the same for int 1, float 1.0 and Decimal 1, for a date and its
    midnight in UTC, on every machine and with every version of pandas.
    """
    columns = [_texts(keys[name]) for name in keys]
    digests = b"".join(
        hashlib.blake2b("\x1f".join(key).encode(), digest_size=8).digest()
        for key in zip(*columns, strict=True)
    )
    return (np.frombuffer(digests, dtype=">u8") >> 11) / 2.0**53


def _texts(column: pd.Series) -> list[str]:
    """Write each value as text that depends on no other row and on no dtype."""
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        return list(map(str, column.tolist()))
    if pd.api.types.is_datetime64_any_dtype(column):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).astype("datetime64[us]")
        texts: list[str] = np.datetime_as_string(moments.to_numpy()).tolist()
        return [_NULL if text == "NaT" else text for text in texts]
    return [_text(value) for value in column.tolist()]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    if pd.isna(value):
        return _NULL
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if value == value // 1 else repr(float(value))


def folds(use_case: UseCase, frame: pd.DataFrame, as_of: datetime) -> Folds:
    """Return the folds of all rows of a frame (key, event time, target), by position.

    Temporal: the blocks of the walk. Otherwise one twin, and cross-validation among its training
    rows: shuffled by the use case's seed, stratified by class, groups kept together. Folds whose
    training rows lack a class are left out.

    Raises:
        DataRefused: the rows are too few to judge or to choose by.
    """
    if use_case.windows.temporal:
        found = _walked(use_case, frame, Walk.of(use_case, as_of))
    else:
        found = _twin(use_case, frame, split(use_case, frame, as_of))
    if not found.judging:
        raise DataRefused([_too_few(use_case, frame, "judge by")])
    if not found.choosing:
        raise DataRefused([_too_few(use_case, frame, "choose parameters by")])
    return found


def _too_few(use_case: UseCase, frame: pd.DataFrame, purpose: str) -> str:
    holdout = use_case.windows.holdout
    block = f" and windows.holdout ({spelled(holdout)})" if isinstance(holdout, timedelta) else ""
    return (
        f"{len(frame)} rows are too few to {purpose}: no fold has rows (and every class) to train"
        f" on and rows to test; give the source more rows, or see windows.training{block}"
    )


def _walked(use_case: UseCase, frame: pd.DataFrame, walk: Walk) -> Folds:
    times, every = times_of(use_case, frame), np.arange(len(frame))

    def fold(block: Block) -> Fold:
        train = _where(times <= walk.known(block.start), every)
        test = _where((times > block.start) & (times <= block.end), every)
        return Fold(train, test, block).within(use_case.windows.training, times)

    choosing, judging = (
        [one for one in map(fold, blocks) if _usable(use_case, frame, one)]
        for blocks in (walk.choosing, walk.judging)
    )
    newest = Fold(_where(times <= walk.end, every), np.array([], dtype=np.intp))
    return Folds(
        choosing or _expanding(use_case, frame, times, walk),
        judging,
        newest.within(use_case.windows.training, times).train,
    )


def _expanding(use_case: UseCase, frame: pd.DataFrame, times: pd.Series, walk: Walk) -> list[Fold]:
    """Cut a history that is too short for choosing blocks into equal parts, each tested in turn."""
    early = times[times <= walk.known(walk.start)].sort_values()
    if early.empty:
        return []
    cuts = sorted({early.iloc[len(early) * part // (FOLDS + 1)] for part in range(1, FOLDS + 1)})
    ends = [*cuts[1:], early.iloc[-1] + timedelta(microseconds=1)]
    found = [
        Fold(
            np.flatnonzero(times < start - walk.embargo),
            np.flatnonzero((times >= start) & (times < end)),
        )
        for start, end in zip(cuts, ends, strict=True)
    ]
    return [fold for fold in found if _usable(use_case, frame, fold)]


def _twin(use_case: UseCase, frame: pd.DataFrame, part: pd.Series) -> Folds:
    training, holdout = (np.flatnonzero(part == name) for name in (TRAINING, HOLDOUT))
    chosen = [
        Fold(training[train], training[test])
        for train, test in _shuffled(use_case, frame.iloc[training])
    ]
    return Folds(
        [fold for fold in chosen if _usable(use_case, frame, fold)],
        [Fold(training, holdout)] if len(training) and len(holdout) else [],
        np.flatnonzero(part != UNUSED),
    )


def _shuffled(use_case: UseCase, frame: pd.DataFrame) -> list[tuple[Positions, Positions]]:
    smallest = len(frame)
    stratified = use_case.kind is not Kind.REGRESSION
    if stratified:
        smallest = int(frame[use_case.source.target].value_counts().min() if len(frame) else 0)
    if len(frame) < 2 or (stratified and smallest < 2):
        return []
    if use_case.windows.group:
        return _grouped(use_case, frame, smallest)
    kind = StratifiedKFold if stratified else KFold
    splitter = kind(min(FOLDS, smallest), shuffle=True, random_state=use_case.seed)
    return list(splitter.split(frame, frame[use_case.source.target]))


def _grouped(
    use_case: UseCase, frame: pd.DataFrame, smallest: int
) -> list[tuple[Positions, Positions]]:
    groups = frame.groupby(list(use_case.windows.group), dropna=False, sort=True).ngroup()
    number = min(FOLDS, smallest, groups.nunique())
    if number < 2:
        return []
    kind = GroupKFold if use_case.kind is Kind.REGRESSION else StratifiedGroupKFold
    splitter = kind(number, shuffle=True, random_state=use_case.seed)
    return list(splitter.split(frame, frame[use_case.source.target], groups))


def _usable(use_case: UseCase, frame: pd.DataFrame, fold: Fold) -> bool:
    if not len(fold.train) or not len(fold.test):
        return False
    if use_case.kind is Kind.REGRESSION:
        return True
    target = frame[use_case.source.target]
    return bool(target.iloc[stretch(fold.train)].nunique() == target.nunique())


def describe(use_case: UseCase, as_of: datetime) -> str:
    """Tell the rule of the split in words."""
    holdout = use_case.windows.holdout
    if not isinstance(holdout, timedelta):
        key = ", ".join(grouping(use_case))
        return f"hash of {key}: {percent(holdout)} held out for ever, judged by twins"
    walk = Walk.of(use_case, as_of)
    blocks = f"{len(walk.judging)} blocks of {spelled(block_length(use_case))}"
    return (
        f"walk forward (UTC): judged after {walk.start:%Y-%m-%d %H:%M} up to"
        f" {walk.end:%Y-%m-%d %H:%M} in {blocks}, each by a fit that"
        f" ends {spelled(walk.embargo)} before it"
    )


def times_of(use_case: UseCase, frame: pd.DataFrame) -> pd.Series:
    """Return the event time of every row, UTC."""
    times: pd.Series = pd.to_datetime(frame[use_case.source.timestamp], utc=True)
    return times

"""Which rows train and which are held out, and the folds of cross-validation.

Usage::

    part = split(use_case, frame, as_of)             # "training", "holdout", "embargo" or "unused"
    for train, test in folds(use_case, frame[part == "training"]):
        ...

The parts of a temporal use case are cut at moments that depend on `as_of` alone::

    unused | training | embargo | holdout | not mature: unused
           ^ if windows.training is given     ^ as_of - label_delay

Every part holds its end and not its start. Other use cases hold out the rows whose hashed key falls
below the share: that depends on the row's own key alone, so a row stays where it is for ever. With
`windows.group` those columns are hashed, and the rows of a group stay together.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from evergreen.errors import DataRefused
from evergreen.spec import Kind, UseCase

TRAINING, HOLDOUT, EMBARGO, UNUSED = "training", "holdout", "embargo", "unused"
FOLDS = 5
_NULL = "null"
Positions = npt.NDArray[np.intp]
Fold = tuple[Positions, Positions]


def split(use_case: UseCase, frame: pd.DataFrame, as_of: datetime) -> pd.Series:
    """Return the part of every row, with the index of the frame.

    The frame holds the key columns and, in a temporal use case, the event times; rows without an
    event time are unused.
    """
    holdout = use_case.windows.holdout
    if not isinstance(holdout, timedelta):
        held_out = shares(frame[list(grouping(use_case))]) < holdout
        return pd.Series(np.where(held_out, HOLDOUT, TRAINING), index=frame.index, dtype="str")
    times = _times(use_case, frame)
    end, after, embargo, start = _edges(use_case, holdout, as_of)
    parts = pd.Series(UNUSED, index=frame.index, dtype="str")
    parts[(times > start) if start else times.notna()] = TRAINING
    parts[times > embargo] = EMBARGO
    parts[times > after] = HOLDOUT
    parts[times > end] = UNUSED
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


def folds(use_case: UseCase, training_frame: pd.DataFrame) -> list[Fold]:
    """Return (training, test) positions of up to five folds over the training rows.

    Temporal: the rows of each test fold are newer than all that train it, with the embargo between
    them. Otherwise shuffled by the use case's seed, stratified by class in classification, groups
    kept together. Folds whose training rows lack a class are left out.

    Raises:
        DataRefused: the rows are too few to make a single fold.
    """
    if use_case.windows.temporal:
        candidates = _expanding(_times(use_case, training_frame), use_case.windows.embargo)
    else:
        candidates = _shuffled(use_case, training_frame)
    usable = [fold for fold in candidates if _usable(use_case, training_frame, fold)]
    if not usable:
        raise DataRefused(
            [
                f"{len(training_frame)} training rows are too few for cross-validation: no fold"
                " has rows (and every class) to train on and rows to test; give windows.training"
                " or the source more rows"
            ]
        )
    return usable


def _expanding(times: pd.Series, embargo: timedelta) -> list[Fold]:
    """Cut the time-ordered rows into blocks; each but the first is tested by those before it."""
    ordered = times.sort_values().reset_index(drop=True)
    if ordered.empty:
        return []
    starts = [ordered[len(ordered) * block // (FOLDS + 1)] for block in range(1, FOLDS + 1)]
    starts = sorted(set(starts))
    ends = [*starts[1:], None]
    return [
        (
            np.flatnonzero(times < start - embargo),
            np.flatnonzero((times >= start) & (times < end if end is not None else True)),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _shuffled(use_case: UseCase, frame: pd.DataFrame) -> list[Fold]:
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


def _grouped(use_case: UseCase, frame: pd.DataFrame, smallest: int) -> list[Fold]:
    groups = frame.groupby(list(use_case.windows.group), dropna=False, sort=True).ngroup()
    number = min(FOLDS, smallest, groups.nunique())
    if number < 2:
        return []
    kind = GroupKFold if use_case.kind is Kind.REGRESSION else StratifiedGroupKFold
    splitter = kind(number, shuffle=True, random_state=use_case.seed)
    return list(splitter.split(frame, frame[use_case.source.target], groups))


def _usable(use_case: UseCase, frame: pd.DataFrame, fold: Fold) -> bool:
    train, test = fold
    if not len(train) or not len(test):
        return False
    if use_case.kind is Kind.REGRESSION:
        return True
    target = frame[use_case.source.target]
    return bool(
        target.iloc[train].nunique() == target.nunique() and target.iloc[test].nunique() > 1
    )


def describe(use_case: UseCase, as_of: datetime) -> str:
    """Tell the rule of the split in words."""
    length = use_case.windows.holdout
    if not isinstance(length, timedelta):
        return f"hash of {', '.join(grouping(use_case))}: {length:.0%} held out for ever"
    end, holdout, embargo, start = _edges(use_case, length, as_of)
    since = f"from {start:%Y-%m-%d %H:%M}" if start else "of all history"
    return (
        f"time (UTC): holdout after {holdout:%Y-%m-%d %H:%M} up to {end:%Y-%m-%d %H:%M},"
        f" embargo of {use_case.windows.embargo} up to it,"
        f" training {since} up to {embargo:%Y-%m-%d %H:%M}"
    )


def _edges(
    use_case: UseCase, length: timedelta, as_of: datetime
) -> tuple[datetime, datetime, datetime, datetime | None]:
    """Return the end of the holdout, and the starts of holdout, embargo and training."""
    windows = use_case.windows
    end = as_of - use_case.source.label_delay
    holdout = end - length
    embargo = holdout - windows.embargo
    return end, holdout, embargo, embargo - windows.training if windows.training else None


def _times(use_case: UseCase, frame: pd.DataFrame) -> pd.Series:
    times: pd.Series = pd.to_datetime(frame[use_case.source.timestamp], utc=True)
    return times

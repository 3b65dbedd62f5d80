"""Features: one definition, carried by the model, used in training and in serving alike.

ref = build(snapshot, use_case, settings)      # split, features of every row, checks
load(ref, settings).query("part == 'training'")
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evergreen.data import snapshots, splits
from evergreen.data.manifests import Group
from evergreen.data.picking import Picked
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.errors import DataRefused, DeclarationError
from evergreen.learning import feature_chunks, frames, source_code
from evergreen.learning.data import Data, Held, Raw
from evergreen.learning.feature_chunks import Beside, Piece
from evergreen.learning.feature_code import EntityCode, FeatureCode
from evergreen.learning.lookahead import check_no_lookahead
from evergreen.learning.rows import Rows
from evergreen.refs import FeaturesRef, SnapshotRef, Span
from evergreen.settings import Settings
from evergreen.spec import Kind, UseCase

PART = "part"


@dataclass(frozen=True)
class RawHoldout:
    """The held-out rows as a model gets them: raw, with the history that features look back at."""

    rows: pd.DataFrame
    """All columns of the snapshot, in time order."""
    mask: NDArray[np.bool_]
    """Which of the rows are held out; the others are history."""
    truth: NDArray[Any]
    """The labels of the held-out rows."""

    @property
    def held_out(self) -> pd.DataFrame:
        """The held-out rows alone, in time order."""
        return self.rows[self.mask].reset_index(drop=True)


def code(use_case: UseCase) -> FeatureCode:
    """Return the first step of the use case's models.

    Raises:
        DeclarationError: the function is not at the top of a module file.
    """
    declared = use_case.features
    texts = [*declared.categorical, *declared.text]
    columns = (list(declared.raw), list(declared.numeric), texts, declared.dates)
    if declared.function is None:
        return FeatureCode("", "", *columns)
    named = (source_code.of(declared.function), declared.function.__name__, *columns)
    return EntityCode(*named, list(declared.entity)) if declared.entity else FeatureCode(*named)


def compute(use_case: UseCase, raw: pd.DataFrame) -> pd.DataFrame:
    """Return the features of raw rows in time order: same index, `features.columns`."""
    features: pd.DataFrame = code(use_case).transform(raw)
    return features


def labels(use_case: UseCase, target: "pd.Series[Any]") -> NDArray[Any]:
    """Return labels as `labels_of` does, of the use case's kind."""
    return labels_of(use_case.kind, target)


def labels_of(kind: Kind, target: "pd.Series[Any]") -> NDArray[Any]:
    """Return labels that are the same in pandas, scikit-learn and JSON.

    Regression: float64. Booleans and whole numbers: int64 (True is 1, the positive class).
    Anything else: text.
    """
    if kind is Kind.REGRESSION:
        return target.to_numpy(dtype=float)
    if not pd.api.types.is_numeric_dtype(target.infer_objects()):
        return target.astype(str).to_numpy(dtype=str)
    numbers = target.to_numpy(dtype=float)
    whole = numbers.astype(np.int64)
    return whole if (whole == numbers).all() else numbers.astype(str)


def build(snapshot: SnapshotRef, use_case: UseCase, settings: Settings) -> FeaturesRef:
    """Split the snapshot and store the features of every row, computed where a chunk is new.

    Raises:
        DataRefused: nothing to train on or to hold out, labels or classes that are missing,
            features without a value or infinite; with every reason.
        DeclarationError: the feature function looks ahead, or further back than it says.
    """
    store, step = snapshots.of(settings), code(use_case)
    rows = Picked(store, snapshot.uri, snapshot.sha256)
    raw = _facts(use_case, rows, step.inputs if step.source else ())
    part = splits.split(use_case, raw, snapshot.as_of)
    _refuse(_row_problems(use_case, raw, part))
    folds = splits.folds(use_case, raw, snapshot.as_of)  # refuses rows that are too few
    judged = np.zeros(len(raw), dtype=bool)
    judged[np.concatenate([fold.test for fold in folds.judging])] = True
    part[(part == HOLDOUT) & ~judged] = TRAINING  # in blocks before there is enough to learn from
    check_no_lookahead(step, raw, use_case)
    cut = _pieces(use_case, raw, rows.groups)
    beside = _beside(use_case, raw)
    inputs = Held(raw) if step.source else replace(rows, columns=tuple(dict.fromkeys(step.inputs)))
    made = feature_chunks.make(f"{use_case.name}.features", step, inputs, cut, beside, store)
    _refuse(made.problems((part == TRAINING).to_numpy()))
    split = splits.describe(use_case, snapshot.as_of)
    about = {"snapshot": snapshot.sha256, "code": step.digest, "split": split}
    stored = made.keep(part.astype(str).rename(PART), about)
    return FeaturesRef(
        snapshot=snapshot,
        uri=stored.uri,
        sha256=stored.sha256,
        training=_span(use_case, raw, folds.newest),
        holdout=_span(use_case, raw, np.flatnonzero(part == HOLDOUT)),
        split=split,
    )


def load(ref: FeaturesRef, settings: Settings) -> pd.DataFrame:
    """Return what `build` kept: key, timestamp, `part`, features (text as objects) and target."""
    frame = snapshots.of(settings).frame(ref.uri, ref.sha256)
    return frame.astype(dict.fromkeys(frame.select_dtypes("str").columns, "object"))


def stored(ref: FeaturesRef, settings: Settings) -> Picked:
    """Return what `build` kept, to be read in parts."""
    return Picked(snapshots.of(settings), ref.uri, ref.sha256)


def raw_holdout(ref: FeaturesRef, use_case: UseCase, settings: Settings) -> RawHoldout:
    """Return the held-out raw rows with their history, and their labels."""
    store = snapshots.of(settings)
    part = store.frame(ref.uri, ref.sha256, [PART])[PART]
    rows = Picked(store, ref.snapshot.uri, ref.snapshot.sha256)
    return _held_out(use_case, rows, (part == HOLDOUT).to_numpy())


def held_out(use_case: UseCase, data: Data) -> RawHoldout:
    """Return what `raw_holdout` does, of rows that are at hand."""
    mask = np.zeros(len(data.raw), dtype=bool)
    mask[data.judged] = True
    return _held_out(use_case, data.raw, mask)


def _held_out(use_case: UseCase, raw: Raw, mask: NDArray[np.bool_]) -> RawHoldout:
    wanted = mask
    if use_case.features.function:
        names = [use_case.source.timestamp, *use_case.features.entity]
        wanted = with_history(use_case, raw.only([name for name in names if name]), mask)
    rows = raw.take(np.flatnonzero(wanted))
    truth = labels(use_case, rows.loc[mask[wanted], use_case.source.target])
    return RawHoldout(rows.reset_index(drop=True), mask[wanted], truth)


def data(
    ref: FeaturesRef, use_case: UseCase, settings: Settings, own: FeatureCode | None = None
) -> Data:
    """Return all that a training learns from and is judged on; the raw rows are read when asked.

    `own` is the feature code of the recipe in charge, if it may be another than today's.

    Raises:
        KeyError: a raw column that its own code reads is gone.
    """
    store = snapshots.of(settings)
    rows = Picked(store, ref.snapshot.uri, ref.snapshot.sha256)
    raw = _facts(use_case, rows)
    if own is None or own.get_params() == code(use_case).get_params():
        columns = use_case.features.columns
        found = frames.of(replace(stored(ref, settings), columns=columns))
    else:
        found = own.transform(rows.only(own.inputs))
    target = raw[use_case.source.target]
    truth = labels(use_case, target.fillna(target.dropna().iloc[0]))  # unused rows may lack one
    folds = splits.folds(use_case, raw, ref.snapshot.as_of)
    times = splits.times_of(use_case, raw) if use_case.source.timestamp else None
    return Data(Rows(found, truth, times, _weights(use_case, raw)), rows, folds)


def _facts(use_case: UseCase, rows: Picked, inputs: Sequence[str] = ()) -> pd.DataFrame:
    """Return what splits and labels hang on, of every row; and what a feature function reads."""
    source, group = use_case.source, use_case.windows.group
    asked = [*source.key, source.timestamp, source.target, source.weight, *group, *inputs]
    return rows.only([name for name in rows.schema.names if name in asked])


def _weights(use_case: UseCase, raw: pd.DataFrame) -> NDArray[Any] | None:
    name = use_case.source.weight
    return None if name is None else raw[name].to_numpy(dtype=float, na_value=np.nan)


def with_history(
    use_case: UseCase, raw: pd.DataFrame, wanted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mark the wanted rows and those that their features look back at."""
    declared = use_case.features
    time = use_case.source.timestamp if declared.function else None
    return reached(time, declared.lookback, raw, wanted, declared.entity)


def reached(
    time: str | None,
    lookback: timedelta,
    raw: pd.DataFrame,
    wanted: NDArray[np.bool_],
    entity: Sequence[str] = (),
) -> NDArray[np.bool_]:
    """Mark the wanted rows and those up to `lookback` before them, of a panel by entity.

    No time: only the wanted.
    """
    if time is None:
        return wanted
    if entity:
        asked = raw[time].where(wanted)
        each = asked.groupby([raw[name] for name in entity], dropna=False)
        first, last = each.transform("min") - lookback, each.transform("max")
        among: NDArray[np.bool_] = raw[time].between(first, last).to_numpy()
        return among
    first = raw.loc[wanted, time].min() - lookback
    last = raw.loc[wanted, time].max()
    needed: NDArray[np.bool_] = raw[time].between(first, last).to_numpy()
    return needed


def _refuse(problems: list[str]) -> None:
    if problems:
        raise DataRefused(problems)


def _row_problems(use_case: UseCase, raw: pd.DataFrame, part: "pd.Series[Any]") -> list[str]:
    name = use_case.source.target
    target = raw[name]
    used = part.isin([TRAINING, HOLDOUT])
    problems = [f"no {p} rows" for p in (TRAINING, HOLDOUT) if not (part == p).any()]
    if empty := int(target[used].isna().sum()):
        problems.append(f"the label {name!r} is missing in {empty} of {used.sum()} rows")
    problems += _weight_problems(use_case, raw[used])
    if problems or use_case.kind is Kind.REGRESSION:
        return problems
    return _class_problems(use_case, target, part)


def _weight_problems(use_case: UseCase, raw: pd.DataFrame) -> list[str]:
    name = use_case.source.weight
    if name is None:
        return []
    if name not in raw:
        return [f"there is no column {name!r} to weigh the rows by"]
    weights = raw[name].to_numpy(dtype=float, na_value=np.nan)
    wrong = int((~(np.isfinite(weights) & (weights >= 0))).sum())
    where = f"in {wrong} of {len(raw)} rows"
    return [f"the weight {name!r} is missing or below 0 {where}"] if wrong else []


def _class_problems(
    use_case: UseCase, target: "pd.Series[Any]", part: "pd.Series[Any]"
) -> list[str]:
    name = use_case.source.target
    used = {p: set(labels(use_case, target[part == p]).tolist()) for p in (TRAINING, HOLDOUT)}
    classes = sorted(used[TRAINING] | used[HOLDOUT])
    if len(classes) < 2:
        return [f"the label {name!r} has a single class, {classes[0]!r}"]
    if use_case.kind is Kind.BINARY and len(classes) > 2:
        return [f"the label {name!r} is binary, but has {len(classes)} classes: {classes[:5]}"]
    return [
        f"the class {c!r} of {name!r} is missing in the {p} rows"
        for p in used
        for c in classes
        if c not in used[p]
    ]


def _pieces(use_case: UseCase, raw: pd.DataFrame, groups: Sequence[Group]) -> list[Piece]:
    looks_back = use_case.source.timestamp and use_case.features.function
    times = splits.times_of(use_case, raw) if looks_back else None
    return feature_chunks.pieces(groups[0].chunks, times, use_case.features.lookback)


def _beside(use_case: UseCase, raw: pd.DataFrame) -> Beside:
    """Return what is stored with the features: key and event time, and the label."""
    source, columns = use_case.source, use_case.features.columns
    if taken := {PART, source.target} & set(columns):
        raise DeclarationError("features", sorted(taken), f"names other than {PART!r} and target")
    names = dict.fromkeys([*source.key, *([source.timestamp] if source.timestamp else [])])
    known = raw[source.target].notna()
    target = pd.Series(labels(use_case, raw.loc[known, source.target]), raw.index[known])
    return Beside(
        raw[[name for name in names if name not in columns]],
        pd.DataFrame({source.target: target.reindex(raw.index)}),
    )


def _span(use_case: UseCase, raw: pd.DataFrame, rows: NDArray[np.intp]) -> Span:
    time = use_case.source.timestamp
    if time is None:
        return Span(rows=len(rows))
    times = raw[time].iloc[rows]
    return Span(rows=len(rows), start=_moment(times.min()), end=_moment(times.max()))


def _moment(time: pd.Timestamp) -> datetime:
    moment = time.to_pydatetime()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""What is known of a champion's answers: measured once, kept beside its monitoring reports.

    profile = of(dossier, limit, settings)
    profile.importance["wind"]     # the gate's metric that it loses without the column
    profile.labels                 # {"rain": 1204, …}: its answers to the rows of its snapshot

Its answers are those to held-out rows, where rows are held out by chance. Where the newest are,
they are one season of many: then to the training rows too, from which it knows the others.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from evergreen import storage
from evergreen.data import snapshots
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.dossier import Dossier
from evergreen.judging.influence import influence
from evergreen.judging.units import Units
from evergreen.learning import answers, features, metrics, models, tracking
from evergreen.learning.models import Array, Output
from evergreen.refs import Ref
from evergreen.settings import Settings
from evergreen.spec import Kind, Metric, Scale
from evergreen.watching.reference import SEED, moments, positions_of, sample

FORMAT = 3
"""Raised when the meaning of a field changes; older files are measured again."""
IMPORTANCE_ROWS, REPEATS = 2_000, 3


@dataclass(frozen=True, kw_only=True)
class Error(Ref):
    """How far a metric may be off."""

    value: float = 0.0
    """Standard error."""
    freedom: float = 1e9
    """Its degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class Profile(Ref):
    """A champion's answers to rows of its own snapshot."""

    format: int = FORMAT
    snapshot_sha256: str
    rows: int
    """Rows that were answered."""
    labels: dict[str, int]
    """Classification: how often each class was the answer."""
    values: tuple[float, ...]
    """Regression: the answers."""
    said: tuple[str, ...] = ()
    """Classification: the answers, row by row; empty: the rows have no time."""
    sure: tuple[float, ...] = ()
    """Top probability of each of them."""
    times: tuple[float, ...] = ()
    """Event time of each answered row, seconds since 1970."""
    classes: tuple[int | str | float, ...] = ()
    confidence: float | None = None
    """Mean top probability; None: it gives none."""
    confidence_deviation: float = 0.0
    metrics: dict[str, float]
    """On the held-out rows."""
    errors: dict[str, Error]
    """Of each."""
    importance: dict[str, float]
    """Of each raw column but times; one of which it is unknown is not in it."""


def of(dossier: Dossier, limit: int, settings: Settings, own: tuple[Metric, ...] = ()) -> Profile:
    """Return the profile of a champion, measuring it on at most `limit` rows the first time.

    `own` are the metrics that are declared today, beside those of the kind.

    Raises:
        ModelRefused: the model cannot be had, or is not what was gated.
        SnapshotCorrupt: its rows are missing or changed.
    """
    names, digest = wanted_metrics(dossier), dossier.model.sha256
    store = storage.of(settings, storage.DRIFT)
    path = f"{dossier.use_case}/champions/{digest[:16]}.json"
    if store.exists(path):
        kept = json.loads(store.read(path))
        same = (kept["format"], kept.get("sample")) == (FORMAT, limit)
        known = same and set(names) <= set(kept["asked"])
        if known and kept["profile"]["snapshot_sha256"] == dossier.learned.snapshot.sha256:
            return Profile.from_json(kept["profile"])
    profile = measure(dossier, limit, settings, own)
    document = {"format": FORMAT, "sample": limit, "asked": names, "profile": profile.to_json()}
    store.publish(path, json.dumps(document, allow_nan=False))
    return profile


def wanted_metrics(dossier: Dossier) -> list[str]:
    """Return the metrics that the champion was gated by, the deciding one first."""
    return list(dict.fromkeys([dossier.proof.metric, *dossier.proof.floors]))


def measure(
    dossier: Dossier, limit: int, settings: Settings, own: tuple[Metric, ...] = ()
) -> Profile:
    """Load the champion and measure it on rows of its snapshot."""
    model = tracking.fetch_model(settings, dossier.model.uri, dossier.model.sha256)
    names, kind = wanted_metrics(dossier), dossier.answers.kind
    scale = Scale(kind, own)
    raw, mask, truth, chosen = _holdout(dossier, limit, settings)
    judged = raw.loc[mask, dossier.inputs.timestamp] if dossier.temporal else None
    units = Units.of(judged, None, len(truth))
    held_out = _unseen(dossier, settings, chosen) or models.predict(model, raw).take(mask)
    times: Array = np.array([])
    usual = held_out
    if dossier.temporal:
        usual, times = _answers(model, dossier, limit, settings)
    sure = None if usual.probabilities is None else usual.probabilities.max(axis=1)
    classification = kind is not Kind.REGRESSION
    return Profile(
        snapshot_sha256=dossier.learned.snapshot.sha256,
        rows=len(usual),
        labels=dict(Counter(map(str, usual.labels.tolist()))) if classification else {},
        values=() if classification else tuple(usual.labels.tolist()),
        said=tuple(map(str, usual.labels.tolist())) if classification and len(times) else (),
        sure=tuple(sure.tolist()) if sure is not None and len(times) else (),
        times=tuple(times.tolist()),
        classes=() if usual.classes is None else tuple(usual.classes.tolist()),
        confidence=None if sure is None else float(sure.mean()),
        confidence_deviation=0.0 if sure is None else float(sure.std()),
        metrics={name: value for name, value in dossier.proof.figures.items() if name in names}
        or metrics.score(scale, truth, held_out, names),
        errors=standard_errors(scale, truth, held_out, names, units),
        importance=_importance(model, dossier, scale, raw, mask, truth),
    )


def standard_errors(
    scale: Scale, truth: Array, output: Output, names: Iterable[str], units: Units
) -> dict[str, Error]:
    """Return the standard error of each metric that is defined, by what of the rows is independent.

    None of a metric that is told by too few of those units, as a share of the fraud that was caught
    where all fraud is of one day, or of three rows. See `judging.influence` and `judging.units`.
    """
    found = list(metrics.score(scale, truth, output, names))
    if not found or len(truth) < 2:
        return {}
    values = np.column_stack([influence(scale, name, truth, output, units) for name in found])
    spread = units.spread(values)
    told = zip(spread.error.tolist(), spread.freedom.tolist(), strict=True)
    errors = (Error(value=value, freedom=freedom) for value, freedom in told)
    known = zip(found, errors, strict=True)
    return {name: error for name, error in known if math.isfinite(error.value)}


def _unseen(dossier: Dossier, settings: Settings, chosen: Array) -> Output | None:
    """Return the recipe's answers to judged rows, by fits that had not seen them.

    The champion itself has: it was fitted on every mature row. None: they were not kept.
    """
    if not dossier.proof.answers_uri:
        return None
    proof = dossier.proof
    return answers.read(proof.answers_uri, proof.answers_sha256, settings).take(chosen)


def _holdout(
    dossier: Dossier, limit: int, settings: Settings
) -> tuple[pd.DataFrame, Array, Array, Array]:
    """Return at most `limit` judged raw rows with their history, their labels, and which they are.

    Where features are computed, the newest; elsewhere drawn with the fixed seed.
    """
    store, inputs, learned = (
        snapshots.of(settings), dossier.inputs, dossier.learned
    )  # fmt: skip
    held_out = positions_of(store, learned, HOLDOUT)
    chosen = held_out[-limit:] if inputs.computed else sample(held_out, limit)
    which = np.searchsorted(held_out, chosen)
    time, target = inputs.timestamp, dossier.answers.target
    names = list(dict.fromkeys([*inputs.names, *([time] if time else []), target]))
    table = store.table(learned.snapshot.uri, learned.snapshot.sha256, names)
    if not inputs.computed:
        table, chosen = table.take(chosen), np.arange(len(chosen))
    mask = np.zeros(len(table), dtype=bool)
    mask[chosen] = True
    raw = table.to_pandas(date_as_object=False)
    time = time if inputs.computed else None
    rows = features.reached(time, inputs.lookback, raw, mask, inputs.entity)
    truth = features.labels_of(dossier.answers.kind, raw.loc[mask, target])
    return raw[rows].reset_index(drop=True), mask[rows], truth, which


def _answers(
    model: Pipeline, dossier: Dossier, limit: int, settings: Settings
) -> tuple[Output, Array]:
    """Let the champion answer rows that it learned from, by the features stored with them.

    Returns their event times beside the answers.
    """
    store, learned = snapshots.of(settings), dossier.learned
    used = sample(positions_of(store, learned, TRAINING, HOLDOUT), limit)
    frame = store.table(learned.uri, learned.sha256).take(used).to_pandas()
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("str").columns, "object"))
    time, snapshot = str(dossier.inputs.timestamp), learned.snapshot
    times = store.table(snapshot.uri, snapshot.sha256, [time])[time].take(used)
    return models.predict(model[1:], frame), moments(times.to_pandas())


def _importance(
    model: Pipeline, dossier: Dossier, scale: Scale, raw: pd.DataFrame, mask: Array, truth: Array
) -> dict[str, float]:
    """Return how much of the gate's metric is lost when a raw column is shuffled, at least 0.

    The mean of a few shuffles (Breiman, Machine Learning 45, 2001, section 10). A column is left
    out where the metric is not defined.
    """
    metric, sign = dossier.proof.metric, 1 if dossier.more_is_better else -1
    wanted = np.flatnonzero(mask)[-IMPORTANCE_ROWS:]
    first = 0 if dossier.inputs.computed else wanted[0] if len(wanted) else 0
    rows, keep, truth = raw.iloc[first:], wanted - first, truth[-IMPORTANCE_ROWS:]
    draw = np.random.default_rng(SEED)

    def scored(frame: pd.DataFrame) -> float:
        output = models.predict(model, frame).take(keep)
        return metrics.score(scale, truth, output, [metric]).get(metric, np.nan)

    whole = scored(rows)
    lost: dict[str, float] = {}
    for name in dossier.inputs.names:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            continue
        without = [scored(_shuffled(rows, name, draw)) for _ in range(REPEATS)]
        loss = float(sign * (whole - np.mean(without)))
        if math.isfinite(loss):
            lost[name] = max(loss, 0.0)
    return lost


def _shuffled(rows: pd.DataFrame, name: str, draw: np.random.Generator) -> pd.DataFrame:
    values: Any = rows[name]
    return rows.assign(**{name: values.take(draw.permutation(len(rows))).to_numpy()})

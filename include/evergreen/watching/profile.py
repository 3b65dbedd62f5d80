"""What is known of a champion's answers: measured once, kept beside its monitoring reports.

    profile = of(use_case, champion, learned, settings)
    profile.importance["wind"]     # the gate's metric that it loses without the column
    profile.labels                 # {"rain": 1204, …}: its answers to the rows of its snapshot

Its answers are those to held-out rows, where rows are held out by chance. Where the newest are,
they are one season of many: then to the training rows too, from which it knows the others.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from evergreen import storage
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.learning import features, metrics, models, tracking
from evergreen.learning.models import Array, Output
from evergreen.refs import ChampionRef, FeaturesRef, Ref
from evergreen.settings import Settings
from evergreen.spec import Kind, UseCase
from evergreen.watching.reference import SEED, positions_of, sample

FORMAT = 1
"""Raised when the meaning of a field changes; older files are measured again."""
RESAMPLES, RESAMPLED_ROWS = 200, 5_000
IMPORTANCE_ROWS, REPEATS = 2_000, 3


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
    classes: tuple[int | str | float, ...] = ()
    confidence: float | None = None
    """Mean top probability; None: it gives none."""
    confidence_deviation: float = 0.0
    metrics: dict[str, float]
    """On the held-out rows."""
    errors: dict[str, float]
    """Standard error of each."""
    importance: dict[str, float]
    """Of each raw column but times."""


def of(
    use_case: UseCase, champion: ChampionRef, learned: FeaturesRef, settings: Settings
) -> Profile:
    """Return the profile of a champion, measuring it the first time.

    Raises:
        ModelRefused: the model cannot be had, or is not what was gated.
        SnapshotCorrupt: its rows are missing or changed.
    """
    names = wanted_metrics(use_case)
    store = storage.of(settings, storage.DRIFT)
    path = f"{use_case.name}/champions/{champion.sha256[:16]}.json"
    if store.exists(path):
        kept = json.loads(store.read(path))
        known = kept["format"] == FORMAT and set(names) <= set(kept["asked"])
        if known and kept["profile"]["snapshot_sha256"] == learned.snapshot.sha256:
            return Profile.from_json(kept["profile"])
    profile = measure(use_case, champion, learned, settings)
    document = {"format": FORMAT, "asked": names, "profile": profile.to_json()}
    store.publish(path, json.dumps(document, allow_nan=False))
    return profile


def wanted_metrics(use_case: UseCase) -> list[str]:
    """Return the gate's metrics, the deciding one first."""
    return list(dict.fromkeys([use_case.gate.metric, *use_case.gate.floors]))


def measure(
    use_case: UseCase, champion: ChampionRef, learned: FeaturesRef, settings: Settings
) -> Profile:
    """Load the champion and measure it on rows of its snapshot."""
    model = tracking.fetch_model(settings, champion.model_uri, champion.sha256)
    names = wanted_metrics(use_case)
    reads = list(model[0].inputs)  # its own, whatever is declared today
    raw, mask, truth = _holdout(use_case, learned, reads, settings)
    held_out = models.predict(model, raw).take(mask)
    temporal = use_case.windows.temporal
    usual = _answers(model, use_case, learned, settings) if temporal else held_out
    sure = None if usual.probabilities is None else usual.probabilities.max(axis=1)
    classification = use_case.kind is not Kind.REGRESSION
    return Profile(
        snapshot_sha256=learned.snapshot.sha256,
        rows=len(usual),
        labels=dict(Counter(map(str, usual.labels.tolist()))) if classification else {},
        values=() if classification else tuple(usual.labels.tolist()),
        classes=() if usual.classes is None else tuple(usual.classes.tolist()),
        confidence=None if sure is None else float(sure.mean()),
        confidence_deviation=0.0 if sure is None else float(sure.std()),
        metrics=metrics.score(use_case.kind, truth, held_out, names),
        errors=standard_errors(use_case.kind, truth, held_out, names),
        importance=_importance(model, use_case, raw, mask, truth, reads),
    )


def standard_errors(
    kind: Kind, truth: Array, output: Output, names: Iterable[str]
) -> dict[str, float]:
    """Return the bootstrap standard error of each metric (Efron & Tibshirani 1993, ch. 6).

    Of more than 5,000 rows, 5,000 drawn ones are resampled, and the error scaled to all.
    """
    draw = np.random.default_rng(SEED)
    size = min(len(truth), RESAMPLED_ROWS)
    base = draw.permutation(len(truth))[:size]
    found: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        rows = base[draw.integers(size, size=size)] if size else base
        for name, value in metrics.score(kind, truth[rows], output.take(rows), names).items():
            found.setdefault(name, []).append(value)
    scale = float(np.sqrt(size / len(truth))) if size else 0.0
    return {name: float(np.std(values)) * scale for name, values in found.items()}


def _holdout(
    use_case: UseCase, learned: FeaturesRef, reads: list[str], settings: Settings
) -> tuple[pd.DataFrame, Array, Array]:
    """Return at most a sample's size of held-out raw rows with their history, and their labels.

    Where features look back, the newest; elsewhere drawn with the fixed seed.
    """
    store = SnapshotStore(settings.snapshots_url)
    held_out, limit = positions_of(store, learned, HOLDOUT), use_case.monitoring.sample
    looks_back = use_case.features.function is not None
    chosen = held_out[-limit:] if looks_back else sample(held_out, limit)
    time, target = use_case.source.timestamp, use_case.source.target
    names = list(dict.fromkeys([*reads, *([time] if time else []), target]))
    table = store.table(learned.snapshot.uri, learned.snapshot.sha256, names)
    if not looks_back:
        table, chosen = table.take(chosen), np.arange(len(chosen))
    mask = np.zeros(len(table), dtype=bool)
    mask[chosen] = True
    raw = table.to_pandas(date_as_object=False)
    rows = features.with_history(use_case, raw, mask)
    truth = features.labels(use_case, raw.loc[mask, target])
    return raw[rows].reset_index(drop=True), mask[rows], truth


def _answers(
    model: Pipeline, use_case: UseCase, learned: FeaturesRef, settings: Settings
) -> Output:
    """Let the champion answer training and held-out rows, by the features stored with them."""
    store = SnapshotStore(settings.snapshots_url)
    used = sample(positions_of(store, learned, TRAINING, HOLDOUT), use_case.monitoring.sample)
    frame = store.table(learned.uri, learned.sha256).take(used).to_pandas()
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("str").columns, "object"))
    return models.predict(model[1:], frame)


def _importance(
    model: Pipeline,
    use_case: UseCase,
    raw: pd.DataFrame,
    mask: Array,
    truth: Array,
    reads: list[str],
) -> dict[str, float]:
    """Return how much of the gate's metric is lost when a raw column is shuffled, at least 0.

    The mean of a few shuffles (Breiman, Machine Learning 45, 2001, section 10).
    """
    metric, sign = use_case.gate.metric, 1 if use_case.more_is_better else -1
    wanted = np.flatnonzero(mask)[-IMPORTANCE_ROWS:]
    first = 0 if use_case.features.function else wanted[0] if len(wanted) else 0
    rows, keep, truth = raw.iloc[first:], wanted - first, truth[-IMPORTANCE_ROWS:]
    draw = np.random.default_rng(SEED)

    def scored(frame: pd.DataFrame) -> float:
        output = models.predict(model, frame).take(keep)
        return metrics.score(use_case.kind, truth, output, [metric]).get(metric, np.nan)

    whole = scored(rows)
    lost: dict[str, float] = {}
    for name in reads:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            continue
        without = [scored(_shuffled(rows, name, draw)) for _ in range(REPEATS)]
        lost[name] = max(float(np.nan_to_num(sign * (whole - np.mean(without)))), 0.0)
    return lost


def _shuffled(rows: pd.DataFrame, name: str, draw: np.random.Generator) -> pd.DataFrame:
    values: Any = rows[name]
    return rows.assign(**{name: values.take(draw.permutation(len(rows))).to_numpy()})

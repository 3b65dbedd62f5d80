"""The live metric without labels: estimated of a window, and of the answers whose labels came.

    found = measure(own, logged, labelled, use_case, settings)
    found.metrics[0].band, found.labelled[0].band, found.problem

What the walk forward tells of the champion's answers (see `estimating`) is learned once for
each champion, and kept beside its profile.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evergreen import storage
from evergreen.data import snapshots
from evergreen.data.splits import HOLDOUT
from evergreen.dossier import Dossier
from evergreen.errors import SnapshotCorrupt
from evergreen.learning import answers, features
from evergreen.learning.models import Array
from evergreen.records import Labelled, Logged
from evergreen.settings import Settings
from evergreen.spec import Kind, Scale, UseCase
from evergreen.watching import quality
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.estimate_facts import EstimatedMetric, EstimateFacts
from evergreen.watching.estimating import Learned
from evergreen.watching.profile import wanted_metrics
from evergreen.watching.reference import kind_of, positions_of, sample, usable
from evergreen.watching.walked import Answered

FORMAT = 2
"""Raised when the meaning of what was learned changes; older files are learned again."""


def measure(
    own: Dossier, logged: Logged, labelled: Labelled, use_case: UseCase, settings: Settings
) -> EstimateFacts:
    """Estimate the metrics that the champion was gated by, in its answers of a window.

    Args:
        own: the champion's.
        logged: the window's sample.
        labelled: the answers whose labels have come.
        use_case: as it is declared today.
        settings: where things are.
    """
    scale = Scale(own.answers.kind, use_case.metrics)
    kinds = _kinds(own, use_case)
    try:
        learned = _learned(own, scale, kinds, use_case.monitoring.sample, settings)
    except SnapshotCorrupt as problem:
        return EstimateFacts(problem=f"the answers of the walk forward are missing: {problem}")
    given = [n for n, output in enumerate(logged.outputs) if output is not None]
    window = _answered(
        own, kinds, _at(logged.inputs, given), _at(logged.outputs, given),
        _at(logged.chances, given),
    )  # fmt: skip
    if learned.problem or window is None:
        why = learned.problem or "the champion gave no probabilities in the window"
        return EstimateFacts(learned_rows=learned.rows, problem=why)
    came = _answered(own, kinds, labelled.inputs, labelled.outputs, labelled.probabilities)
    return EstimateFacts(
        rows=len(window),
        learned_rows=learned.rows,
        metrics=_metrics(own, learned, scale, window),
        labelled=_metrics(own, learned, scale, came) if came else (),
    )


def _metrics(
    own: Dossier, learned: Learned, scale: Scale, answered: Answered
) -> tuple[EstimatedMetric, ...]:
    outside = learned.outside(answered)
    return tuple(
        EstimatedMetric(
            name=each.name, more_is_better=own.directions[each.name],
            floor=own.proof.floors.get(each.name), estimate=each, outside=outside,
        )
        for each in learned.estimates(scale, answered)
    )  # fmt: skip


def _kinds(own: Dossier, use_case: UseCase) -> dict[str, str]:
    """Return the raw columns that tell rows apart, and how; what is personal is left alone."""
    kinds = {column.name: kind_of(own, column) for column in own.inputs.columns}
    return {
        name: kind
        for name, kind in kinds.items()
        if kind in {NUMERIC, CATEGORICAL} and name not in use_case.source.personal
    }


def _answered(
    own: Dossier, kinds: Mapping[str, str], inputs: Sequence[Any], said: Sequence[Any],
    chances: Sequence[Any],
) -> Answered | None:  # fmt: skip
    """Return logged answers; None: there are none with a probability for each class."""
    if not said:
        return None
    output = quality.output_of(own.answers, said, chances)
    if own.answers.kind is not Kind.REGRESSION and output.probabilities is None:
        return None
    columns = {name: [row.get(name) for row in inputs] for name in kinds}
    return Answered.of(_frame(columns, kinds), kinds, output)


def _frame(columns: Mapping[str, Any], kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return columns as they are compared, infinite values as NaN."""
    found = {name: usable(columns[name], kind) for name, kind in kinds.items()}
    return pd.DataFrame(found).replace([np.inf, -np.inf], np.nan)


def _at(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [values[n] for n in places]


def _learned(
    own: Dossier, scale: Scale, kinds: Mapping[str, str], limit: int, settings: Settings
) -> Learned:
    """Return what the walk forward tells, learned the first time.

    Raises:
        SnapshotCorrupt: its rows or answers are missing or changed.
    """
    store, names = storage.of(settings, storage.DRIFT), wanted_metrics(own)
    path = f"{own.use_case}/champions/{own.model.sha256[:16]}-estimate.json"
    about = {
        "format": FORMAT,
        "snapshot": own.learned.snapshot.sha256,
        "answers": own.proof.answers_sha256,
        "metrics": names,
        "columns": list(kinds),
        "sample": limit,
    }
    if store.exists(path):
        kept = json.loads(store.read(path))
        if kept["about"] == about:
            return Learned.from_json(kept["learned"])
    learned = Learned(problem="the answers of its walk forward were not kept")
    if own.proof.answers_uri:
        learned = Learned.of(scale, names, *_walk(own, kinds, limit, settings))
    document = {"about": about, "learned": learned.to_json()}
    store.publish(path, json.dumps(document, allow_nan=False))
    return learned


def _walk(
    own: Dossier, kinds: Mapping[str, str], limit: int, settings: Settings
) -> tuple[Answered, Array]:
    """Return judged rows with their answers, by their time where they have one, and labels."""
    store, learned = snapshots.of(settings), own.learned
    held_out = positions_of(store, learned, HOLDOUT)
    places = sample(np.arange(len(held_out)), limit)
    time = own.inputs.timestamp if own.temporal else None
    wanted = list(dict.fromkeys([own.answers.target, *kinds, *([time] if time else [])]))
    rows = store.table(learned.snapshot.uri, learned.snapshot.sha256, wanted)
    frame = rows.take(held_out[places]).to_pandas(date_as_object=False)
    if time:
        order = np.argsort(frame[time].to_numpy(), kind="stable")
        frame, places = frame.iloc[order].reset_index(drop=True), places[order]
    output = answers.read(own.proof.answers_uri, own.proof.answers_sha256, settings)
    walk = Answered.of(_frame(frame, kinds), kinds, output.take(places))
    return walk, features.labels_of(own.answers.kind, frame[own.answers.target])

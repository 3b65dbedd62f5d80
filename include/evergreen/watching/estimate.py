"""The live metric without labels: estimated of a window, and of the answers whose labels came.

    found = measure(own, logged, labelled, scale, limit, settings)
    found.metrics[0].band, found.labelled[0].band, found.problem

What the walk forward tells of the champion's probabilities (see `estimating`) is learned once for
each champion, and kept beside its profile.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from evergreen import storage
from evergreen.data import snapshots
from evergreen.data.splits import HOLDOUT
from evergreen.dossier import Dossier
from evergreen.errors import SnapshotCorrupt
from evergreen.learning import answers, features
from evergreen.learning.models import Array, Output
from evergreen.records import Labelled, Logged
from evergreen.settings import Settings
from evergreen.spec import Kind, Scale
from evergreen.watching import quality
from evergreen.watching.estimate_facts import EstimatedMetric, EstimateFacts
from evergreen.watching.estimating import Learned
from evergreen.watching.profile import wanted_metrics
from evergreen.watching.reference import positions_of, sample

FORMAT = 1
"""Raised when the meaning of what was learned changes; older files are learned again."""


def measure(
    own: Dossier, logged: Logged, labelled: Labelled, scale: Scale, limit: int, settings: Settings
) -> EstimateFacts:
    """Estimate the metrics that the champion was gated by, in its answers of a window.

    Args:
        own: the champion's.
        logged: the window's sample.
        labelled: the answers whose labels have come.
        scale: what is measured by, today.
        limit: at most so many rows of the walk forward are learned from.
        settings: where they are.
    """
    if own.answers.kind is Kind.REGRESSION:
        return EstimateFacts(problem="of a regression nothing tells how likely an error is")
    try:
        learned = _learned(own, scale, limit, settings)
    except SnapshotCorrupt as problem:
        return EstimateFacts(problem=f"the answers of the walk forward are missing: {problem}")
    given = [n for n, output in enumerate(logged.outputs) if output is not None]
    window = _answers(own, _at(logged.outputs, given), _at(logged.chances, given))
    if learned.problem or window is None:
        why = learned.problem or "the champion gave no probabilities in the window"
        return EstimateFacts(learned_rows=learned.rows, problem=why)
    came = _answers(own, labelled.outputs, labelled.probabilities)
    return EstimateFacts(
        rows=len(window),
        learned_rows=learned.rows,
        metrics=_metrics(own, learned, scale, window),
        labelled=_metrics(own, learned, scale, came) if came else (),
    )


def _metrics(
    own: Dossier, learned: Learned, scale: Scale, output: Output
) -> tuple[EstimatedMetric, ...]:
    return tuple(
        EstimatedMetric(
            name=each.name, more_is_better=own.directions[each.name],
            floor=own.proof.floors.get(each.name), estimate=each,
        )
        for each in learned.estimates(scale, output)
    )  # fmt: skip


def _answers(own: Dossier, said: Sequence[Any], chances: Sequence[Any]) -> Output | None:
    """Return logged answers; None: there are none with a probability for each class."""
    if not said:
        return None
    output = quality.output_of(own.answers.kind, said, chances)
    if output.classes is None or len(output.classes) != len(own.answers.classes):
        return None
    return output


def _at(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [values[n] for n in places]


def _learned(own: Dossier, scale: Scale, limit: int, settings: Settings) -> Learned:
    """Return what the walk forward tells, learned the first time.

    Raises:
        SnapshotCorrupt: its rows or answers are missing or changed.
    """
    store, names = storage.of(settings, storage.DRIFT), wanted_metrics(own)
    path = f"{own.use_case}/champions/{own.model.sha256[:16]}-estimate.json"
    about = {"format": FORMAT, "answers": own.proof.answers_sha256, "metrics": names}
    if store.exists(path):
        kept = json.loads(store.read(path))
        if kept["about"] == about:
            return Learned.from_json(kept["learned"])
    learned = _learn(own, scale, names, limit, settings)
    document = {"about": about, "learned": learned.to_json()}
    store.publish(path, json.dumps(document, allow_nan=False))
    return learned


def _learn(
    own: Dossier, scale: Scale, names: Sequence[str], limit: int, settings: Settings
) -> Learned:
    if not own.proof.answers_uri:
        return Learned(problem="the answers of its walk forward were not kept")
    truth, places = _truth(own, limit, settings)
    output = answers.read(own.proof.answers_uri, own.proof.answers_sha256, settings)
    return Learned.of(scale, names, truth, output.take(places))


def _truth(own: Dossier, limit: int, settings: Settings) -> tuple[Array, Array]:
    """Return labels of judged rows, by their time where they have one, and which they are."""
    store, learned = snapshots.of(settings), own.learned
    held_out = positions_of(store, learned, HOLDOUT)
    places = sample(np.arange(len(held_out)), limit)
    time = own.inputs.timestamp if own.temporal else None
    wanted = list(dict.fromkeys([own.answers.target, *([time] if time else [])]))
    rows = store.table(learned.snapshot.uri, learned.snapshot.sha256, wanted)
    frame = rows.take(held_out[places]).to_pandas(date_as_object=False)
    if time:
        order = np.argsort(frame[time].to_numpy(), kind="stable")
        frame, places = frame.iloc[order], places[order]
    return features.labels_of(own.answers.kind, frame[own.answers.target]), places

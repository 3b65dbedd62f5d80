"""From a validated order to an answer and the lines that go on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import to_json

from evergreen.learning.models import Array, Output
from evergreen.refs import PAPER
from evergreen.serving.contract import Contract, Order, Refused, Row, as_rows
from evergreen.serving.desk import Desk, Served, Trial
from evergreen.serving.engine import Scored
from evergreen.serving.ids import fraction, new_id

CHAMPION, CHALLENGER, SHADOW, BATCH = "champion", "challenger", "shadow", "batch"
NO_FINITE_ANSWER = "the model has no finite answer for these values"
UNPROVEN = "unproven: no gate has passed this model"


@dataclass(frozen=True)
class Task:
    """An order with the rows that were read for it, if it named keys."""

    order: Order
    ids: tuple[str, ...]
    raw: pd.DataFrame | None = None
    wanted: Array | None = None
    stored: Mapping[str, Array] | None = None
    """Features that were stored, in the place of raw rows."""
    read: Sequence[Row] = ()
    """Raw columns of the rows whose features were stored."""
    as_of: datetime | None = None
    """When these were stored."""
    told: tuple[str, ...] = ()
    """What became of the features, if it is to be said."""

    @property
    def rows(self) -> Sequence[Row]:
        """The raw rows to predict, as they go on record."""
        if self.stored is not None:
            return self.read
        if self.raw is None or self.wanted is None:
            return self.order.predicted
        return as_rows(self.raw.iloc[self.wanted])


@dataclass(frozen=True)
class Answer:
    """What is sent, and what is kept."""

    served: Served
    variant: str
    scored: Scored
    latency_ms: float
    body: bytes
    lines: Sequence[bytes]


def ids(order: Order) -> tuple[str, ...]:
    """Name the predictions of an order."""
    return tuple(new_id() for _ in range(len(order.keys) or order.wanted))


def choose(desk: Desk, task: Task) -> tuple[Served, str]:
    """Return who answers: the champion, or the challenger of a canary or A/B trial for its share.

    A canary is drawn by request, an A/B trial by subject, who always gets the same.
    """
    trial = desk.trial
    if desk.paper is not None:
        return desk.champion, PAPER
    if trial is None or trial.strategy == SHADOW:
        return desk.champion, CHAMPION
    subject = task.order.subject if trial.strategy == "ab" else None
    drawn = fraction(subject or task.ids[0], str(trial.id))
    return (trial.challenger, CHALLENGER) if drawn < trial.share else (desk.champion, CHAMPION)


def score(served: Served, task: Task) -> Scored:
    """Predict what the task wants, with features as in training.

    Raises:
        Refused: the model has no finite answer for these values.
    """
    scored = _score(served, task)
    if not finite(scored.output).all():
        raise Refused("row", NO_FINITE_ANSWER)
    return scored


def finite(output: Output) -> Array:
    """Tell which of n answers are finite (n booleans)."""
    figures = output.labels if output.probabilities is None else output.probabilities
    if figures.dtype.kind != "f":
        return np.ones(len(output), dtype=bool)
    found: Array = np.isfinite(figures.reshape(len(output), -1))
    return np.asarray(found.all(axis=1))


def _score(served: Served, task: Task) -> Scored:
    contract, order = served.contract, task.order
    if task.stored is not None:
        return served.engine.features_of(task.stored)
    if task.raw is not None and task.wanted is not None:
        return served.engine.frame(task.raw, task.wanted)
    if not contract.inputs.computed:
        return served.engine.columns(contract.values(order.rows))
    raw = contract.frame(order.rows)
    return served.engine.frame(raw, np.arange(len(raw) - order.wanted, len(raw)))


def notes(served: Served, task: Task) -> list[str]:
    """Say what the caller should know of the answer."""
    return [*task.told, *_short(served.contract, task)]


def _short(contract: Contract, task: Task) -> list[str]:
    """Say where the history ends too early."""
    order, time = task.order, contract.inputs.timestamp
    if task.stored is not None:
        return []
    if not contract.looks_back or time not in contract.inputs.names:
        return []
    if contract.inputs.entity:
        return _short_entities(contract, task)
    if task.raw is None or task.wanted is None:
        first, target = order.rows[0][time], order.predicted[0][time]
    else:
        first, target = task.raw[time].iloc[0], task.raw[time].iloc[int(task.wanted.min())]
    note = contract.short_of_history(first, target)
    return [note] if note else []


def _short_entities(contract: Contract, task: Task) -> list[str]:
    """Say which of the entities that are asked about has the shortest history, if one is short."""
    inputs = contract.inputs
    raw, wanted = task.raw, task.wanted
    if raw is None or wanted is None:
        rows = task.order.rows
        raw, wanted = contract.frame(rows), np.arange(len(task.order.history), len(rows))
    times = raw[inputs.timestamp]
    entities = [raw[name] for name in inputs.entity]
    first = times.groupby(entities, dropna=False).transform("min")
    place = int(wanted[np.argmin((times - first).to_numpy()[wanted])])
    pair = (moments.iloc[place].to_pydatetime() for moments in (first, times))
    note = contract.short_of_history(*pair)
    whose = ", ".join(f"{column.name} {column.iloc[place]}" for column in entities)
    return [f"{whose}: {note}"] if note else []


def answer(
    served: Served, variant: str, task: Task, started: float, context: Mapping[str, Any],
    told: Sequence[str] = (), scored: Scored | None = None,
) -> Answer:  # fmt: skip
    """Score a task and write its answer; `context` goes on every line.

    Raises:
        Refused: the model has no finite answer for these values.
    """
    scored = score(served, task) if scored is None else scored
    found = predictions(task.ids, scored.output)
    shared = {
        "use_case": served.ref.use_case,
        "version": served.ref.version,
        "sha256": served.ref.sha256,
        "engine": served.engine.name,
        "variant": variant,
    }
    document = {**shared, "predictions": found} if task.order.batch else {**found[0], **shared}
    if task.as_of is not None:
        document["features_as_of"] = task.as_of
    told = [*told, *([UNPROVEN] if variant == PAPER else [])]
    if told := [*told, *_taken_otherwise(scored)]:
        document["notes"] = told
    body = to_json(document)
    latency = (perf_counter() - started) * 1000
    lines = record(served, variant, task, found, latency, context)
    return Answer(served, variant, scored, latency, body, lines)


def record(
    served: Served, variant: str, task: Task, found: Sequence[Row], latency: float,
    context: Mapping[str, Any],
) -> list[bytes]:  # fmt: skip
    """Write one line per prediction, as the table `evergreen.predictions` wants it."""
    shadow = variant == SHADOW
    shared = {
        "time": datetime.now(UTC),
        "use_case": served.ref.use_case,
        "version": served.ref.version,
        "run_id": served.ref.run_id,
        "sha256": served.ref.sha256,
        "snapshot_sha256": served.ref.snapshot_sha256,
        "engine": served.engine.name,
        "variant": variant,
        "subject": task.order.subject,
        "latency_ms": latency,
        **context,
    }
    history = list(task.order.history) or None
    lines = []
    keys: Sequence[Row | None] = task.order.keys or [None] * len(task.ids)
    for request_id, row, prediction, key in zip(task.ids, task.rows, found, keys, strict=True):
        own = {
            "id": new_id() if shadow else request_id,
            "request_id": request_id,
            "inputs": row,
            "key": key,
            "history": history,
            "output": prediction["prediction"],
            "probability": prediction.get("probability"),
            "probabilities": prediction.get("probabilities"),
        }
        lines.append(to_json(own | shared, inf_nan_mode="null"))
        history = None  # of a batch, the rows before one are the rows of the others
    return lines


def shadow_lines(
    trial: Trial, task: Task, started: float, context: Mapping[str, Any]
) -> list[bytes]:
    """Let the challenger answer what nobody sees; return its lines."""
    scored = score(trial.challenger, task)
    latency = (perf_counter() - started) * 1000
    found = predictions(task.ids, scored.output)
    return record(trial.challenger, SHADOW, task, found, latency, context)


def predictions(names: Sequence[str], output: Output) -> list[Row]:
    """Return answers as they are sent, each by its name."""
    labels, half = output.labels.tolist(), output.half_width
    if output.probabilities is None or output.classes is None:
        return [
            {"id": name, "prediction": label}
            | ({} if half is None else {"interval": [label - half, label + half]})
            for name, label in zip(names, labels, strict=True)
        ]
    classes = [str(c) for c in output.classes.tolist()]
    chances = [dict(zip(classes, row, strict=True)) for row in output.probabilities.tolist()]
    return [
        {"id": name, "prediction": label, "probability": chance[str(label)],
         "probabilities": chance}
        for name, label, chance in zip(names, labels, chances, strict=True)
    ]  # fmt: skip


def _taken_otherwise(scored: Scored) -> list[str]:
    """Say which values the model has never seen, and which it filled in."""
    said = [
        (scored.unseen, "value", "never seen in training"),
        (scored.imputed, "missing value", "read as the median of training"),
    ]
    return [
        f"{column}: {count} {what}{'s' if count > 1 else ''} {how}"
        for counts, what, how in said
        for column, count in counts.items()
    ]

"""Metrics that are not defined for some of the rows: nothing is known of them, and all else is."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evergreen.judging.units import Units
from evergreen.learning.models import Output
from evergreen.records import Labelled
from evergreen.refs import Outcome
from evergreen.spec import Kind, Metric, Monitoring, Scale
from evergreen.watching import quality, verdict
from evergreen.watching.facts import Facts
from evergreen.watching.profile import standard_errors
from verdicts import dossier_of

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 200
FRAUD = slice(100, 103)
"""All of it within a day."""


def share_caught(truth: Any, said: Any) -> float | None:
    return float((said[truth == 1] == 1).mean()) if truth.any() else None


CAUGHT = Metric(name="caught", function=share_caught, more_is_better=True)


def test_an_error_that_is_not_to_be_told_is_left_out() -> None:
    truth = np.zeros(ROWS, dtype=np.int64)
    truth[FRAUD] = 1
    times = pd.Series(pd.date_range(START, periods=ROWS, freq="3h"))
    said = Output(truth, np.column_stack([1 - truth, truth]).astype(float), np.array([0, 1]))

    found = standard_errors(
        Scale(Kind.BINARY, (CAUGHT,)), truth, said, ["caught", "accuracy"],
        Units.of(times, None, ROWS),
    )  # fmt: skip

    assert list(found) == ["accuracy"]


@pytest.mark.parametrize("positives", [0, 1, 7])
def test_live_recall_of_hardly_any_positives_is_unknown_and_not_poor(positives: int) -> None:
    labels = tuple(int(n < positives) for n in range(60))
    labelled = Labelled(
        due=60, labelled=60, labels=labels, outputs=(0,) * 60,
        probabilities=({"0": 0.9, "1": 0.1},) * 60,
        times=tuple(START + n * timedelta(hours=12) for n in range(60)),
    )  # fmt: skip
    gated = dossier_of("churn", 1, figures={"recall": 0.7}, floors={"recall": 0.6})
    gated = replace(gated, proof=replace(gated.proof, metric="recall"))

    found = quality.measure(gated, None, labelled, START, 50)

    facts = Facts(use_case="churn", start=START, end=START, rows=60, quality=found, alpha=0.0025)
    assert verdict.poor(facts, Monitoring()) == []
    assert verdict.judge(facts, Monitoring()).outcome == Outcome.UNKNOWN
    assert found.problem == "recall: not defined for these labels, or told by too few of them"


def test_a_live_metric_without_an_error_is_unknown_and_said_to_be() -> None:
    labels = [int(FRAUD.start <= n < FRAUD.stop) for n in range(ROWS)]
    labelled = Labelled(
        due=ROWS, labelled=ROWS, labels=tuple(labels), outputs=tuple(labels),
        probabilities=tuple({"0": 1.0 - n, "1": float(n)} for n in labels),
        times=tuple(START + n * timedelta(hours=3) for n in range(ROWS)),
    )  # fmt: skip
    gated = dossier_of("weather", 1, figures={"accuracy": 0.9}, floors={"accuracy": 0.6})
    floors = {"accuracy": 0.6, "caught": 0.5}
    proof = replace(gated.proof, metric="accuracy", floors=floors, beside={"caught": True})

    found = quality.measure(replace(gated, proof=proof), None, labelled, START, 10, (CAUGHT,))

    known = {metric.name: metric.live for metric in found.metrics}
    assert known["caught"] is None
    assert known["accuracy"] == 1.0
    assert found.problem.startswith("caught: not defined for these labels")
    json.dumps(found.to_json(), allow_nan=False)  # as the report keeps it


@pytest.mark.parametrize("chances", [True, False], ids=["probabilities", "labels alone"])
def test_a_class_that_the_champion_never_says_counts_in_service_as_at_the_gate(
    chances: bool,
) -> None:
    labels = tuple("abc"[n % 3] for n in range(90))
    said = tuple("b" if label == "c" else label for label in labels)
    given = tuple({"a": float(one == "a"), "b": float(one == "b")} for one in said)
    labelled = Labelled(
        due=90, labelled=90, labels=labels, outputs=said,
        probabilities=given if chances else (None,) * 90,
        times=tuple(START + n * timedelta(hours=12) for n in range(90)),
    )  # fmt: skip
    gated = dossier_of("weather", 1, metric="balanced_accuracy", floors={"recall": 0.5})
    several = replace(
        gated.answers, kind=Kind.MULTICLASS, classes=("a", "b"), never=("c",), positive=None
    )

    found = quality.measure(replace(gated, answers=several), None, labelled, START, 50)

    assert [one.live for one in found.metrics] == [pytest.approx(2 / 3)] * 2

"""Evidence survives JSON whole, with what is unknown in it."""

import json
import math
from dataclasses import replace

import pytest

import evidences as e
from evergreen.judging.evidence import Evidence, Overlap, Role


def through_json(evidence: Evidence) -> Evidence:
    return Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False)))


def test_survives_json() -> None:
    assert through_json(e.evidence()) == e.evidence()
    assert through_json(e.first()) == e.first()


def test_a_figure_that_is_no_number_stays_none() -> None:
    nan = math.nan

    read = through_json(e.evidence(latency_ms=nan, models=e.challenger(metrics={"f1": nan})))

    assert read.latency_ms is None
    assert math.isnan(read.challenger.metrics["f1"])


def test_infinity_stays_infinite() -> None:
    assert through_json(e.evidence(golden_difference=math.inf)).golden_difference == math.inf


def test_knows_who_is_who() -> None:
    evidence = e.evidence()

    assert evidence.challenger.name == "boosting"
    assert evidence.champion is not None
    assert evidence.champion.version == 3
    assert [model.name for model in evidence.baselines] == ["climatology", "persistence"]
    assert e.first().champion is None


@pytest.mark.parametrize(
    "change",
    [
        {"models": e.champion(problem="gone")},
        {"overlap": (Overlap(model=Role.CHAMPION, rows=None, how="gone"),)},
    ],
)
def test_is_incomplete_while_anything_is_unknown(change: dict[str, object]) -> None:
    assert e.evidence().complete
    assert not replace(e.evidence(), **change).complete

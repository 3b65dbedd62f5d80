"""How far a refresh may stray: what the ones before it tell of what is usual."""

from datetime import UTC, datetime

import pytest

from database import records_of
from evergreen import fitting_anew
from evergreen.records import Decision, Records, decision_id
from evergreen.settings import Settings


@pytest.fixture
def kept(settings: Settings) -> Records:
    return records_of(settings)


def refreshed(kept: Records, report: str, disagreement: float | None, outcome: str) -> None:
    evidence = {"evaluation": {"report_id": report}, "disagreement": disagreement}
    decision = Decision(
        id=decision_id("iris", "fit/train", f"{report}-{outcome}"), use_case="iris", kind="fit",
        outcome=outcome, sentence="It stands.", evidence=evidence, run_key="r", actor="ada",
        as_of=datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    kept.decisions.record(decision)


def test_neither_a_refused_fit_nor_the_one_to_be_judged_again_is_usual(kept: Records) -> None:
    refreshed(kept, "monday", 0.01, "passed")
    refreshed(kept, "tuesday", None, "passed")  # a change: it is nobody's refresh
    refreshed(kept, "wednesday", 0.09, "refused")
    refreshed(kept, "thursday", 0.02, "passed")

    assert fitting_anew.usual(kept, "iris", apart="friday") == [0.02, 0.01]
    assert fitting_anew.usual(kept, "iris", apart="thursday") == [0.01]


def test_where_fits_are_refused_again_and_again_nothing_is_usual(kept: Records) -> None:
    for day in range(5):
        refreshed(kept, f"calm-{day}", 0.01, "passed")
    for day in range(10):
        refreshed(kept, f"changed-{day}", 0.09, "refused")

    assert fitting_anew.usual(kept, "iris", apart="today") == []

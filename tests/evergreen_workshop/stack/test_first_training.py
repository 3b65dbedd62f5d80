"""What `make up` tells of the first trainings, while they run and when they are over."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from database import records_of
from deciding.champion import make_champion
from evergreen.catalog import Catalog
from evergreen.records import Decision, Incident, decision_id
from evergreen.settings import Settings
from evergreen_workshop import demo
from evergreen_workshop.stack.first_training import FirstTraining
from evergreen_workshop.stack.progress import Progress
from learning import CATALOG


class Airflow:
    """An Airflow in which weather is done at the second look, and iris at the third."""

    def __init__(self) -> None:
        self.looks: dict[str, Iterator[str]] = {
            "weather_training": iter(["running", "success", "success"]),
            "iris_training": iter(["running", "running", "success"]),
        }

    def trigger(self, dag: str, note: str) -> str:
        return "asked for"

    def active_run(self, dag: str) -> str | None:
        return None

    def state(self, dag: str, run: str) -> str:
        return next(self.looks.get(dag, iter(())), "success")

    def tasks(self, dag: str, run: str) -> dict[str, list[str]]:
        return {"running": ["train", "train"]} if dag == "iris_training" else {}


class Slow(Airflow):
    """An Airflow that starts what is due at the fortieth look, and all else when asked."""

    def __init__(self, following: datetime | None) -> None:
        super().__init__()
        self.following, self.left, self.asked = following, 40, 0

    def dag(self, dag: str) -> dict[str, Any]:
        following = self.following and self.following.isoformat().replace("+00:00", "Z")
        return {"is_paused": False, "next_dagrun_run_after": following}

    def active_run(self, dag: str) -> str | None:
        self.left -= 1
        return None if self.left else "by the schedule"

    def trigger(self, dag: str, note: str) -> str:
        self.asked += 1
        return "asked for"


@pytest.fixture
def first(settings: Settings) -> FirstTraining:
    records_of(settings).migrate()
    progress = Progress(Console(file=io.StringIO(), width=200))
    return FirstTraining(Airflow(), records_of(settings), progress)  # type: ignore[arg-type]


def test_tells_how_many_are_done_and_what_the_others_do(
    first: FirstTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen_workshop.stack.progress.EVERY", -1.0)
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    with first.progress.step("training") as step:
        first._wait({"weather_training": "1", "iris_training": "1"}, step)

    lines = first.progress.console.file.getvalue().splitlines()
    assert lines == [
        "… training: 0 done, iris_training: train (0 s)",
        "… training: 1 done, iris_training: train (0 s)",
        "✓ training (0 s)",
    ]


@pytest.mark.parametrize(
    ("following", "run"),
    [
        (-timedelta(hours=1), "by the schedule"),
        (timedelta(hours=1), "asked for"),
        (None, "asked for"),
    ],
    ids=["due", "later", "no schedule"],
)
def test_what_the_schedule_starts_is_not_started_twice(
    following: timedelta | None, run: str, first: FirstTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("time.sleep", lambda seconds: clock.append(clock.pop() + seconds))
    slow = Slow(None if following is None else datetime.now(UTC) + following)
    first.api = slow  # type: ignore[assignment]

    with first.progress.step("training") as step:
        found = first._start("iris_training", step)

    assert found == run
    assert slow.asked == (run == "asked for")


def test_the_dags_are_known_by_the_prefix_of_the_settings(
    first: FirstTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def dag(dag_id: str) -> dict[str, Any]:
        asked.append(dag_id)
        return {"is_paused": False, "next_dagrun_run_after": None}

    first.prefix = "ml_"
    monkeypatch.setattr(first.api, "dag", dag, raising=False)
    use_case = SimpleNamespace(draft=False, tags=())

    first.run(SimpleNamespace(use_cases={"wine": use_case}, broken={}))  # type: ignore[arg-type]

    assert asked == ["ml_wine_training"]


def test_a_demonstration_without_its_table_in_ones_own_warehouse_is_told_and_not_trained(
    first: FirstTraining, blank_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.load("iris", blank_url, date(2026, 11, 20))
    monkeypatch.setattr(first, "_start", lambda dag, step: "1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    first.warehouse_url = blank_url
    use_cases = {name: CATALOG.find(name) for name in ("iris", "weather")}

    iris, weather = first.run(Catalog(use_cases))

    assert iris.sentence.startswith("no champion: its run left no reason")
    assert weather.well
    assert weather.sentence.startswith("is not trained: EVERGREEN_WAREHOUSE_URL, which is yours,")
    assert "evergreen db load weather" in weather.sentence


def test_a_champion_is_told_with_the_reason_of_its_promotion(
    first: FirstTraining, settings: Settings
) -> None:
    make_champion(settings, "iris", 1)

    assert first.outcome("iris").line == "✓ iris: champion is version 1. better"


def decide(first: FirstTraining, kind: str, outcome: str, sentence: str) -> None:
    first.ledger.decisions.record(
        Decision(
            id=decision_id("stocks", f"{kind}/train", "1"), use_case="stocks", kind=kind,
            outcome=outcome, sentence=sentence, evidence={}, as_of=None,
            run_key="1", actor="schedule",
        )
    )  # fmt: skip


def test_a_fit_that_was_refused_is_told_and_not_the_gate_that_had_let_its_recipe_pass(
    first: FirstTraining,
) -> None:
    decide(first, "gate", "passed", "Promote boosting as the first champion.")
    decide(first, "fit", "refused", "No champion yet: the new fit was not let through: slow.")

    assert first.outcome("stocks").sentence.startswith("No champion yet: the new fit")


def test_no_champion_is_told_with_what_the_gate_or_the_failure_says(first: FirstTraining) -> None:
    first.ledger.incidents.open(
        Incident(use_case="iris", run_key="iris_training/1", step="train", message="boom")
    )
    decide(first, "gate", "refused", "No champion yet: luck.")

    stocks, iris, weather = (first.outcome(name) for name in ("stocks", "iris", "weather"))

    assert (stocks.well, stocks.line) == (True, "! stocks: No champion yet: luck.")
    assert (iris.well, iris.line) == (False, "✗ iris: no champion: boom")
    assert (weather.well, weather.line[:23]) == (False, "✗ weather: no champion:")

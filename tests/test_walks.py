"""Every use case from its real data to a decision: load, run, gate, predict, drift, decide."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from database import records_of
from evergreen import cycle, watching
from evergreen.cycle import Cycle
from evergreen.deciding import decide
from evergreen.serving.app import create_app
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen.watching import Window, WindowRef
from evergreen_workshop import demo
from evergreen_workshop.simulation import Sent, Shift, simulate
from learning import CATALOG
from serving.conftest import Client, live

AS_OF = datetime(2026, 10, 10, tzinfo=UTC)
LATER = timedelta(days=40)
"""Until the drift is decided on."""
ROWS = 50
SHIFTS = {
    "churn": ("monthly_charges=+3sd", "tenure=*0.1", "total_charges=+3sd"),
    "crop": ("urea=+3sd", "seed=+3sd", "pseed=+3sd"),
    "energy": ("temperature=+4sd", "forecast=+4sd", "demand=+2sd"),
    "iris": ("petal_length=+3sd", "petal_width=+3sd", "sepal_length=+3sd"),
    "weather": ("temp_max=+4sd", "temp_min=+4sd", "wind=+4sd"),
}
"""What drifts: real numbers, moved far."""


def simplified(name: str) -> UseCase:
    """The shipped use case with its fastest candidate, retrained for one alarming window."""
    use_case = CATALOG.find(name)
    quick = replace(use_case.candidates[0], search={})
    at_once = replace(use_case.retraining, alarming=1)
    return replace(use_case, candidates=(quick,), retraining=at_once)


def load_and_run(use_case: UseCase, settings: Settings) -> Cycle:
    demo.load(use_case.name, settings.database_url, until=AS_OF.date() - timedelta(days=1))
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/first", actor="ada")
    return cycle.run(use_case, asked, records=records_of(settings), settings=settings)


@contextmanager
def service(settings: Settings) -> Iterator[Client]:
    records_of(settings).migrate()
    with live(create_app(settings), settings) as client:
        yield client


def drift(use_case: UseCase, settings: Settings) -> Sent:
    """Send rows that are unlike those of the training to the service."""
    shifts = [Shift.parse(text) for text in SHIFTS[use_case.name]]
    with service(settings) as client:
        here = replace(settings, serve_port=client.base_url.port)
        return simulate(use_case, ROWS, shifts, records=records_of(here), settings=here)


def watch(use_case: UseCase, sent: Sent, settings: Settings) -> WindowRef:
    window = Window(start=sent.started - timedelta(seconds=1), end=sent.ended)
    return watching.watch(use_case, window, records=records_of(settings), settings=settings)


@pytest.mark.parametrize("name", SHIFTS)
def test_real_data_becomes_a_champion_that_answers_and_whose_drift_is_decided_on(
    name: str, settings: Settings
) -> None:
    use_case = simplified(name)

    done = load_and_run(use_case, settings)
    sent = drift(use_case, settings)
    seen = watch(use_case, sent, settings)
    demo.feed(name, settings.database_url, LATER.days)  # or there is nothing new to learn
    decided = decide(
        use_case,
        seen,
        Run(as_of=AS_OF + LATER, asked_at=sent.ended, key="test/window", actor="watch"),
        records=records_of(settings),
        settings=settings,
    )

    assert done.to_json()["promoted"], done.sentence
    assert "baseline" in done.sentence
    assert sent.versions == {1: ROWS}
    assert seen.outcome == "critical", seen.sentence
    assert (decided.outcome, decided.cause) == ("retrain", "drift"), decided.sentence


def test_prices_that_nobody_can_tell_are_refused_with_the_reason(settings: Settings) -> None:
    done = load_and_run(simplified("stocks"), settings)

    ledger = records_of(settings)
    [decision] = ledger.decisions.newest("stocks", 10, kind="gate")
    assert ledger.promotions.champion("stocks") is None
    assert decision.outcome == "refused"
    assert "below the floor on roc_auc" in decision.sentence
    assert done.verdict is not None
    report = (settings.home / "reports" / done.verdict.report).read_text()
    assert "sharpe buy and hold" in report
    assert "profit coin" in report
    asked = {"key": {"ticker": "AAPL", "date": "2026-10-08"}}
    with service(settings) as client:
        refused = client.post("/stocks/predict", json=asked)
        on_paper = client.post("/stocks/predict?on_paper=true", json=asked)
    assert refused.status_code == httpx.codes.NOT_FOUND
    assert on_paper.json()["notes"][-1].startswith("unproven"), on_paper.text
    assert 0 < on_paper.json()["probability"] < 1

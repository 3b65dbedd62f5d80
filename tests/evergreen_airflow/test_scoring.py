"""The scoring DAG: one task that scores the interval before it is due, and tells it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_edge import DUE, STARTED, running

from scoring.conftest import FLOWERS, Batch, flowers, shop

pytestmark = pytest.mark.usefixtures("airflow")
__all__ = ["flowers", "shop"]


@pytest.fixture(autouse=True)
def the_settings(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: shop.settings)
    monkeypatch.setattr("evergreen.scoring.story.from_mlflow", lambda _: shop.fetch)


def run(kind: str = "scheduled", **form: Any) -> tuple[dict[str, Any], str]:
    """Run the task; return what it returns, and the sentence that it tells."""
    from evergreen_airflow.scoring import scoring_dag

    with running(kind, **form) as ti:
        ti.task_id, ti.map_index = "score", -1
        done = scoring_dag(FLOWERS).get_task("score").python_callable()
    return done, ti.pushed["evergreen_outcome"]


def test_scores_the_day_that_has_ended_and_tells_it(flowers: Batch) -> None:
    done, told = run()

    assert told.startswith("Scored 150 rows of 2026-11-20 00:00 to 2026-11-21 00:00 UTC with versi")
    assert done["interval_end"] == DUE.isoformat().replace("+00:00", "Z")
    columns = "interval_start, scored_at"
    assert set(flowers.written(columns)) == {(DUE - timedelta(days=1), DUE)}
    assert set(flowers.ask("SELECT time FROM evergreen.predictions")) == {(STARTED,)}


def test_the_form_names_another_interval(flowers: Batch) -> None:
    run("manual", start="2026-11-01", end="2026-11-08")

    ends = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC))
    assert set(flowers.written("interval_start, interval_end")) == {ends}


def test_a_refusal_fails_at_once_in_its_own_words(flowers: Batch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    flowers.ask("DELETE FROM iris")

    with pytest.raises(AirflowFailException, match="there are 0 rows to score"):
        run()


@pytest.mark.usefixtures("shop")
def test_without_a_champion_the_run_skips_itself() -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="iris has no champion yet"):
        run()

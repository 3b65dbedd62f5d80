"""Decisions on a real ledger: once for each window and champion, within the budget."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from database import records_of
from deciding.champion import make_champion
from evergreen.data import extraction
from evergreen.deciding import decide
from evergreen.deciding.decision import started
from evergreen.notify import recovered, report_failure
from evergreen.records import Decision, decision_id
from evergreen.refs import WindowRef
from evergreen.settings import Settings
from evergreen.spec import Excluded, Retraining, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from fakes import FakeDecisions
from learning import CATALOG

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 21, tzinfo=UTC)
WEATHER = replace(CATALOG.find("weather"), retraining=Retraining())


def drifted(end: datetime, champion: int = 1, **changes: Any) -> WindowRef:
    window = WindowRef(
        use_case="weather", start=end - HOUR, end=end, champion=champion, rows=100,
        outcome="critical", sentence="2 of 4 columns drifted.", drifted=("temp_max", "wind"),
        drift_share=0.5, metric="roc_auc", floor=0.68, report_id="r1",
    )  # fmt: skip
    return replace(window, **changes)


def run_at(moment: datetime) -> Run:
    return Run(
        as_of=moment, asked_at=moment, key=f"weather_monitoring/{moment.isoformat()}",
        actor="schedule",
    )  # fmt: skip


def watched(settings: Settings, *windows: WindowRef) -> WindowRef:
    for window in windows:
        records_of(settings).windows.keep(window)
    return windows[-1]


def decide_at(window: WindowRef, settings: Settings, use_case: UseCase = WEATHER, **more: Any):
    return decide(
        use_case,
        window,
        run_at(window.end),
        records=records_of(settings),
        settings=settings,
        **more,
    )


def judged(settings: Settings, run_key: str, outcome: str, kind: str = "gate") -> None:
    """Put on record how a training came out."""
    records_of(settings).decisions.record(
        Decision(
            id=decision_id("weather", f"{kind}/train", run_key), use_case="weather", kind=kind,
            outcome=outcome, sentence="Because.", evidence={}, as_of=None, run_key=run_key,
            actor="schedule",
        )
    )  # fmt: skip


@pytest.fixture
def champion(settings: Settings) -> Settings:
    make_champion(settings, "weather", 1)
    return settings


def test_two_of_three_drifted_windows_start_one_retraining(champion: Settings) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))

    first, second = (decide_at(window, champion) for _ in range(2))

    assert first == second
    assert first.retrain
    assert first.cause == "drift"
    assert first.run_id == "drift__2026-11-21T01:00:00Z__v1"
    (asked,) = records_of(champion).retrainings.newest("weather")
    assert asked.run_key == f"weather_training/{first.run_id}"
    assert len(records_of(champion).decisions.newest("weather", kind="trigger")) == 1


def test_a_repeated_task_finds_its_decision_though_the_training_runs_by_now(
    champion: Settings,
) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))
    before = decide_at(window, champion)

    after = decide_at(window, champion, waits=f"weather_training/{before.run_id} runs already")

    assert after == before
    assert len(records_of(champion).decisions.newest("weather", kind="trigger")) == 1


def test_decisions_at_the_same_time_are_one(champion: Settings) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))

    with ThreadPoolExecutor(4) as pool:
        decided = list(pool.map(lambda _: decide_at(window, champion), range(4)))

    assert len({each.id for each in decided}) == 1
    assert len(records_of(champion).retrainings.newest("weather")) == 1


def test_a_crash_between_asking_and_recording_changes_nothing(champion: Settings) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))
    before = decide_at(window, champion)
    with psycopg2.connect(champion.database_url) as connection:
        connection.cursor().execute("DELETE FROM evergreen.decisions WHERE kind = 'trigger'")
    connection.close()

    after = decide_at(window, champion)

    assert (after.id, after.run_id, after.retrain) == (before.id, before.run_id, True)
    assert len(records_of(champion).retrainings.newest("weather")) == 1


def test_no_is_on_record_with_its_evidence(champion: Settings) -> None:
    window = watched(champion, drifted(START))

    decided = decide_at(window, champion)

    assert not decided.retrain
    assert decided.outcome == "no"
    assert decided.evidence["situation"]["window"]["drift_share"] == 0.5
    (stored,) = records_of(champion).decisions.newest("weather", kind="trigger")
    assert stored.sentence == decided.sentence
    assert "1 of the last 1 windows drifted, 2 are needed" in stored.sentence


@pytest.mark.parametrize("read", [50, 1])
def test_twenty_alarming_windows_stay_within_the_budget(
    champion: Settings, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    monkeypatch.setattr("evergreen.deciding.situation.ASKED", read)
    use_case = replace(WEATHER, retraining=Retraining(cooldown=2 * HOUR, budget=3))

    outcomes = []
    for hour in range(20):
        window = watched(champion, drifted(START + hour * HOUR))
        decided = decide_at(window, champion, use_case)
        outcomes.append((decided.outcome, decided.sentence))
        if decided.retrain:
            judged(champion, f"weather_training/{decided.run_id}", "passed")

    assert Counter(outcome for outcome, _ in outcomes) == {"retrain": 3, "held back": 13, "no": 4}
    assert all("but held back: " in said for outcome, said in outcomes if outcome == "held back")
    assert "the budget is 3" in outcomes[-1][1]
    assert len(records_of(champion).retrainings.newest("weather")) == 3


def test_a_refused_candidate_makes_the_next_wait_longer(champion: Settings) -> None:
    watched(champion, drifted(START - HOUR))
    first = decide_at(watched(champion, drifted(START)), champion)
    judged(champion, f"weather_training/{first.run_id}", "refused")

    early = decide_at(watched(champion, drifted(START + 7 * HOUR)), champion)
    late = decide_at(watched(champion, drifted(START + 12 * HOUR)), champion)

    assert (first.outcome, early.outcome, late.outcome) == ("retrain", "held back", "retrain")
    assert "as the last one did not change the recipe." in early.sentence


def test_a_retraining_that_failed_counts_though_another_training_went_well_since(
    champion: Settings,
) -> None:
    watched(champion, drifted(START - HOUR))
    first = decide_at(watched(champion, drifted(START)), champion)
    kept, key = records_of(champion), f"weather_training/{first.run_id}"
    report_failure(kept, champion, "weather", key, "train", "boom")
    recovered(kept, champion, "weather_training/scheduled__1")

    early = decide_at(watched(champion, drifted(START + 7 * HOUR)), champion)
    judged(champion, key, "passed")  # the run was cleared

    assert "as the last one did not change the recipe." in early.sentence
    assert kept.retrainings.newest("weather")[0].outcome == "passed"


def test_a_running_training_is_enough(champion: Settings) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))

    decided = decide_at(window, champion, waits="weather_training/scheduled__1 runs already")

    assert decided.outcome == "held back"
    assert "weather_training/scheduled__1 runs already" in decided.sentence


def test_unknown_windows_neither_alarm_nor_calm(champion: Settings) -> None:
    window = watched(
        champion,
        drifted(START),
        drifted(START + HOUR, outcome="unknown", drifted=(), sentence="No rows were logged."),
        drifted(START + 2 * HOUR),
    )

    decided = decide_at(window, champion)

    assert decided.retrain


def test_a_new_champion_starts_from_nothing(champion: Settings) -> None:
    watched(champion, drifted(START), drifted(START + HOUR))
    make_champion(champion, "weather", 2)

    old = decide_at(watched(champion, drifted(START + 2 * HOUR)), champion)
    new = decide_at(watched(champion, drifted(START + 3 * HOUR, champion=2)), champion)

    assert old.outcome == "held back"
    assert "version 2 is champion now" in old.sentence
    assert new.outcome == "no"


def test_windows_add_up_over_the_refreshes_of_a_recipe(champion: Settings) -> None:
    watched(champion, drifted(START))
    make_champion(champion, "weather", 2, kind="refresh")

    decided = decide_at(watched(champion, drifted(START + HOUR, champion=2)), champion)

    assert decided.retrain
    assert decided.sentence.startswith("Retrain: temp_max, wind drifted in 2 of the last 2 windows")


def test_a_refresh_between_window_and_decision_is_no_other_model(champion: Settings) -> None:
    window = watched(champion, drifted(START), drifted(START + HOUR))
    make_champion(champion, "weather", 2, kind="refresh")

    decided = decide_at(window, champion)

    assert decided.retrain


@pytest.mark.parametrize("kind", ["rollback", "forced"])
def test_a_champion_that_a_person_chose_starts_from_nothing(champion: Settings, kind: str) -> None:
    watched(champion, drifted(START), drifted(START + HOUR))
    make_champion(champion, "weather", 1, kind=kind)

    decided = decide_at(watched(champion, drifted(START + 2 * HOUR)), champion)

    assert decided.outcome == "no"


def test_a_window_that_is_watched_again_after_a_refresh_asks_for_nothing_more(
    champion: Settings,
) -> None:
    decide_at(watched(champion, drifted(START), drifted(START + HOUR)), champion)
    make_champion(champion, "weather", 2, kind="refresh")
    again = watched(champion, drifted(START + HOUR, champion=2))

    decided = decide(
        WEATHER, again, run_at(START + 48 * HOUR), records=records_of(champion), settings=champion
    )

    assert decided.outcome == "held back"
    assert "has asked for a retraining already" in decided.sentence
    assert len(records_of(champion).retrainings.newest("weather")) == 1


def test_rows_that_two_windows_share_count_once(champion: Settings) -> None:
    watched(champion, drifted(START), drifted(START + HOUR / 4), drifted(START + HOUR / 2))

    decided = decide_at(watched(champion, drifted(START + HOUR / 4 * 3)), champion)

    assert decided.outcome == "no"
    assert "1 of the last 1 windows drifted" in decided.sentence


def test_drift_that_no_new_label_can_cure_is_held_back(settings: Settings) -> None:
    iris = replace(CATALOG.find("iris"), retraining=Retraining())
    demo.load("iris", settings.database_url, until=START.date())
    snapshot = extraction.extract(iris, as_of=START, asked_at=START, settings=settings)
    make_champion(settings, "iris", 1, snapshot.sha256)
    ended = (START + HOUR, START + 2 * HOUR, START + 3 * HOUR)
    first, second, third = (replace(drifted(end), use_case="iris", metric="f1") for end in ended)

    before = decide_at(watched(settings, first, second), settings, iris)
    demo.feed("iris", settings.database_url, 1)
    after = decide_at(watched(settings, third), settings, iris)

    assert before.outcome == "held back"
    assert "there is nothing new to learn" in before.sentence
    assert after.retrain


def test_rows_that_were_put_right_are_something_to_learn(settings: Settings) -> None:
    weather = replace(WEATHER, retraining=Retraining())
    loaded = datetime(2026, 11, 10, tzinfo=UTC)
    demo.load("weather", settings.database_url, until=date(2026, 11, 9))
    snapshot = extraction.extract(weather, as_of=loaded, asked_at=loaded, settings=settings)
    make_champion(settings, "weather", 1, snapshot.sha256)
    first, second, third = (drifted(loaded + n * HOUR) for n in (1, 2, 3))

    before = decide_at(watched(settings, first, second), settings, weather)
    with psycopg2.connect(settings.database_url) as connection:
        connection.cursor().execute("UPDATE weather SET wind = wind + 1 WHERE date = '2026-10-01'")
    connection.close()
    after = decide_at(watched(settings, third), settings, weather)

    assert "there is nothing new to learn" in before.sentence
    assert after.retrain


def test_a_source_that_cannot_be_summed_up_is_told_and_stops_no_decision(
    settings: Settings,
) -> None:
    weather = replace(WEATHER, retraining=Retraining())
    loaded = datetime(2026, 11, 10, tzinfo=UTC)
    demo.load("weather", settings.database_url, until=date(2026, 11, 9))
    snapshot = extraction.extract(weather, as_of=loaded, asked_at=loaded, settings=settings)
    make_champion(settings, "weather", 1, snapshot.sha256)
    with psycopg2.connect(settings.database_url) as connection:
        connection.cursor().execute(
            "UPDATE weather SET date = 'infinity' WHERE date = '2026-11-09'"
        )
    connection.close()

    decided = decide_at(
        watched(settings, *(drifted(loaded + n * HOUR) for n in (1, 2))), settings, weather
    )

    assert decided.retrain
    assert "how many rows are new is unknown" in decided.sentence
    assert "infinite event time" in decided.sentence


def test_new_labelled_rows_ask_for_a_retraining_without_any_traffic(settings: Settings) -> None:
    use_case = replace(WEATHER, retraining=Retraining(new_rows=5))
    loaded = datetime(2026, 11, 10, tzinfo=UTC)
    demo.load("weather", settings.database_url, until=date(2026, 11, 9))
    snapshot = extraction.extract(use_case, as_of=loaded, asked_at=loaded, settings=settings)
    make_champion(settings, "weather", 1, snapshot.sha256)
    quiet = {"outcome": "unknown", "drifted": (), "rows": 0, "sentence": "No rows were logged."}

    demo.feed("weather", settings.database_url, 4)
    few = decide_at(drifted(loaded + 4 * 24 * HOUR, **quiet), settings, use_case)
    demo.feed("weather", settings.database_url, 4)
    enough = decide_at(drifted(loaded + 8 * 24 * HOUR, **quiet), settings, use_case)

    assert few.outcome == "unknown"
    assert "No rows were logged; 4 of 5 new rows" in few.sentence
    assert enough.retrain
    assert enough.cause == "new rows"
    assert "8 labelled rows have come since the champion's snapshot" in enough.sentence


def test_rows_of_days_that_are_left_out_are_not_new(settings: Settings) -> None:
    bad = Excluded("2026-11-09", "2026-11-13", "the gauge was broken")
    use_case = replace(
        WEATHER,
        retraining=Retraining(new_rows=3),
        source=replace(WEATHER.source, excluded=(bad,)),
    )
    loaded = datetime(2026, 11, 10, tzinfo=UTC)
    demo.load("weather", settings.database_url, until=date(2026, 11, 9))
    snapshot = extraction.extract(use_case, as_of=loaded, asked_at=loaded, settings=settings)
    make_champion(settings, "weather", 1, snapshot.sha256)
    windows = [drifted(loaded + n * 24 * HOUR) for n in (3, 4)]

    demo.feed("weather", settings.database_url, 4)
    held = decide_at(watched(settings, *windows), settings, use_case)
    demo.feed("weather", settings.database_url, 4)
    sound = drifted(loaded + 8 * 24 * HOUR, outcome="calm", drifted=())
    due = decide_at(watched(settings, sound), settings, use_case)

    assert held.outcome == "held back"
    assert "nothing new" in held.sentence
    assert due.retrain
    assert due.evidence["situation"]["new_rows"] == 3


def test_rows_without_time_are_counted_beyond_the_snapshot(settings: Settings) -> None:
    use_case = replace(CATALOG.find("iris"), retraining=Retraining(new_rows=10))
    demo.load("iris", settings.database_url, until=START.date())
    snapshot = extraction.extract(use_case, as_of=START, asked_at=START, settings=settings)
    make_champion(settings, "iris", 1, snapshot.sha256)
    demo.feed("iris", settings.database_url, 12)
    window = replace(drifted(START, outcome="calm", drifted=()), use_case="iris", metric="f1")

    decided = decide_at(window, settings, use_case)

    assert decided.retrain
    assert "12 labelled rows" in decided.sentence


def test_a_missing_snapshot_is_told_and_does_not_hide_drift(champion: Settings) -> None:
    use_case = replace(WEATHER, retraining=Retraining(new_rows=5))

    alone = decide_at(watched(champion, drifted(START)), champion, use_case)
    again = decide_at(watched(champion, drifted(START + HOUR)), champion, use_case)

    assert alone.outcome == "unknown"
    assert "is missing" in alone.sentence
    assert again.retrain
    assert "how many rows are new is unknown" in again.sentence


def test_trainings_by_schedule_and_by_hand_are_on_record_once() -> None:
    run, decisions = run_at(START), FakeDecisions()

    for _ in range(2):
        started(WEATHER, run, "schedule", "It was due.", decisions=decisions)

    (decision,) = decisions.newest("weather", kind="trigger")
    assert decision.outcome == "retrain"
    assert decision.evidence["cause"] == "schedule"

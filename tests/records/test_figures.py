"""The state of things in figures: of each use case its newest window, whatever came before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deciding.test_policy import seen
from evergreen.records import Decision, Records, decision_id

HOUR = timedelta(hours=1)


def test_each_use_case_is_told_by_its_newest_window(records: Records) -> None:
    first = seen(0)
    for name, hours in {"weather": (1, 3, 2), "iris": (7,), "churn": (5, 4)}.items():
        for hour in hours:
            records.windows.keep(replace(
                first, use_case=name, start=first.start + hour * HOUR, end=first.end + hour * HOUR,
                rows=100 * hour,
            ))  # fmt: skip

    found = records.figures.all()

    assert dict(found["window_rows"]) == {"weather": 300, "iris": 700, "churn": 500}
    ends = dict(found["window_end_timestamp_seconds"])
    assert float(ends["weather"]) == (first.end + 3 * HOUR).timestamp()


def test_without_a_window_there_is_no_figure(records: Records) -> None:
    assert records.figures.all()["window_rows"] == []


def test_of_gates_only_the_newest_of_each_use_case_is_read(records: Records) -> None:
    for key, seconds in {"first": "not to be read", "second": 1.5}.items():
        evidence = {"evaluation": {"challenger": {"seconds": seconds}}}
        records.decisions.record(
            Decision(
                id=decision_id("weather", "gate", key), use_case="weather", kind="gate",
                outcome="refused", sentence="No.", evidence=evidence, as_of=None, run_key=key,
                actor="schedule",
            )
        )  # fmt: skip

    assert records.figures.all()["training_seconds"] == [("weather", 1.5)]


def test_of_who_watches_only_the_last_look_is_a_figure(records: Records) -> None:
    """The alert rule asks how old each is."""
    for name in ("watchdog", "watchdog/awake", "dag/weather_training"):
        records.heartbeats.beat(name, datetime(2026, 11, 21, tzinfo=UTC))

    found = records.figures.all()["watchdog_timestamp_seconds"]

    assert [row[0] for row in found] == ["watchdog"]

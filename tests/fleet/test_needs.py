"""What needs a person, and what of it first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergreen.fleet import NOBODY, STATES, Metric, Row, in_words, needs, unmended
from evergreen.records import Approval, Decision, Incident, Pin, Retirement
from evergreen.refs import Band, ChampionRef, Span, WindowRef
from evergreen.spec import Assets, UseCase
from use_cases.weather import USE_CASE

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def champion(knows: timedelta = DAY) -> ChampionRef:
    return ChampionRef(
        use_case="weather", version=3, run_id="r", model_uri="m", sha256="0", snapshot_sha256="5",
        training=Span(rows=9, end=NOW - knows), promotion_id=1, promoted_at=NOW - DAY,
    )  # fmt: skip


def incident(kind: str, since: timedelta = DAY, message: str = "boom") -> Incident:
    return Incident(
        use_case="weather", run_key=kind, step="train", message=message, kind=kind,
        created_at=NOW - since,
    )  # fmt: skip


def window(outcome: str, **more: Any) -> WindowRef:
    return WindowRef(
        use_case="weather", start=NOW - DAY, end=NOW, champion=3, rows=9, outcome=outcome,
        sentence=f"It is {outcome}.", metric="roc_auc", floor=0.64, **more,
    )  # fmt: skip


WAITING = Approval(
    use_case="weather", version=4, decision_id="d", sentence="Better.", report="",
    asked_at=NOW - DAY, expires_at=NOW + DAY,
)  # fmt: skip
PINNED = Pin(use_case="weather", version=3, reason="it says sun", actor="ada", created_at=NOW)
DECIDED = Decision(
    id="d", use_case="weather", kind="gate", outcome="refused", sentence="Below its floor.",
    evidence={}, as_of=NOW, run_key="r", actor="ada", created_at=NOW,
)  # fmt: skip


def row(use_case: UseCase | None = USE_CASE, **facts: Any) -> Row:
    """A line with a champion, to which nothing needs to be done, but for these facts."""
    given: dict[str, Any] = {"champion": champion(), "window": window("calm")} | facts
    made = Row(name="weather", now=NOW, use_case=use_case, **given)
    return replace(made, needs=needs.of(made))


STATE_OF = {
    "broken": (row(None, problem="Traceback\nValueError: x"), "ValueError: x"),
    "failed": (row(failure=incident("failure")), "train failed: boom"),
    "alert": (row(alerts=(incident("drift"),)), "boom"),
    "approval": (row(approval=WAITING), "version 4 waits for a person's word"),
    "old": (row(champion=champion(knows=90 * DAY)), "version 3 knows nothing after 2026-08-28"),
    "none": (row(champion=None, last=DECIDED), "Below its floor."),
    "critical": (row(window=window("critical")), "It is critical."),
    "pinned": (row(pin=PINNED), "pinned by ada"),
    "draft": (row(replace(USE_CASE, draft=True), champion=None), "`evergreen activate weather`"),
    "champion": (row(), ""),
    "retired": (row(retirement=Retirement(use_case="weather", reason="sold", actor="ada")), ""),
}


@pytest.mark.parametrize("state", STATES)
def test_every_state_comes_about_and_says_why(state: str) -> None:
    found, why = STATE_OF[state]

    assert found.state == state
    assert [need.state for need in found.needs] == ([] if state in NOBODY else [state])
    assert all(need.why.startswith(why) for need in found.needs)


def test_the_table_begins_with_what_is_broken_and_ends_with_what_is_over() -> None:
    rows = [found for found, _ in STATE_OF.values()]
    by_word = sorted(rows, key=lambda found: found.state)

    assert sorted(by_word, key=needs.urgency) == rows


def test_of_one_state_what_lasts_longest_comes_first_then_the_name() -> None:
    lasting = [
        replace(row(alerts=(incident("drift", days * DAY),)), name=name)
        for name, days in (("a", 1), ("b", 3), ("d", 2), ("c", 2))
    ]

    assert [each.name for each in sorted(lasting, key=needs.urgency)] == ["b", "c", "d", "a"]


def test_all_that_it_needs_is_told_the_most_urgent_first() -> None:
    much = row(
        pin=PINNED, window=window("critical"), approval=WAITING, failure=incident("failure"),
        alerts=(incident("stale", 1 * DAY, "newer"), incident("drift", 2 * DAY, "older")),
    )  # fmt: skip

    told = [(need.state, need.why) for need in much.needs]

    assert [state for state, _ in told] == ["failed", "alert", "approval", "critical", "pinned"]
    assert dict(told)["alert"] == "older"


def test_an_alert_of_what_is_a_state_of_its_own_is_not_told_twice() -> None:
    kinds = ("file", "approval", "reminder", "knowledge")

    assert row(alerts=tuple(map(incident, kinds))).needs == ()


def test_what_is_retired_needs_nobody() -> None:
    over = row(
        None, problem="SyntaxError", pin=PINNED, alerts=(incident("drift"),),
        retirement=Retirement(use_case="weather", reason="sold", actor="ada"),
    )  # fmt: skip

    assert (over.state, over.needs) == ("retired", ())


def test_a_failure_counts_until_it_is_mended_or_something_was_decided_since() -> None:
    failure = incident("failure")

    assert unmended([failure], None) == failure
    assert unmended([failure], replace(DECIDED, created_at=NOW - 2 * DAY)) == failure
    assert unmended([failure], DECIDED) is None
    assert unmended([replace(failure, resolved_at=NOW)], None) is None
    assert unmended([], DECIDED) is None


@pytest.mark.parametrize("dag", ["weather_scoring", "weather_ingest", "ml_weather_monitoring"])
def test_what_fails_beside_the_training_is_not_mended_by_it(dag: str) -> None:
    beside = replace(incident("failure", DAY * 3), id=1, run_key=f"{dag}/scheduled__1")
    trained = replace(incident("failure", DAY * 2), id=2, run_key="weather_training/scheduled__2")

    assert unmended([trained, beside], DECIDED) == beside
    assert unmended([trained, replace(beside, resolved_at=NOW)], DECIDED) is None
    assert unmended([beside, trained], None) == trained  # the newer


BAND, LOW = Band(value=0.7, low=0.66, high=0.74), Band(value=0.6, low=0.57, high=0.63)
FAR = replace(LOW, outside=0.4)
UNSURE = Band(value=0.65, low=0.6, high=0.7)
SAID = "without labels, roc_auc is estimated at 0.6; the gate's floor is 0.64"


@pytest.mark.parametrize(
    ("seen", "told", "poor"),
    [
        (window("calm"), "–", None),
        (window("calm", live=0.71), "roc_auc 0.71 ≥ 0.64", False),
        (window("calm", live=0.71, expected=BAND), "roc_auc 0.71 (0.66 to 0.74) ≥ 0.64", False),
        (window("calm", live=0.5, poor=("roc_auc 0.5",)), "roc_auc 0.5 ≥ 0.64", True),
        (window("calm", estimate=BAND), "roc_auc ≈ 0.7 (0.66 to 0.74) ≥ 0.64", False),
        (window("calm", estimate=UNSURE), "roc_auc ≈ 0.65 (0.6 to 0.7) ≥ 0.64", False),
        (window("calm", estimate=LOW), "roc_auc ≈ 0.6 (0.57 to 0.63) ≥ 0.64", True),
        (window("calm", estimate=FAR), "roc_auc ≈ 0.6 (extrapolated) ≥ 0.64", False),
        (window("calm", live=0.71, expected=FAR), "roc_auc 0.71 ≥ 0.64", False),
        (window("calm", live=0.71, estimate=LOW), "roc_auc 0.71 ≥ 0.64", False),
        (window("calm", estimate=UNSURE, poor=(SAID,)), "roc_auc ≈ 0.65 (0.6 to 0.7) ≥ 0.64", True),
    ],
)
def test_the_metric_is_the_labels_or_else_the_estimate_beside_its_band(
    seen: WindowRef, told: str, poor: bool | None
) -> None:
    found = row(window=seen)

    assert in_words.metric(found) == told
    assert (found.metric and found.metric.poor) is poor
    assert [need.state for need in found.needs] == (["critical"] if poor else [])


def test_the_metric_is_the_one_that_the_window_was_judged_by() -> None:
    other = replace(window("calm", live=0.4, estimate=None), metric="log_loss", floor=0.5)
    forgotten = replace(window("calm", live=0.4), metric="own_and_gone")

    found = row(window=other).metric

    assert found is not None
    assert (found.name, found.more_is_better) == ("log_loss", False)
    assert row(window=forgotten).metric is None  # which way is better, nobody knows any more


def test_what_an_estimate_says_makes_no_live_metric_poor() -> None:
    found = row(window=window("warning", live=0.8, poor=(SAID,)))

    assert found.metric is not None
    assert not found.metric.poor
    assert [need.why for need in found.needs] == [f"{SAID}."]


def test_a_poor_metric_is_why_and_not_the_calm_of_the_window() -> None:
    estimated = row(window=window("calm", estimate=LOW))
    other = row(window=window("warning", live=0.91, poor=("recall is 0.3 on 90 labels",)))

    [need] = estimated.needs
    assert need.why == "without labels, roc_auc is estimated at 0.6; the gate's floor is 0.64."
    [need] = other.needs
    assert need.why == "recall is 0.3 on 90 labels."
    assert other.metric is not None
    assert not other.metric.poor  # it is the other one that is


@pytest.mark.parametrize(
    ("value", "limit", "told"),
    [(0.8996, 0.9, "0.8996 ≥ 0.9000"), (12339.9, 12340, "12,339.9 ≥ 12,340.0"),
     (0.9, 0.9, "0.9 ≥ 0.9"), (0.71, 0.64, "0.71 ≥ 0.64")],
)  # fmt: skip
def test_a_figure_and_the_limit_that_it_misses_do_not_read_alike(
    value: float, limit: float, told: str
) -> None:
    found = Metric(
        name="m", value=value, estimated=False, limit=limit, more_is_better=True, poor=True
    )  # fmt: skip

    assert f"{in_words.value(found)} {in_words.limit(found)}" == told


def test_where_less_is_better_the_limit_is_a_ceiling() -> None:
    metric = Metric(
        name="mae", value=3, estimated=False, limit=2, more_is_better=False, poor=False
    )  # fmt: skip

    assert in_words.limit(metric) == "≤ 2"


def test_the_cells_of_a_line_are_words_for_a_person() -> None:
    last = replace(DECIDED, outcome="passed", created_at=NOW - DAY)

    found = row(last=last, window=window("warning", drift_share=0.25))
    over = row(None, champion=None, window=None)

    assert list(in_words.cells(found).values())[3:] == [
        "v3", "1 day", "–", "warning 25%", "passed", "2026-11-25 12:00", "2026-11-27 00:00",
    ]  # fmt: skip
    unknown = ["–", "–", "–", "not watched", "–", "–", "–"]
    assert list(in_words.cells(over).values())[3:] == unknown
    assert in_words.due(row(replace(USE_CASE, schedule=None))) == "by hand"
    assert in_words.due(row(spread=30)) == "2026-11-27 00:20"
    assert in_words.due(row(replace(USE_CASE, schedule=Assets("orders")))) == (
        "when orders is updated"
    )

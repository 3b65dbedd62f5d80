"""From facts to outcomes: what is critical, what warns, what is unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergreen.errors import DeclarationError
from evergreen.spec import Monitoring
from evergreen.watching.facts import (
    ColumnFacts,
    Facts,
    MetricFacts,
    Origin,
    OutputFacts,
    QualityFacts,
    UsualFacts,
)
from evergreen.watching.verdict import drift_is_critical, judge, shortfalls, unsure

END = datetime(2026, 11, 21, 15, tzinfo=UTC)
LIMITS = Monitoring()
ORIGIN = Origin(
    version=3, sha256="1" * 64, snapshot_sha256="2" * 64, snapshot_uri="", as_of=END, split="",
    rows=1000,
)  # fmt: skip


def column(name: str, distance: float | None = 0.01, **changes: Any) -> ColumnFacts:
    return ColumnFacts(
        name=name, kind="numeric", rows=500, reference_rows=1000, distance=distance,
        threshold=None if distance is None else 0.1, **changes,
    )  # fmt: skip


def facts(**changes: Any) -> Facts:
    calm = Facts(
        use_case="weather", start=END - timedelta(hours=1), end=END, rows=500, champion_rows=500,
        origin=ORIGIN, alpha=0.001, columns=tuple(column(name) for name in "abcdefghij"),
        outputs=OutputFacts(rows=500, distance=0.01, threshold=0.1),
    )  # fmt: skip
    return replace(calm, **changes)


def quality(**changes: Any) -> QualityFacts:
    metric = MetricFacts(
        name="roc_auc", more_is_better=True, live=0.75, error=0.01, holdout=0.75,
        holdout_error=0.01, floor=0.68,
    )  # fmt: skip
    return QualityFacts(since=END, due=100, labelled=90, metrics=(replace(metric, **changes),))


def with_newest(live: float, **changes: Any) -> QualityFacts:
    """All labels, whose interval is wide as something changed among them, and their newest half."""
    whole = quality(live=0.72, error=0.2, **changes)
    [metric] = whole.metrics
    return replace(whole, newest=(replace(metric, live=live, error=0.01),))


def test_quality_that_fell_is_told_by_the_newest_half_of_the_labels() -> None:
    found = judge(facts(quality=with_newest(0.4)), LIMITS)

    assert found.outcome == "critical"
    assert found.sentence == (
        "Critical: roc_auc is 0.400 on the newest 45 of 90 labels; the gate's floor is 0.680."
    )


def test_where_nothing_could_be_compared_nothing_is_calm() -> None:
    nothing = facts(columns=(), outputs=OutputFacts(rows=3), quality=None)

    assert judge(nothing, LIMITS).outcome == "unknown"
    assert judge(replace(nothing, quality=quality()), LIMITS).outcome == "calm"
    assert judge(replace(nothing, columns=(column("a"),)), LIMITS).outcome == "calm"


def test_of_labels_that_were_drawn_it_is_told_how_many() -> None:
    drawn = replace(with_newest(0.4), labelled=25_000, scored=10_000)

    found = judge(facts(quality=drawn), LIMITS)

    assert "on the newest 5,000 of 10,000 drawn of 25,000 labels;" in found.sentence


def test_the_newest_half_of_the_labels_may_be_as_good_as_ever() -> None:
    assert judge(facts(quality=with_newest(0.75)), LIMITS).outcome == "calm"


def test_what_is_critical_in_the_newest_half_is_told_before_what_is_a_warning_in_all() -> None:
    whole = quality(live=0.70, error=0.001, holdout=0.8, holdout_error=0.001)
    [metric] = whole.metrics

    found = judge(
        facts(quality=replace(whole, newest=(replace(metric, live=0.5, error=0.01),))), LIMITS
    )

    assert "the newest 45 of 90 labels" in found.sentence


@pytest.mark.parametrize(
    ("drifted", "expected"), [(0, "calm"), (1, "warning"), (3, "warning"), (4, "critical")]
)
def test_above_thirty_percent_of_columns_is_critical(drifted: int, expected: str) -> None:
    columns = tuple(column(str(n), 0.5 if n < drifted else 0.01) for n in range(10))

    assert judge(facts(columns=columns), LIMITS).outcome == expected


def test_answers_that_drift_alone_are_critical() -> None:
    outputs = OutputFacts(rows=500, distance=0.5, threshold=0.1)

    judged = judge(facts(outputs=outputs), LIMITS)

    assert judged.outcome == "critical"
    assert judged.alarms == ("the predictions drifted (distance 0.500, limit 0.100)",)


@pytest.mark.parametrize(("drifted", "expected"), [(1, False), (4, True)])
def test_labels_that_are_poor_make_no_drift_critical(drifted: int, expected: bool) -> None:
    moved = tuple(
        replace(one, distance=0.9) if n < drifted else one for n, one in enumerate(facts().columns)
    )
    found = facts(columns=moved, quality=quality(live=0.5))

    assert judge(found, LIMITS).outcome == "critical"
    assert drift_is_critical(found, LIMITS) is expected


def test_what_lies_further_than_a_short_history_is_unknown_and_no_drift() -> None:
    usual = UsualFacts(blocks=52, of_season=6, needed=47, enough=False)
    far = (column("a", 0.5, sure=False), column("b"))

    found = facts(columns=far, usual=usual)

    assert (found.drifted, found.drift_share) == ((), 0.0)
    assert judge(found, LIMITS).sentence == (
        "Unknown: whether a drifted is not known: further from the reference than usual, but"
        " history holds 52 such windows, 6 of this season, and it takes 47, 10 of this season."
    )


def test_it_says_when_rows_were_taken_for_independent() -> None:
    judged = judge(facts(usual=UsualFacts(problem="its rows have no time")), LIMITS)

    assert judged.outcome == "calm"
    assert judged.unknowns == (
        "drift was judged as if rows were independent: its rows have no time",
    )


def test_every_floor_counts_not_only_that_of_the_deciding_metric() -> None:
    auc, accuracy = quality().metrics[0], quality(live=0.5, floor=0.6).metrics[0]
    both = replace(quality(), metrics=(auc, replace(accuracy, name="accuracy")))

    short = shortfalls(facts(quality=both))

    assert [sign.sentence for sign in short] == [
        "accuracy is 0.500 on 90 labels; the gate's floor is 0.600"
    ]


def test_an_error_of_few_degrees_of_freedom_proves_less() -> None:
    close = {"live": 0.64, "error": 0.01, "holdout": None}

    many, few = (facts(quality=quality(**close, freedom=df)) for df in (500, 4))

    assert [sign.severity for sign in shortfalls(many)] == ["critical"]
    assert shortfalls(few) == []


def test_a_missing_column_is_unknown_and_real_drift_beside_it_is_worse() -> None:
    missing = column("a", None, problem="a is in none of the 500 rows")

    alone = judge(facts(columns=(missing, column("b"))), LIMITS)
    beside = judge(facts(columns=(missing, column("b", 0.5))), LIMITS)

    assert (alone.outcome, beside.outcome) == ("unknown", "critical")
    assert beside.unknowns == ("a is in none of the 500 rows",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "calm"),
        ({"live": 0.60}, "critical"),
        ({"live": 0.67}, "calm"),  # within its own error of the floor and above it, perhaps
        ({"live": 0.70}, "warning"),
        ({"live": 0.74}, "calm"),
        ({"live": None}, "calm"),
        ({"live": 1.5, "holdout": 1.0, "floor": 2.0, "more_is_better": False}, "warning"),
        ({"live": 2.5, "holdout": 1.0, "floor": 2.0, "more_is_better": False}, "critical"),
    ],
)
def test_the_live_metric_is_held_against_floor_and_holdout(
    changes: dict[str, Any], expected: str
) -> None:
    if changes.get("live") == 0.67:
        changes = changes | {"error": 0.03}

    assert judge(facts(quality=quality(**changes)), LIMITS).outcome == expected


@pytest.mark.parametrize(
    ("now", "usual", "expected"),
    [(0.65, 0.8, "warning"), (0.75, 0.9, "calm"), (0.52, 0.53, "calm")],
)
def test_low_confidence_alarms_unless_the_champion_never_was_sure(
    now: float, usual: float, expected: str
) -> None:
    outputs = OutputFacts(
        rows=500, distance=0.0, threshold=0.1, confidence=now, confidence_error=0.01,
        usual_confidence=usual,
    )  # fmt: skip

    assert judge(facts(outputs=outputs), LIMITS).outcome == expected


def test_too_few_rows_stay_unknown_even_when_they_are_far_fewer_than_usual() -> None:
    few = facts(rows=3, usual_rows=5000.0, problem="3 predictions were logged", columns=())

    judged = judge(few, LIMITS)

    assert judged.outcome == "unknown"
    assert judged.sentence == "Unknown: 3 predictions were logged (and 1 more)."


def test_a_calm_sentence_says_what_was_compared() -> None:
    judged = judge(facts(quality=quality()), LIMITS)

    assert judged.sentence == (
        "Calm: none of 10 columns drifted in 500 predictions; live roc_auc 0.750."
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": timedelta(0)}, {"min_rows": 1}, {"sample": 10}, {"false_alarms": 0.0},
        {"critical_share": 30}, {"min_confidence": 70}, {"max_nulls": -0.1}, {"volume_factor": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_a_limit_out_of_range_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=f"monitoring.{next(iter(wrong))}"):
        Monitoring(**wrong)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "mean top probability 0.850; it usually was 0.950"),
        ({"confidence": 0.94}, ""),
        ({"confidence_error": 0.1}, ""),
        ({"sure": False}, ""),
        ({"usual_confidence": None}, ""),
    ],
)
def test_confidence_falls_where_it_surely_is_less_than_usual_however_high(
    changes: dict[str, Any], told: str
) -> None:
    outputs = OutputFacts(confidence=0.85, confidence_error=0.01, usual_confidence=0.95)

    found = facts(outputs=replace(outputs, **changes))

    assert unsure(found) == told
    assert judge(found, LIMITS).outcome == "calm"

"""What was seen of a fault is held against what must hold; each breach is a sentence."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from evergreen.records import Incident
from evergreen_workshop.chaos.judge import Message, Outcome, Seen, anonymous, complaints

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DUE = Outcome(
    sentences=("gate passed: it is better",), digests={"snapshot": "a1", "fit": "b2"}, added=1
)
WELL = Seen(ended="success", outcome=DUE, expected=DUE, recovery=20.0, limit=75.0)
FAILED = Incident(
    use_case="iris", run_key="iris_training/x", step="gate", message="it fell", notified_at=NOW
)
TOLD = Message(title="Evergreen: iris failed in gate", body="it fell\nRun: iris_training/x")


def test_a_fault_that_did_no_harm_is_well() -> None:
    assert complaints(WELL) == []
    assert complaints(replace(WELL, messages=[])) == []


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"ended": ""}, "the run did not end"),
        ({"ended": "failed"}, "the run ended as 'failed'"),
        ({"recovery": None}, "what was struck did not work again"),
        ({"recovery": 76.0}, "it took 76 s to recover, and may take 75 s"),
        ({"broken": ["9: a crash left x"]}, "evergreen check: 9: a crash left x"),
        ({"lost": 3}, "3 answers are neither on record nor counted"),
        ({"outcome": None}, "it left no outcome"),
        ({"harm": ["nobody saw it"]}, "nobody saw it"),
        (
            {"outcome": replace(DUE, digests={"snapshot": "a1", "fit": "c3"})},
            "sha256 of the fit: 'c3', without the fault 'b2'",
        ),
        ({"outcome": replace(DUE, added=2)}, "promotions: 2, without the fault 1"),
        (
            {"outcome": replace(DUE, sentences=())},
            "decisions: (), without the fault ('gate passed: it is better',)",
        ),
    ],
)
def test_each_breach_is_told(seen: dict[str, object], said: str) -> None:
    assert complaints(replace(WELL, **seen)) == [said]


def test_a_failure_that_was_told_once_is_well_told() -> None:
    assert complaints(replace(WELL, incidents=[FAILED], messages=[TOLD])) == []


@pytest.mark.parametrize("times", [0, 2])
def test_a_failure_that_was_not_told_exactly_once_is_a_breach(times: int) -> None:
    seen = replace(WELL, incidents=[FAILED], messages=[TOLD] * times)

    assert complaints(seen) == [f"iris_training/x was told {times} times: it fell"]


def test_an_end_that_was_not_told_is_a_breach() -> None:
    over = replace(FAILED, resolved_at=NOW, resolution="it goes well again")
    told_over = Message(title="Evergreen: over: iris failed in gate", body="it goes well again")

    assert complaints(replace(WELL, incidents=[over], messages=[TOLD])) == [
        "the end of iris_training/x was told 0 times"
    ]
    assert complaints(replace(WELL, incidents=[over], messages=[TOLD, told_over])) == []


def test_of_what_had_begun_before_the_end_alone_is_due() -> None:
    over = replace(FAILED, resolved_at=NOW, resolution="it goes well again")
    told_over = Message(title="Evergreen: over: iris failed in gate", body="it goes well again")

    assert complaints(replace(WELL, over=[over], messages=[told_over])) == []
    assert complaints(replace(WELL, over=[over], messages=[])) == [
        "the end of iris_training/x was told 0 times"
    ]


def test_a_message_about_nothing_is_a_breach() -> None:
    assert complaints(replace(WELL, messages=[TOLD])) == ["1 messages for 0 that were due"]


def test_the_numbers_of_versions_do_not_count() -> None:
    assert anonymous("version 3 keeps; v12 fell") == "version … keeps; version … fell"

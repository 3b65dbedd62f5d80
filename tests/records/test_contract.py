"""What the domain may rely on, of the real records and of the fakes alike."""

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from evergreen.errors import ChampionBusy, StalePromotion
from evergreen.records import Decision, Incident, Promotion, Records, decision_id
from evergreen.records.protocols import Ledger
from evergreen.refs import Span
from fakes import FakeLedger


@pytest.fixture(params=["in memory", "PostgreSQL"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "in memory":
        return FakeLedger()
    return request.getfixturevalue("records")


def a_decision(about: str = "report-1", **changes: object) -> Decision:
    fields = {
        "id": decision_id("weather", "fit/train", about),
        "use_case": "weather",
        "kind": "gate",
        "outcome": "passed",
        "sentence": "Every check passed.",
        "evidence": {"report": about},
        "as_of": datetime(2026, 8, 24, tzinfo=UTC),
        "run_key": "cli/1",
        "actor": "ada",
    }
    return Decision(**fields | changes)


def a_promotion(ledger: Ledger, version: int, predecessor: Promotion | None) -> Promotion:
    decision = ledger.decisions.record(a_decision(f"report-{version}"))
    return Promotion(
        use_case="weather",
        version=version,
        run_id=f"run-{version}",
        model_uri=f"models:/m-{version}",
        sha256=f"{version:064x}",
        snapshot_sha256="5" * 64,
        golden_sha256=None,
        training=Span(rows=9, start=datetime(2020, 1, 1, tzinfo=UTC)),
        predecessor_id=predecessor and predecessor.id,
        decision_id=decision.id,
        kind="change",
        reason="better",
        actor="ada",
    )


def test_an_empty_database_has_no_champion_and_no_history(ledger: Ledger):
    assert ledger.promotions.champion("weather") is None
    assert (
        ledger.promotions.of("weather")
        == ledger.decisions.newest("weather")
        == ledger.incidents.newest()
        == ()
    )


def test_recording_a_decision_twice_changes_nothing(ledger: Ledger):
    first = ledger.decisions.record(a_decision())

    again = ledger.decisions.record(
        a_decision(sentence="The same, in other words.", run_key="cli/2")
    )

    assert again == first
    assert ledger.decisions.newest("weather") == (first,)


def test_a_matter_that_is_decided_differently_later_is_a_decision_of_its_own(ledger: Ledger):
    refused = ledger.decisions.record(a_decision(outcome="refused"))

    passed = ledger.decisions.record(a_decision(outcome="passed"))
    passed_again = ledger.decisions.record(a_decision(outcome="passed"))

    assert passed == passed_again
    assert ledger.decisions.newest("weather") == (passed, refused)


def test_decisions_are_kept_as_they_were_made(ledger: Ledger):
    decision = a_decision(evidence={"checks": [{"name": "floor"}], "rows": 3})

    stored = ledger.decisions.record(decision)

    assert dataclasses.replace(stored, created_at=None) == decision
    assert stored.created_at is not None


def test_evidence_may_hold_nan_and_text_that_postgresql_refuses(ledger: Ledger):
    evidence = {"auc": math.nan, "worst": -math.inf, "value": "a\0b\ud800"}

    stored = ledger.decisions.record(a_decision(evidence=evidence, sentence="saw \0"))

    assert stored.evidence == {"auc": "nan", "worst": "-inf", "value": "a\\x00b\\ud800"}
    assert stored.sentence == "saw \\x00"


@pytest.mark.parametrize("field", ["kind", "outcome", "sentence"])
def test_a_decision_without_kind_outcome_or_reason_is_refused(records: Records, field: str):
    with pytest.raises(psycopg2.errors.CheckViolation):
        records.decisions.record(a_decision(**{field: ""}))


def test_decisions_come_newest_first_of_one_use_case_and_kind(ledger: Ledger):
    ledger.decisions.record(a_decision("1"))
    ledger.decisions.record(a_decision("2"))
    ledger.decisions.record(a_decision("3", kind="validation"))
    ledger.decisions.record(a_decision("4", use_case="iris", id=decision_id("iris", "gate", "4")))

    assert [d.evidence["report"] for d in ledger.decisions.newest("weather", 2)] == ["3", "2"]
    assert [d.evidence["report"] for d in ledger.decisions.newest(kind="gate")] == ["4", "2", "1"]


def test_the_newest_promotion_is_champion_even_while_it_is_pending(ledger: Ledger):
    first = ledger.promotions.append(a_promotion(ledger, 1, None))
    ledger.promotions.finish(first.id)

    second = ledger.promotions.append(a_promotion(ledger, 2, first))

    assert second.state == "pending"
    assert ledger.promotions.champion("weather") == second.ref
    assert [(p.version, p.state) for p in ledger.promotions.of("weather")] == [
        (2, "pending"),
        (1, "done"),
    ]
    assert ledger.promotions.use_cases() == ("weather",)
    assert ledger.promotions.by("weather", second.decision_id) == second


def test_the_chain_of_champions_cannot_fork(ledger: Ledger):
    first = ledger.promotions.append(a_promotion(ledger, 1, None))
    ledger.promotions.append(a_promotion(ledger, 2, first))

    for predecessor in (first, None):
        with pytest.raises(StalePromotion, match="somebody else"):
            ledger.promotions.append(a_promotion(ledger, 3, predecessor))

    assert [p.version for p in ledger.promotions.of("weather")] == [2, 1]


def test_one_decision_promotes_once(records: Records):
    first = records.promotions.append(a_promotion(records, 1, None))

    with pytest.raises(psycopg2.errors.UniqueViolation, match="promotions_once"):
        records.promotions.append(a_promotion(records, 1, first))


def test_a_run_has_one_incident_and_the_first_message_stays(ledger: Ledger):
    incident = Incident(use_case="weather", run_key="w/1", step="train", message="boom")

    first = ledger.incidents.open(incident)
    again = ledger.incidents.open(dataclasses.replace(incident, step="gate", message="later"))

    assert again == first
    assert (first.step, first.message, first.delivery) == ("train", "boom", "waiting")
    assert ledger.incidents.newest("weather") == (first,)


def test_an_incident_begins_anew_where_its_run_was_cleared_after_it_was_over(ledger: Ledger):
    incident = Incident(use_case="weather", run_key="w/1", step="train", message="boom")
    first = ledger.incidents.open(incident)
    ledger.incidents.note_delivery(first.id, "told", told=True)
    over = ledger.incidents.resolve("w/1", "w/2 went well.")
    ledger.incidents.note_resolution(first.id, "told", told=True)
    later = dataclasses.replace(incident, step="gate", message="later")
    assert over is not None
    assert over.resolved_at is not None
    before, after = (over.resolved_at + timedelta(minutes=n) for n in (-1, 1))

    same = ledger.incidents.open(later, before)
    anew = ledger.incidents.open(later, after)

    assert same.resolution == "w/2 went well."
    assert anew == dataclasses.replace(later, id=first.id, created_at=anew.created_at)
    assert ledger.incidents.open(incident, after) == anew  # it lasts


def test_an_incident_waits_until_somebody_was_told(ledger: Ledger):
    incident = ledger.incidents.open(
        Incident(use_case="weather", run_key="w/1", step="train", message="boom")
    )

    failed = ledger.incidents.note_delivery(incident.id, "failed: no route", told=False)
    told = ledger.incidents.note_delivery(incident.id, "told", told=True)

    assert failed.notified_at is None
    assert told.notified_at is not None
    assert ledger.incidents.newest(waiting=True) == ()
    ledger.incidents.resolve("w/1")
    assert ledger.incidents.newest()[0].resolved_at is not None


def test_a_lock_is_held_by_one_at_a_time(ledger: Ledger):
    with (
        ledger.locks.hold("champion", "weather"),
        pytest.raises(ChampionBusy, match="evergreen/champion/weather"),
        ledger.locks.hold("champion", "weather", timeout=0.05),
    ):
        pass

    with ledger.locks.hold("champion", "weather", timeout=0.05):
        pass


def test_those_who_share_a_lock_keep_out_only_who_wants_it_alone(records: Records):
    with (
        records.locks.hold("snapshots", "weather", shared=True),
        records.locks.hold("snapshots", "weather", timeout=0.05, shared=True),
        pytest.raises(ChampionBusy, match="evergreen/snapshots/weather"),
        records.locks.hold("snapshots", "weather", timeout=0.05),
    ):
        pass

import dataclasses
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg2
import pytest

from evergreen.champions.ledger import (
    MIGRATIONS,
    Decision,
    Incident,
    Ledger,
    Promotion,
    decision_id,
)
from evergreen.errors import ChampionBusy, StalePromotion
from evergreen.refs import Span


@pytest.fixture
def ledger(database_url: str) -> Ledger:
    return Ledger(database_url)


def a_decision(about: str = "report-1", **changes: object) -> Decision:
    fields = {
        "id": decision_id("weather", "gate/train", about),
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
    decision = ledger.record(a_decision(f"report-{version}"))
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
        kind="promotion",
        reason="better",
        actor="ada",
    )


def test_migrates_once_when_many_come_first_together(database_url: str):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Ledger(database_url).migrate(), range(16)))

    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version, name FROM evergreen.migrations ORDER BY version")
        assert cursor.fetchall() == [(int(file.stem[:3]), file.stem) for file in MIGRATIONS]


def test_a_migration_that_arrives_later_is_applied_though_a_newer_one_is_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    ledger, landings = (file for file in MIGRATIONS if file.stem in {"001_ledger", "005_landings"})
    with monkeypatch.context() as before:
        before.setattr("evergreen.champions.ledger.MIGRATIONS", [ledger, landings])
        Ledger(database_url).migrate()

    Ledger(database_url).migrate()

    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM evergreen.migrations")
        assert cursor.fetchone() == (len(MIGRATIONS),)


def test_an_empty_database_has_no_champion_and_no_history(ledger: Ledger):
    assert ledger.champion("weather") is None
    assert ledger.promotions("weather") == ledger.decisions("weather") == ledger.incidents() == ()


def test_recording_a_decision_twice_changes_nothing(ledger: Ledger):
    first = ledger.record(a_decision())

    again = ledger.record(a_decision(sentence="The same, in other words.", run_key="cli/2"))

    assert again == first
    assert ledger.decisions("weather") == (first,)


def test_a_matter_that_is_decided_differently_later_is_a_decision_of_its_own(ledger: Ledger):
    refused = ledger.record(a_decision(outcome="refused"))

    passed = ledger.record(a_decision(outcome="passed"))
    passed_again = ledger.record(a_decision(outcome="passed"))

    assert passed == passed_again
    assert ledger.decisions("weather") == (passed, refused)


def test_decisions_are_kept_as_they_were_made(ledger: Ledger):
    decision = a_decision(evidence={"checks": [{"name": "floor"}], "rows": 3})

    stored = ledger.record(decision)

    assert dataclasses.replace(stored, created_at=None) == decision
    assert stored.created_at is not None


def test_evidence_may_hold_nan_and_text_that_postgresql_refuses(ledger: Ledger):
    evidence = {"auc": math.nan, "worst": -math.inf, "value": "a\0b\ud800"}

    stored = ledger.record(a_decision(evidence=evidence, sentence="saw \0"))

    assert stored.evidence == {"auc": "nan", "worst": "-inf", "value": "a\\x00b\\ud800"}
    assert stored.sentence == "saw \\x00"


@pytest.mark.parametrize("field", ["kind", "outcome", "sentence"])
def test_a_decision_without_kind_outcome_or_reason_is_refused(ledger: Ledger, field: str):
    with pytest.raises(psycopg2.errors.CheckViolation):
        ledger.record(a_decision(**{field: ""}))


def test_decisions_come_newest_first_of_one_use_case_and_kind(ledger: Ledger):
    ledger.record(a_decision("1"))
    ledger.record(a_decision("2"))
    ledger.record(a_decision("3", kind="validation"))
    ledger.record(a_decision("4", use_case="iris", id=decision_id("iris", "gate", "4")))

    assert [d.evidence["report"] for d in ledger.decisions("weather", 2)] == ["3", "2"]
    assert [d.evidence["report"] for d in ledger.decisions(kind="gate")] == ["4", "2", "1"]


def test_the_newest_promotion_is_champion_even_while_it_is_pending(ledger: Ledger):
    first = ledger.append(a_promotion(ledger, 1, None))
    ledger.finish(first.id)

    second = ledger.append(a_promotion(ledger, 2, first))

    assert second.state == "pending"
    assert ledger.champion("weather") == second.ref
    assert [(p.version, p.state) for p in ledger.promotions("weather")] == [
        (2, "pending"),
        (1, "done"),
    ]
    assert ledger.use_cases() == ("weather",)
    assert ledger.promotion_of("weather", second.decision_id) == second


def test_the_chain_of_champions_cannot_fork(ledger: Ledger):
    first = ledger.append(a_promotion(ledger, 1, None))
    ledger.append(a_promotion(ledger, 2, first))

    for predecessor in (first, None):
        with pytest.raises(StalePromotion, match="somebody else"):
            ledger.append(a_promotion(ledger, 3, predecessor))

    assert [p.version for p in ledger.promotions("weather")] == [2, 1]


def test_one_decision_promotes_once(ledger: Ledger):
    first = ledger.append(a_promotion(ledger, 1, None))

    with pytest.raises(psycopg2.errors.UniqueViolation, match="promotions_once"):
        ledger.append(a_promotion(ledger, 1, first))


def test_a_run_has_one_incident_and_the_first_message_stays(ledger: Ledger):
    incident = Incident(use_case="weather", run_key="w/1", step="train", message="boom")

    first = ledger.open_incident(incident)
    again = ledger.open_incident(dataclasses.replace(incident, step="gate", message="later"))

    assert again == first
    assert (first.step, first.message, first.delivery) == ("train", "boom", "waiting")
    assert ledger.incidents("weather") == (first,)


def test_an_incident_waits_until_somebody_was_told(ledger: Ledger):
    incident = ledger.open_incident(
        Incident(use_case="weather", run_key="w/1", step="train", message="boom")
    )

    failed = ledger.note_delivery(incident.id, "failed: no route", told=False)
    told = ledger.note_delivery(incident.id, "told", told=True)

    assert failed.notified_at is None
    assert told.notified_at is not None
    assert ledger.incidents(waiting=True) == ()
    ledger.resolve("w/1")
    assert ledger.incidents()[0].resolved_at is not None


def test_a_lock_is_held_by_one_at_a_time(ledger: Ledger):
    with (
        ledger.lock("champion", "weather"),
        pytest.raises(ChampionBusy, match="evergreen/champion/weather"),
        ledger.lock("champion", "weather", timeout=0.05),
    ):
        pass

    with ledger.lock("champion", "weather", timeout=0.05):
        pass


def test_is_light_to_import():
    heavy = "{'pandas', 'numpy', 'mlflow', 'sklearn', 'pyarrow', 'great_expectations', 'apprise'}"
    code = f"import evergreen.champions.ledger, sys; print(sorted({heavy} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "[]", result.stderr

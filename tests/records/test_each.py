"""What a table of all use cases reads: one row of each, in one statement, by an index."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from database import query
from evergreen.records import Decision, Incident, Pin, Promotion, Records, decision_id
from evergreen.records.decisions import LAST, LAST_TRAINED
from evergreen.records.session import newest_of_each
from evergreen.refs import Span, WindowRef

AT = datetime(2026, 11, 21, tzinfo=UTC)
NAMES = ("churn", "iris", "weather")


def decide(records: Records, name: str, kind: str, about: str = "1") -> Decision:
    return records.decisions.record(
        Decision(
            id=decision_id(name, kind, about), use_case=name, kind=kind, outcome="passed",
            sentence=f"{kind} of {name}, {about}.", evidence={"much": [1] * 99}, as_of=AT,
            run_key=f"{name}/{about}", actor="ada",
        )
    )  # fmt: skip


def promote(records: Records, name: str, version: int) -> Promotion:
    past = records.promotions.of(name)
    return records.promotions.append(
        Promotion(
            use_case=name, version=version, run_id="r", model_uri="m", sha256="0" * 64,
            snapshot_sha256="5", golden_sha256=None, training=Span(rows=9, end=AT),
            predecessor_id=past[0].id if past else None,
            decision_id=decide(records, name, "fit", f"v{version}").id, kind="change",
            reason="better", actor="ada",
        )
    )  # fmt: skip


def test_the_champion_of_each_use_case_is_its_newest_promotion(records: Records):
    for name in NAMES[1:]:
        for version in (1, 2):
            promote(records, name, version)

    champions = records.promotions.champions()

    assert champions == {name: records.promotions.champion(name) for name in NAMES[1:]}
    assert champions["weather"].version == 2


def test_what_was_decided_last_is_about_the_champion_and_without_evidence(records: Records):
    for name in NAMES:
        decide(records, name, "gate")
    for kind in ("trigger", "backfill", "scoring"):
        decide(records, "iris", kind)
    decide(records, "solo", "trigger")

    last = records.decisions.last_of_each()

    assert {name: one.sentence for name, one in last.items()} == {
        name: f"gate of {name}, 1." for name in NAMES
    }
    [whole] = records.decisions.newest("iris", without=("trigger", "backfill", "scoring"))
    assert last["iris"] == replace(whole, evidence={})


def test_what_a_training_decided_last_is_found_below_what_others_did(records: Records):
    decide(records, "iris", "gate")
    fitted = decide(records, "iris", "fit")
    for kind in ("rollback", "approval", "scoring", "dry_run"):
        decide(records, "iris", kind)
    decide(records, "solo", "rollback")

    assert records.decisions.last_trained() == {"iris": replace(fitted, evidence={})}


def test_the_newest_window_of_each_is_the_last_that_ended(records: Records):
    seen = WindowRef(
        use_case="iris", start=AT, end=AT + timedelta(hours=2), champion=1, rows=5,
        outcome="calm", sentence="Calm.",
    )  # fmt: skip
    early = replace(seen, end=AT + timedelta(hours=1), sentence="Early.")
    newer = replace(seen, champion=2, sentence="Of the newer champion.")
    for window in (seen, newer, early, replace(seen, use_case="weather")):
        records.windows.keep(window)

    newest = records.windows.newest_of_each()

    assert newest == {"iris": newer, "weather": replace(seen, use_case="weather")}


def test_alerts_last_until_they_are_over_and_failures_are_no_alerts(records: Records):
    def begin(name: str, key: str, kind: str) -> Incident:
        incident = Incident(use_case=name, run_key=key, step="s", message=key, kind=kind)
        return records.incidents.open(incident)

    first = begin("iris", "iris_training/first", "failure")
    for name, kind in (("iris", "drift"), ("iris", "stale"), ("weather", "drift")):
        begin(name, f"{name} {kind}", kind)
    again = begin("iris", "iris_training/second", "failure")
    beside = begin("iris", "iris_scoring/first", "failure")
    begin("iris", "iris_ingest/first", "failure")
    records.incidents.resolve("weather drift")
    records.incidents.resolve("iris_ingest/first")

    lasting, failures = records.incidents.lasting(), records.incidents.failures()

    assert {name: [one.kind for one in told] for name, told in lasting.items()} == {
        "iris": ["stale", "drift"]
    }
    assert first != again
    assert {name: set(found) for name, found in failures.items()} == {"iris": {again, beside}}


def test_pins_hold_until_they_are_lifted(records: Records):
    held = [
        records.pins.put(Pin(use_case=name, version=1, reason="it says sun", actor="ada"))
        for name in NAMES
    ]
    records.pins.lift("iris", "bob")

    assert records.pins.all() == {pin.use_case: pin for pin in held if pin.use_case != "iris"}


def test_nothing_is_found_where_nothing_is_on_record(records: Records):
    read = (
        records.promotions.champions, records.decisions.last_of_each,
        records.decisions.last_trained, records.windows.newest_of_each, records.incidents.lasting,
        records.incidents.failures, records.pins.all,
    )  # fmt: skip

    assert [each() for each in read] == [{}] * 7


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (LAST, "decisions_of_champions"),
        (LAST_TRAINED, "decisions_of_champions"),
        (newest_of_each("incidents", "id DESC", where="kind = 'failure'"), "incidents_failures"),
        (newest_of_each("windows", "ended_at DESC, id DESC"), "windows_"),
        (newest_of_each("promotions", "id DESC"), "promotions_"),
    ],
    ids=["decisions", "trainings", "failures", "windows", "promotions"],
)
def test_no_table_is_read_whole(records: Records, database_url: str, sql: str, index: str):
    records.migrate()

    plan = [line for (line,) in query(database_url, f"SET enable_seqscan = off; EXPLAIN {sql}")]

    assert any(index in line for line in plan), plan
    assert not [line for line in plan if "Seq Scan on" in line]

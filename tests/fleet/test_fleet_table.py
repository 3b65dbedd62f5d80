"""The table as it is read from real PostgreSQL, and what of it is wanted."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergreen.catalog import Catalog
from evergreen.errors import DeclarationError
from evergreen.fleet import Fleet, Wanted, read, table
from evergreen.records import HOUSE, Incident, Pin, Records, Retirement
from evergreen.records.session import Session
from evergreen.spec import UseCase
from records.test_each import decide, promote
from use_cases.weather import USE_CASE

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def declared(name: str, **changes: Any) -> UseCase:
    return replace(USE_CASE, name=name, owner="ada", **changes)


def alarm(records: Records, name: str, kind: str = "drift", message: str = "It drifts.") -> None:
    records.incidents.open(
        Incident(use_case=name, run_key=f"{name} {kind}", step="s", message=message, kind=kind)
    )


@pytest.fixture
def fleet(records: Records) -> Fleet:
    """Seven use cases: one broken, one gone, one that drifts, two without a champion, ..."""
    for name in ("calm", "drifts", "gone", "sold"):
        promote(records, name, 1)
    alarm(records, "drifts")
    alarm(records, HOUSE, "disk", "The disk is nearly full.")
    records.retirements.put(Retirement(use_case="sold", reason="sold", actor="ada"))
    catalog = Catalog(
        {
            "calm": declared("calm", tags=("payments",)),
            "drifts": replace(declared("drifts", tags=("payments", "risk")), owner="bob"),
            "fresh": declared("fresh"),
            "sketch": declared("sketch", draft=True),
        },
        {"typo": "Traceback\nSyntaxError: invalid syntax"},
    )
    return read(catalog, records=records, now=NOW)


def names(rows: tuple[Any, ...]) -> list[str]:
    return [row.name for row in rows]


def test_reads_what_is_declared_gone_broken_and_retired(fleet: Fleet) -> None:
    assert [(row.name, row.state) for row in fleet.rows] == [
        ("gone", "broken"), ("typo", "broken"), ("drifts", "alert"), ("fresh", "none"),
        ("sketch", "draft"), ("calm", "champion"), ("sold", "retired"),
    ]  # fmt: skip
    assert fleet.rows[0].needs[0].why == table.GONE
    assert [alert.message for alert in fleet.house] == ["The disk is nearly full."]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["gone", "typo", "drifts", "fresh", "sketch", "calm", "sold"]),
        ({"owner": "bob"}, ["drifts"]),
        ({"tag": "payments"}, ["drifts", "calm"]),
        ({"tag": "payments", "state": "champion"}, ["calm"]),
        ({"state": "needs"}, ["gone", "typo", "drifts", "fresh", "sketch"]),
        ({"state": "retired"}, ["sold"]),
        ({"words": "IT dri"}, ["drifts"]),
        ({"words": "syntax"}, ["typo"]),
        ({"words": "rain calm"}, ["calm"]),
        ({"words": "nowhere"}, []),
        ({"owner": "nobody"}, []),
    ],
)
def test_only_what_is_wanted_is_told(
    fleet: Fleet, wanted: dict[str, str], found: list[str]
) -> None:
    assert names(fleet.only(Wanted(**wanted))) == found


def test_says_what_there_is_to_choose_from(fleet: Fleet) -> None:
    assert fleet.owners == ["ada", "bob"]
    assert fleet.tags == ["demo", "payments", "risk"]
    assert fleet.states == {
        "needs": 5, "broken": 2, "alert": 1, "none": 1, "draft": 1, "champion": 1, "retired": 1,
    }  # fmt: skip


def test_a_state_that_there_is_not_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(DeclarationError, match="state is 'alerts'; allowed: one of needs, broken"):
        Wanted(state="alerts")
    with pytest.raises(DeclarationError, match="did you mean 'alert'"):
        Wanted(state="alerts")
    with pytest.raises(DeclarationError, match=r"words is 'x+'; allowed: at most 200 letters"):
        Wanted(words="x" * 201)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are read."""
    told: list[str] = []
    real: Callable[..., Any] = Session.read

    def spying(self: Session, sql: str, values: Any = ()) -> Any:
        told.append(sql)
        return real(self, sql, values)

    monkeypatch.setattr(Session, "read", spying)
    return told


def test_twenty_use_cases_cost_no_more_questions_than_one(
    records: Records, asked: list[str]
) -> None:
    catalog = Catalog({f"u{n}": declared(f"u{n}") for n in range(20)})
    for name in catalog.use_cases:
        promote(records, name, 1)
        alarm(records, name)
        records.pins.put(Pin(use_case=name, version=1, reason="sun", actor="ada"))
    asked.clear()

    read(Catalog({"u1": declared("u1")}), records=records, now=NOW)
    for_one = len(asked)
    asked.clear()
    found = read(catalog, records=records, now=NOW)

    assert len(asked) == for_one <= 9
    assert {row.state for row in found.rows} == {"alert"}
    assert all(row.champion and row.pin and row.last for row in found.rows)


def test_a_failure_shows_until_a_training_decides_something(records: Records) -> None:
    catalog = Catalog({"calm": declared("calm")})
    alarm(records, "calm", "failure", "boom")

    [failed] = read(catalog, records=records, now=NOW).rows
    decide(records, "calm", "gate")
    [decided] = read(catalog, records=records, now=NOW).rows

    assert (failed.state, decided.state) == ("failed", "none")
    assert decided.needs[0].why == "gate of calm, 1."


@pytest.mark.parametrize("kind", ["scoring", "rollback", "activation", "dry_run", "approval"])
def test_what_is_decided_beside_a_training_mends_no_failure_of_it(
    records: Records, kind: str
) -> None:
    catalog = Catalog({"calm": declared("calm")})
    decide(records, "calm", "gate")
    alarm(records, "calm", "failure", "boom")
    decide(records, "calm", kind)

    [failed] = read(catalog, records=records, now=NOW).rows
    decide(records, "calm", "gate", "2")
    decide(records, "calm", kind, "2")
    [mended] = read(catalog, records=records, now=NOW).rows

    assert (failed.state, mended.state) == ("failed", "none")


def test_the_document_is_json_and_holds_broken_ones_apart(fleet: Fleet) -> None:
    told = json.loads(json.dumps(table.document(fleet.rows)))

    assert told["found"] == 7
    assert [one["name"] for one in told["use_cases"]] == [
        "drifts", "fresh", "sketch", "calm", "sold",
    ]  # fmt: skip
    assert set(told["broken"]) == {"gone", "typo"}
    drifts = told["use_cases"][0]
    assert drifts["needs"][0]["why"] == "It drifts."
    assert drifts["champion"]["version"] == 1
    assert drifts["champion"]["knowledge_until"].startswith("2026-11-21")
    assert drifts["knowledge_days"] == timedelta(days=1) / timedelta(days=1)
    assert drifts["next_run"] == "2026-11-23T00:00:00+00:00"
    assert told["use_cases"][-1]["retired"].startswith("sold was retired by ada")
    assert table.document(fleet.rows, limit=3)["found"] == 7
    assert len(table.document(fleet.rows, limit=3)["use_cases"]) == 1

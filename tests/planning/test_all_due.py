"""All trainings that are due, foretold together, and held against what happened: PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bag import USE_CASES
from database import query, records_of
from evergreen import cli, planning
from evergreen.catalog import Catalog
from evergreen.cli import base
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.planning import FleetPlan, Room
from evergreen.records import Cost, Retirement
from evergreen.settings import Settings
from learning import WEATHER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WALKED = ("logistic", "climatology")
TASKS = ("extract", "validate", "build_features", *WALKED, "evaluate", "gate", "fit", "promote")
QUICK = replace(
    WEATHER,
    candidates=(replace(WEATHER.candidate("logistic"), search={}, windows=(None,)),),
    baselines=WEATHER.baselines[:1],
)
ROOM = Room(slots=1, cores=1.0)


def catalog(**schedules: str | None) -> Catalog:
    return Catalog(
        {name: replace(QUICK, name=name, schedule=each) for name, each in schedules.items()}
    )


def ran(
    settings: Settings, name: str, as_of: datetime, begun: datetime, *, gap: float = 1.0,
    tasks: Sequence[str] = TASKS, **of: Any,
) -> None:  # fmt: skip
    """Put on record that Airflow has run a training, each step 2 s alone and 4 s among others."""
    kept, at = records_of(settings), begun
    taken = {"seconds": 4.0, "cpu_seconds": 1.0, "queued_seconds": 2.0, "peak_bytes": 10} | of
    for task in tasks:
        trains = {"name": task, "fits": 1, "kept": 0, "fit_seconds": 0.0}
        kept.costs.record(
            Cost(
                use_case=name, run_key=f"{name}_training/{as_of:%F}", as_of=as_of, rows=100,
                step="train" if task in WALKED else task, **taken,
                **(trains if task in WALKED else {}),
            )
        )  # fmt: skip
        at += timedelta(seconds=taken["seconds"])
        query(
            settings.database_url,
            f"UPDATE evergreen.costs SET measured_at = '{at.isoformat()}'"
            " WHERE id = (SELECT max(id) FROM evergreen.costs)",
        )
        at += timedelta(seconds=gap)


def foretold(settings: Settings, known: Catalog, room: Room = ROOM, span: timedelta = DAY) -> Any:
    return planning.foretell_all(
        known, span=span, room=room, now=NOW, records=records_of(settings), settings=settings
    )


def seconds(made: FleetPlan) -> dict[str, float]:
    return {one.use_case: (one.done - MIDNIGHT).total_seconds() for one in made.due}


def test_what_is_due_in_the_coming_day_is_told_with_when_it_is_done(settings: Settings) -> None:
    known = catalog(stale="@daily", daily="@daily", weekly="@weekly", by_hand=None)
    for name, age in (("stale", 3 * DAY), ("daily", DAY), ("weekly", DAY)):
        ran(settings, name, MIDNIGHT - age, MIDNIGHT - age)

    made = foretold(settings, known)

    assert [one.use_case for one in made.due] == ["stale", "daily"]
    assert {one.due for one in made.due} == {MIDNIGHT}
    assert seconds(made) == {"stale": 9 * (2 + 1), "daily": 2 * 9 * (2 + 1)}
    assert (made.between, made.seconds, made.cpu_seconds) == (1.0, 54, 18)
    assert (made.peak_bytes, made.at_once, made.use_cases) == (10, 1, 3)
    assert "2 trainings of 2 use cases (of 3) are due until 2026-03-02 12:00 UTC" in made.sentence


def test_more_slots_and_cores_are_done_sooner_and_take_more_memory(settings: Settings) -> None:
    known = catalog(one="@daily", other="@daily")
    for name in known.use_cases:
        ran(settings, name, MIDNIGHT - DAY, MIDNIGHT - DAY)

    made = foretold(settings, known, Room(slots=2, cores=2.0))

    assert set(seconds(made).values()) == {27}
    assert made.peak_bytes == 20


def test_the_spread_is_kept_and_an_hourly_one_is_due_often(settings: Settings) -> None:
    known = catalog(daily="@daily", hourly="@hourly")

    made = foretold(replace(settings, spread=30), known, span=timedelta(hours=13))

    assert len(made.due) == 13 + 1
    assert {one.due.minute for one in made.due} != {0}
    assert made.unknown == ("daily", "hourly")
    assert "or later" in made.sentence


def test_too_many_are_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen.planning.fleet.MOST", 3)

    with pytest.raises(DeclarationError, match=r"--due is '24 trainings'; allowed: a span with 3"):
        foretold(settings, catalog(hourly="@hourly"))


def test_what_is_retired_or_a_draft_is_not_due(settings: Settings) -> None:
    known = catalog(retired="@daily", draft="@daily")
    known.use_cases["draft"] = replace(known.use_cases["draft"], draft=True)
    ended = Retirement(use_case="retired", reason="over", actor="ada")
    records_of(settings).retirements.put(ended)

    made = foretold(settings, known)

    assert made.due == ()
    assert made.sentence.startswith("No schedule of ")


def test_a_run_of_the_command_line_tells_nothing_of_what_passes_between_tasks(
    settings: Settings,
) -> None:
    ran(settings, "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, gap=3.0)
    query(settings.database_url, "UPDATE evergreen.costs SET run_key = 'cli/daily/1'")

    assert foretold(settings, catalog(daily="@daily")).between == 0


def test_what_was_foretold_is_held_against_what_happened(settings: Settings) -> None:
    known = catalog(one="@daily", other="@daily")
    for name in known.use_cases:
        ran(settings, name, MIDNIGHT - DAY, MIDNIGHT - DAY)
    ran(settings, "one", MIDNIGHT, MIDNIGHT)
    ran(settings, "other", MIDNIGHT, MIDNIGHT + timedelta(seconds=20), seconds=6.0)

    found = planning.last_of_all(
        known, span=DAY, room=ROOM, now=MIDNIGHT + timedelta(hours=1),
        records=records_of(settings), settings=settings,
    )  # fmt: skip

    assert [one.use_case for one in found.ran] == ["one", "other"]
    assert found.foretold_seconds == 54
    assert found.seconds == 20 + 9 * 6 + 8
    assert found.ratio == pytest.approx(82 / 54)
    assert (found.foretold_bytes, found.peak_bytes) == (10, 20)
    assert "1.52 times as much: outside of the 25% that are aimed at" in found.sentence


@pytest.mark.parametrize("tasks", [TASKS[:1], TASKS[:6], TASKS[6:]])
def test_what_ran_in_part_is_not_held_against_the_forecast_of_a_whole_one(
    settings: Settings, tasks: Sequence[str]
) -> None:
    known = catalog(one="@daily", other="@daily")
    for name in known.use_cases:
        ran(settings, name, MIDNIGHT - DAY, MIDNIGHT - DAY)
        ran(settings, name, MIDNIGHT, MIDNIGHT)
    ran(settings, "other", MIDNIGHT + DAY, MIDNIGHT + DAY, tasks=tasks)
    asked: dict[str, Any] = {"records": records_of(settings), "settings": settings, "room": ROOM}
    now = MIDNIGHT + DAY + timedelta(hours=1)

    found = planning.last_of_all(known, span=2 * DAY, now=now, **asked)

    assert {one.run_key for one in found.ran} == {
        "one_training/2026-03-02", "other_training/2026-03-02"
    }  # fmt: skip
    assert found.parts == ("other",)
    assert found.sentence.endswith("; under way or ended early, and left out: other.")
    with pytest.raises(EvergreenError, match="from its first step to its last; under way or"):
        planning.last_of_all(known, span=DAY, now=now, **asked)


def test_the_first_of_all_could_not_be_foretold(settings: Settings) -> None:
    asked: dict[str, Any] = {"records": records_of(settings), "settings": settings, "room": ROOM}
    known = catalog(one="@daily")
    with pytest.raises(EvergreenError, match="no training has run since 2026-02-28 12:00 UTC"):
        planning.last_of_all(known, span=DAY, now=NOW, **asked)

    ran(settings, "one", MIDNIGHT - DAY, MIDNIGHT - DAY)

    found = planning.last_of_all(known, span=DAY, now=NOW, **asked)
    assert "nothing could be foretold of them" in found.sentence


@pytest.fixture
def here(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    known = replace(settings, use_cases_dir=tmp_path)
    monkeypatch.setattr(base, "get_settings", lambda: known)
    return known


def test_the_command_tells_of_all_where_no_name_is_given(here: Settings) -> None:
    ran(here, "weather", MIDNIGHT - DAY, MIDNIGHT - DAY)
    (here.use_cases_dir / "weather.py").write_text((USE_CASES / "weather.py").read_text())

    told = CliRunner().invoke(cli.app, ["plan", "--json", "--slots", "2", "--cores", "1.5"])

    document = json.loads(told.stdout)
    assert document["room"] == {"slots": 2, "cores": 1.5}
    assert [one["use_case"] for one in document["due"]] == ["weather"]
    assert document["sentence"].startswith("1 trainings of 1 use cases (of 1) are due")
    assert CliRunner().invoke(cli.app, ["plan"]).exit_code == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--due", "soon"], "--due is 'soon'; allowed: a span up to 31d, as 24h, 7d or 90m"),
        (["--due", "32d"], "a span up to 31d"),
        (["--as-of", "2027-01-01"], "with NAME: all are foretold as their schedules have it"),
        (["weather", "--slots", "2"], "without NAME: of all"),
        (["--last"], "no training has run since"),
    ],
)
def test_what_does_not_go_together_is_refused(here: Settings, given: list[str], told: str) -> None:
    said = CliRunner().invoke(cli.app, ["plan", *given, "--json"])

    assert said.exit_code
    assert told in json.loads(said.stdout)["error"]["message"]

"""What is foretold of a training, held against what happens: real PostgreSQL and MLflow."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner
from xgboost import XGBClassifier

from database import query, records_of
from evergreen import cli, cycle, planning
from evergreen.cli import base
from evergreen.errors import EvergreenError
from evergreen.planning import forecasting
from evergreen.planning.forecasting import Past
from evergreen.records import Cost
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, Candidate, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from learning import WEATHER

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
QUICK = replace(
    WEATHER, candidates=(replace(WEATHER.candidate("logistic"), search={}, windows=(None,)),)
)
WALKED = {"logistic", *(one.name for one in QUICK.baselines)}
STEPS = {"extract", "validate", "build_features", "train", "evaluate", "gate", "fit", "promote"}


def run(use_case: UseCase, settings: Settings, as_of: datetime, **options: Any) -> None:
    asked = Run(as_of=as_of, asked_at=AS_OF + 9 * DAY, key=f"test/{as_of:%Y%m%d}", actor="ada")
    done = cycle.run(use_case, asked, records=records_of(settings), settings=settings, **options)
    assert done.verdict is not None, done.sentence


def plan(settings: Settings, as_of: datetime, use_case: UseCase = QUICK) -> Any:
    return planning.plan(use_case, as_of=as_of, records=records_of(settings), settings=settings)


def trained(made: Any) -> dict[str, float | None]:
    """Return the seconds of each recipe; that in charge was walked for the first time meanwhile."""
    return {o.name: o.seconds for o in made.steps if o.step == "train" and o.name != CHAMPION}


@pytest.fixture
def loaded(settings: Settings) -> Settings:
    demo.load("weather", settings.database_url, until=(AS_OF + 3 * DAY).date())
    return settings


def test_nothing_on_record_is_told_with_the_declared_counts_only(settings: Settings) -> None:
    made = plan(settings, AS_OF)

    assert made.sentence.startswith("Nothing is on record of weather yet: as it is declared, ")
    assert made.fits > 0
    assert {one.seconds for one in made.steps} == {None}
    assert made.peak_bytes is None
    with pytest.raises(EvergreenError, match="nothing was foretold of weather yet"):
        planning.last(QUICK, records=records_of(settings))


def test_a_candidate_that_cannot_be_built_stops_no_plan(settings: Settings) -> None:
    def broken() -> Any:
        raise RuntimeError("no such estimator")

    spoilt = replace(WEATHER.candidates[0], build=broken)
    use_case = replace(WEATHER, candidates=(spoilt, *WEATHER.candidates[1:]))

    planning.foretell(use_case, "cli/1", AS_OF, records=records_of(settings), settings=settings)

    assert spoilt.name in {one.name for one in plan(settings, AS_OF, use_case).steps}


def test_of_stored_features_the_step_that_stores_them_is_foretold() -> None:
    stored = replace(QUICK, features=replace(QUICK.features, stored=True))
    past = Past([replace(cost(AS_OF), step="store_features", seconds=60.0)], AS_OF + DAY)

    made = {one.step: one.seconds for one in forecasting.steps(stored, past, [], None)}

    assert made["store_features"] == 60.0
    assert "store_features" not in {one.step for one in forecasting.steps(QUICK, past, [], None)}


def test_what_is_foretold_of_the_next_day_happens(loaded: Settings) -> None:
    for day in range(3):
        run(QUICK, loaded, AS_OF + day * DAY)
    made = plan(loaded, AS_OF + 3 * DAY)

    run(QUICK, loaded, AS_OF + 3 * DAY)
    found = planning.last(QUICK, records=records_of(loaded))

    costs = records_of(loaded).costs.newest("weather")
    newest = [one for one in costs if one.as_of == AS_OF + 3 * DAY]
    assert made.steps[0].rows == next(one.rows for one in newest if one.step == "extract")
    assert {(one.foretold_fits, one.fits) for one in found.steps if one.fits is not None} == {
        (1, 1), (0, 0),
    }  # fmt: skip
    assert {one.step for one in newest} == STEPS
    assert all(one.peak_bytes > 10e6 for one in newest)
    assert found.ratio is not None
    assert 0.25 < found.ratio < 4, found.sentence  # whatever else this machine does
    assert made.unknown == ()


def test_a_training_that_is_reused_tells_nothing_of_fits(loaded: Settings) -> None:
    run(QUICK, loaded, AS_OF)
    first = plan(loaded, AS_OF + DAY)

    run(QUICK, loaded, AS_OF)

    again = plan(loaded, AS_OF + DAY)
    assert trained(again) == trained(first)


def test_a_forced_training_is_told_apart(loaded: Settings) -> None:
    run(QUICK, loaded, AS_OF)

    run(QUICK, loaded, AS_OF + DAY, force=True)

    found = planning.last(QUICK, records=records_of(loaded))
    assert "it was forced, and fitted anew what was known" in found.sentence
    assert plan(loaded, AS_OF + DAY).fits == len(WALKED)  # it was not remembered


def test_another_recipe_under_the_same_name_is_fitted_anew(loaded: Settings) -> None:
    run(QUICK, loaded, AS_OF)
    other = replace(QUICK, seed=7)

    known, anew = plan(loaded, AS_OF + DAY), plan(loaded, AS_OF + DAY, other)

    assert known.fits == len(WALKED)
    assert anew.kept == next(one.kept for one in anew.steps if one.name == CHAMPION)


def test_a_cluster_is_told_what_it_gets_and_what_it_does_not(settings: Settings) -> None:
    spread = replace(settings, compute="ray://10.0.0.5:10001")

    made = plan(spread, AS_OF)

    assert {one.name for one in made.steps if one.spread} == WALKED
    assert "fits are spread by ray://10.0.0.5:10001" in made.spread
    assert "the features, a function of pandas" in made.spread


def test_fits_by_several_workers_are_told(settings: Settings) -> None:
    extreme = Candidate(name="extreme", build=XGBClassifier, num_workers=2)

    made = plan(settings, AS_OF, replace(QUICK, candidates=(extreme,)))

    assert {one.name: one.workers for one in made.steps if one.workers > 1} == {"extreme": 2}
    assert made.spread == (
        "Nothing is spread: EVERGREEN_COMPUTE is local. Workers of this machine make fits together,"
        " the one that serves as well: extreme by 2 each; their memory is not in the table."
    )


def test_the_command_tells_the_next_training_and_the_last(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: loaded)
    run(QUICK, loaded, AS_OF)
    ahead = (AS_OF + DAY).date().isoformat()

    table = CliRunner().invoke(cli.app, ["plan", "weather", "--as-of", ahead])
    planned = CliRunner().invoke(cli.app, ["plan", "weather", "--as-of", ahead, "--json"])
    last = CliRunner().invoke(cli.app, ["plan", "weather", "--last", "--json"])
    both = CliRunner().invoke(cli.app, ["plan", "weather", "--last", "--as-of", ahead])

    assert "build_features" in table.stdout, table.output
    assert json.loads(planned.stdout)["seconds"] > 0
    assert json.loads(last.stdout)["ratio"] is None
    assert (both.exit_code, "without --as-of" in both.stderr) == (2, True)


def test_the_next_training_is_when_the_schedule_is_due(settings: Settings) -> None:
    kept = records_of(settings)
    nothing = planning.next_moment(QUICK, AS_OF, records=kept)
    kept.costs.record(cost(AS_OF))

    assert nothing == AS_OF
    assert planning.next_moment(QUICK, AS_OF, records=kept) == AS_OF + DAY
    assert planning.next_moment(replace(QUICK, schedule=None), AS_OF, records=kept) == AS_OF
    weekly = replace(QUICK, schedule="@weekly")  # AS_OF is a Sunday
    wednesday = AS_OF + 3 * DAY
    assert planning.next_moment(weekly, wednesday, records=kept) == AS_OF + 7 * DAY
    assert planning.next_moment(QUICK, wednesday, records=kept) == wednesday


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        ({AS_OF - DAY: 100_000, AS_OF: 101_000}, 102_000),
        ({AS_OF - DAY / 144: 100_000, AS_OF: 101_000}, 101_000),  # ten minutes before
        ({AS_OF - DAY: 99_000, AS_OF - DAY / 144: 100_000, AS_OF: 101_000}, 103_000),
        ({AS_OF: 101_000}, 101_000),
        ({}, None),
    ],
)
def test_rows_grow_as_they_did_in_as_long_a_time(
    known: dict[datetime, int], rows: int | None
) -> None:
    costs = [cost(as_of, rows=count) for as_of, count in known.items()]

    assert Past(costs, AS_OF + DAY).rows == rows


def cost(as_of: datetime, rows: int | None = None) -> Cost:
    return Cost(
        use_case="weather", run_key="test", step="extract", as_of=as_of, seconds=1.0,
        peak_bytes=1, rows=rows,
    )  # fmt: skip


def test_only_the_newest_costs_stay(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergreen.records.costs.KEPT", 3)
    kept = records_of(settings)

    for day in range(5):
        kept.costs.record(cost(AS_OF + day * DAY))

    assert query(settings.database_url, "SELECT count(*) FROM evergreen.costs") == [(3,)]
    assert kept.costs.newest("weather")[0].as_of == AS_OF + 4 * DAY

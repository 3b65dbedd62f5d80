"""A day of the weather is forgotten, at which the features of the days after it looked back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from database import query, records_of
from evergreen import cycle, invariants
from evergreen.catalog import Catalog
from evergreen.champions.proof import prove
from evergreen.data import snapshots
from evergreen.forgetting import forget
from evergreen.settings import Settings
from evergreen.steps import Run
from evergreen_workshop import demo
from learning import WEATHER

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOW = datetime(2026, 2, 20, tzinfo=UTC)
QUICK = replace(WEATHER, candidates=(replace(WEATHER.candidate("logistic"), search={}),))
CATALOGUE = Catalog({"weather": QUICK})


def test_a_day_in_the_middle_of_golden_rows_is_gone_and_the_champion_is_proven_anew(
    settings: Settings,
) -> None:
    kept = records_of(settings)
    demo.load("weather", settings.database_url, until=NOW.date())
    asked = Run(as_of=NOW, asked_at=NOW, key="test/1", actor="ada")
    done = cycle.run(QUICK, asked, records=kept, settings=settings)
    [before] = kept.promotions.of("weather")
    snapshot = done.snapshot
    assert snapshot is not None
    dates = snapshots.of(settings).frame(snapshot.uri, snapshot.sha256, ["date"])["date"]
    day = f"{dates.iloc[-6]:%Y-%m-%d}"
    query(settings.database_url, f"DELETE FROM weather WHERE date = '{day}'")

    told = forget(
        "weather", [f"date={day}"], apply=True, reason="asked to", actor="bob", as_of=NOW,
        catalog=CATALOGUE, records=kept, settings=settings,
    )  # fmt: skip

    [after] = kept.promotions.of("weather")
    found = invariants.check(kept, settings, CATALOGUE)
    left = snapshots.of(settings).frame(snapshot.uri, snapshot.sha256, ["date"])["date"]
    assert (told.left, told.versions) == ((), (1,))
    assert {place.name: place.things for place in told.places}["golden rows of versions"] == 1
    assert after.golden_sha256 != before.golden_sha256
    prove(settings, after.run_id, after.model_uri, after.sha256, after.golden_sha256)
    assert len(left) == len(dates) - 1
    assert day not in {f"{one:%Y-%m-%d}" for one in left}
    assert [one for one in found if not one.holds and one.number != 15] == []

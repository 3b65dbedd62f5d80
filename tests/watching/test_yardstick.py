"""What a window is held against: history where it tells, and the reason where it does not."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evergreen.dossier import Dossier
from evergreen.records import Logged
from evergreen.refs import Window, WindowRef
from evergreen.settings import Settings
from evergreen.spec import Monitoring, Usual, Watched
from evergreen.watching import calibration
from evergreen.watching.bases import DAY, HOUR, WEEK
from evergreen.watching.calibration import Calibration
from evergreen.watching.drift import NUMERIC
from evergreen.watching.reference import Reference
from evergreen.watching.yardstick import History, Stretch, _threshold
from watching.conftest import END, WINDOW, Shop


def week(weather: Shop, ago: int = 0) -> pd.DataFrame:
    """A week of weather that followed what was learned from, each day asked for 50 times."""
    newest = weather.training.index.max() + 1 - 7 * ago
    days = weather.rows.loc[newest - 7 : newest - 1]
    return days.loc[days.index.repeat(50)]


def usual(weather: Shop, seen: WindowRef) -> dict:
    return weather.report(seen)["facts"]["usual"]


def logged(*days: str) -> Logged:
    inputs = [{"date": day, "wind": n} for n, day in enumerate(days)]
    return Logged(len(days), 0, 0, inputs, [], [])


def test_the_rows_tell_what_time_they_are_of() -> None:
    days = [f"2015-03-{day:02}" for day in range(1, 8)] * 50

    stretch = Stretch.of(logged(*days, "1999-01-01"), "date", WINDOW)

    assert stretch.length == WEEK
    middle = pd.Timestamp(stretch.start + stretch.length / 2, unit="s")
    assert middle == pd.Timestamp("2015-03-04")


def test_without_a_time_of_their_own_it_is_that_of_the_window() -> None:
    stretch = Stretch.of(logged("", ""), None, WINDOW)

    assert (stretch.length, stretch.start) == (HOUR, WINDOW.start.timestamp())


def test_a_row_that_is_asked_for_again_tells_nothing_more() -> None:
    once = logged("2015-03-01", "2015-03-02")
    often = replace(once, inputs=list(once.inputs) * 100)

    assert Stretch.of(often, "date", WINDOW).rows == Stretch.of(once, "date", WINDOW).rows == 2


@pytest.mark.parametrize(
    ("usual_distance", "rows", "expected"),
    [
        (None, 500.0, "test"),  # no history
        (0.01, 500.0, "test"),  # never below the test
        (0.30, 500.0, 0.30),  # windows of the past had as many rows
        (0.30, 1e9, "more"),  # they had more: the noise of fewer rows is put on
        (0.30, 50.0, "less"),  # they had fewer: theirs is taken off
    ],
)
def test_a_limit_of_history_allows_for_the_number_of_rows(
    usual_distance: float | None, rows: float, expected: str | float
) -> None:
    before, now = (pd.Series(np.arange(size, dtype=float)) for size in (10_000, 500))
    stretch = Stretch(0.0, DAY, 500)

    test = _threshold(before, now, NUMERIC, 0.01, None, 0.0, stretch)
    found = _threshold(before, now, NUMERIC, 0.01, usual_distance, rows, stretch)

    bounds = {"test": (test, test), "more": (0.301, 0.4), "less": (test, 0.299)}
    low, high = bounds[expected] if isinstance(expected, str) else (expected, expected)
    assert low - 1e-9 <= found <= high + 1e-9


@pytest.mark.parametrize("gone", [1, 5])
def test_a_column_that_was_unknown_of_late_is_held_against_when_it_was_known(gone: int) -> None:
    random, days, hours = np.random.default_rng(0), 150, 24
    times = np.arange(days * hours) * (DAY / hours)
    level = np.repeat(np.cumsum(random.normal(0, 0.5, days)), hours)
    seen = pd.DataFrame({name: level + random.normal(0, 1, len(level)) for name in ("x", "y")})
    seen.loc[len(seen) - gone * hours :, "x"] = np.nan  # its sensor was away, and is back
    past = Reference(
        seen, len(seen), dict.fromkeys("xy", NUMERIC), nulls={"x": gone * hours, "y": 0},
        raw=pa.Table.from_pandas(seen, preserve_index=False), times=times,
    )  # fmt: skip
    own = SimpleNamespace(temporal=True)
    now = pd.DataFrame({name: level[-1] + random.normal(0, 1, 99) for name in ("x", "y")})

    held = Remembered(cast("Dossier", own), past, None, cast("Settings", None)).yardstick(
        now, dict.fromkeys("xy", NUMERIC), Stretch(times[-1] + 60, DAY, 99), 0.01,
        Monitoring(pairs=False),
    )  # fmt: skip

    assert held.before["x"].notna().sum() >= calibration.LEAST_ROWS
    assert set(held.bases) == {"x", "y"}
    assert all(0 < limit < np.inf for limit in held.thresholds.values())


class Remembered(History):
    """Measures what the past tells, and keeps it nowhere."""

    def _measured(self, length: float, gap: float) -> Calibration:
        return self._measure(length, gap)


def test_a_calm_week_is_held_against_weeks_of_the_past(weather: Shop) -> None:
    weather.log(week(weather))

    seen = weather.watch()

    assert seen.drifted == ()
    assert usual(weather, seen)["problem"] == ""
    assert usual(weather, seen)["length"] == WEEK
    assert all(c["basis"] for c in weather.report(seen)["facts"]["columns"] if c["distance"])


def test_history_is_measured_once_for_each_champion(weather: Shop) -> None:
    weather.log(week(weather))
    weather.watch()
    folder = weather.settings.home / "drift" / "weather" / "champions"
    (kept,) = folder.glob("*-604800s-*.json")
    document = json.loads(kept.read_text())
    bases = document["calibration"]["distances"]["wind"]
    bases |= {name: [0.0 for _ in far] for name, far in bases.items()}
    kept.write_text(json.dumps(document))

    try:
        seen = weather.watch(Window(start=WINDOW.start, end=END + timedelta(seconds=1)))
    finally:
        kept.unlink()

    wind = next(c for c in weather.report(seen)["facts"]["columns"] if c["name"] == "wind")
    assert wind["distance"] > wind["threshold"]


def test_rows_without_a_time_are_taken_for_independent_and_it_is_said(shop: Shop) -> None:
    shop.log(shop.resampled(400))

    seen = shop.watch()

    assert seen.outcome == "calm"
    assert "as if rows were independent: its rows have no time" in seen.unknowns[-1]


def test_rows_of_all_seasons_are_held_against_all_that_was_learned_from(weather: Shop) -> None:
    weather.log(weather.resampled(300))

    seen = weather.watch()

    assert "is too short for rows that span" in usual(weather, seen)["problem"]
    assert seen.drifted == ()


def test_a_use_case_or_a_column_may_take_rows_for_independent(weather: Shop) -> None:
    weather.log(week(weather))
    alone = {"wind": Watched(usual=Usual.INDEPENDENT)}

    column = weather.report(weather.watch(columns=alone))["facts"]["columns"]
    later = Window(start=WINDOW.start, end=END + timedelta(seconds=1))
    whole = usual(weather, weather.watch(later, usual=Usual.INDEPENDENT))

    bases = {c["name"]: c["basis"] for c in column}
    assert bases["wind"] == ""
    assert bases["temp_max"]
    assert whole["problem"] == "it is declared so"


def test_a_column_may_be_left_alone_or_have_a_limit_of_its_own(shop: Shop) -> None:
    shop.log(shop.resampled(400).assign(age=20.0, distance=lambda rows: rows["distance"] + 3))

    declared = {"age": None, "distance": Watched(min_effect=0.9)}
    facts = shop.report(shop.watch(columns=declared))["facts"]

    assert "age" not in {c["name"] for c in facts["columns"]}
    (far,) = (c for c in facts["columns"] if c["name"] == "distance")
    assert far["threshold"] == 0.9
    assert Monitoring(columns=declared).watched("spend").min_effect == 0.05

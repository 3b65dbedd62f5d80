"""What of the rows is independent, and how far a mean over them may be off."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import t as student

from evergreen.judging.units import Units
from learning import CATALOG

DAYS = pd.Series(pd.date_range("2026-01-01", periods=60, tz="UTC"))
RISING = np.linspace(-2, 2, 40)[:, None]


@pytest.mark.parametrize(
    ("times", "groups", "name", "count"),
    [
        (None, None, "row", 60),
        (DAYS, None, "day", 60),
        (DAYS.dt.tz_localize(None).dt.date, None, "day", 60),
        (pd.Series(pd.date_range("2026-01-01", periods=60, freq="h")), None, "hour", 60),
        (pd.Series(pd.date_range("2026-01-01", periods=60, freq="s")), None, "moment", 60),
        (pd.Series(DAYS[:3].repeat(20).to_numpy()), None, "row", 60),
        (None, pd.Series(np.arange(60) % 5, name="store"), "store", 5),
        (None, pd.Series(np.arange(60), name="id"), "row", 60),
        (None, ["a"] * 60, "row", 60),
        (DAYS, np.arange(60) % 10, "day, and group", 10),
        (DAYS, np.arange(60) % 5, "day", 60),
        (None, pd.DataFrame({"a": np.arange(60) % 3, "b": np.arange(60) % 4}), "a × b", 12),
    ],
)
def test_the_units_of_rows(times: Any, groups: Any, name: str, count: int) -> None:
    found = Units.of(times, groups, 60)

    assert (found.name, found.count) == (name, count)


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("iris", {"id": range(60)}, "row"),
        ("weather", {"date": DAYS}, "day"),
        (
            "crop",
            {"farm": [n // 6 for n in range(60)], "season": [n % 6 for n in range(60)]},
            "farm",
        ),
        ("churn", {"customer": range(60), "observed": DAYS}, "day"),
        ("stocks", {"ticker": [n % 5 for n in range(60)], "date": DAYS}, "day"),
        ("stocks", {"ticker": [n % 10 for n in range(60)], "date": DAYS}, "day, and ticker"),
    ],
)
def test_the_units_of_a_use_case_are_those_of_its_time_and_key(
    name: str, columns: dict[str, Any], expected: str
) -> None:
    found = Units.of_rows(CATALOG.find(name), pd.DataFrame(columns))

    assert found.name == expected


def test_some_rows_have_the_units_that_they_touch() -> None:
    units = Units.of(DAYS, np.arange(60) % 10, 60).take(np.arange(60) >= 45)

    assert (units.rows, units.time.max(), units.group.max()) == (15, 14, 9)


def errors(units: Units, *columns: Any) -> Any:
    values = np.stack(columns, axis=1)
    return units.spread(values - values.mean(axis=0)).error


def test_independent_rows_have_the_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=50_000)

    found = errors(Units.of(None, None, 50_000), values)

    assert found == pytest.approx(1 / np.sqrt(50_000), rel=0.02)


def test_rows_that_a_group_copies_count_once() -> None:
    values = np.random.default_rng(1).normal(size=100)
    units = Units.of(None, np.repeat(np.arange(100), 30), 3000)

    assert errors(units, np.repeat(values, 30)) == pytest.approx(values.std(ddof=1) / 10)


def test_days_that_follow_on_one_another_count_as_fewer() -> None:
    generator, found = np.random.default_rng(2), []
    units = Units.of(pd.Series(pd.date_range("2020-01-01", periods=500)), None, 500)

    for _ in range(100):
        values = generator.normal(size=500)
        for day in range(1, 500):
            values[day] += 0.8 * values[day - 1]
        found.append(errors(units, values)[0])

    assert np.mean(found) == pytest.approx(5 / np.sqrt(500), rel=0.1)


def test_days_that_are_slow_but_small_beside_the_noise_are_seen() -> None:
    generator, ratios = np.random.default_rng(4), []
    units = Units.of(pd.Series(pd.date_range("2020-01-01", periods=500)), None, 500)

    for _ in range(200):
        slow = lfilter([1], [1, -0.9], generator.normal(size=700))[200:] * np.sqrt(1 - 0.9**2)
        found = errors(units, slow + 0.6 * generator.normal(size=500))[0]
        ratios.append(found**2 / ((1.9 / 0.1 + 0.36) / 500))

    assert np.median(ratios) > 0.85


def test_what_moves_from_end_to_end_is_no_noise_where_it_may() -> None:
    values = np.random.default_rng(6).normal(size=(40, 1))
    units = Units.of(DAYS[:40], None, 40)
    centred = values - values.mean()

    still, moves = (units.spread(each, moving=True) for each in (centred, centred + RISING))

    assert moves.error == pytest.approx(still.error, rel=0.15)
    assert moves.freedom == units.spread(centred).freedom - 1
    assert units.spread(centred + RISING).error > 3 * moves.error


@pytest.mark.parametrize(("alike", "most"), [(0.0, 0.035), (0.5, 0.045)])
def test_a_mean_that_may_move_is_as_surely_above_nothing_as_one_that_may_not(
    alike: float, most: float
) -> None:
    generator, above = np.random.default_rng(6), []
    units = Units.of(DAYS[:18], None, 18)

    for _ in range(2000):
        noise = generator.normal(size=118)
        values = lfilter([1], [1, -alike], noise)[100:, None]
        spread = units.spread(values - values.mean(), moving=True)
        above.append(values.mean() > student.ppf(0.975, spread.freedom[0]) * spread.error[0])

    assert np.mean(above) < most


def test_both_days_and_stores_are_at_least_either() -> None:
    generator = np.random.default_rng(3)
    day, store = (part.ravel() for part in np.indices((60, 40)))
    values = generator.normal(size=60)[day] + generator.normal(size=40)[store]
    times = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D"))

    both, days, stores = (
        errors(Units.of(*of, len(day)), values)[0]
        for of in ((times, store), (times, None), (None, store))
    )

    assert both >= max(days, stores)
    assert both == pytest.approx(np.hypot(days, stores), rel=0.05)


def test_one_unit_that_bears_all_is_no_freedom() -> None:
    values = np.zeros((100, 1))
    values[0] = 1.0

    (freedom,) = Units.of(None, None, 100).spread(values - 0.01).freedom

    assert freedom < 3

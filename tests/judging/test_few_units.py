"""Differences on a day or three, and in groups without a name: told as unknown, or told."""

import math

import numpy as np
import pandas as pd
import pytest

from evergreen.judging.differences import compare, paired_difference
from evergreen.judging.units import Units
from evergreen.learning.models import Array, Output
from evergreen.spec import Kind, Metric, Scale

DAYS, A_DAY = 60, 20
DAY = np.repeat(np.arange(DAYS), A_DAY)
TIMES = pd.Series(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(DAY, unit="D"))
TRUTH = np.random.default_rng(0).integers(0, 2, len(DAY))


def answers(skill: float, seed: int) -> Output:
    noise = np.random.default_rng(seed).random(len(DAY))
    chance = np.clip(0.5 * noise + skill * TRUTH, 0, 1)
    return Output(
        (chance > 0.5).astype(int), np.column_stack([1 - chance, chance]), np.array([0, 1])
    )


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("fallen", [False, True])
@pytest.mark.parametrize("days", [1, 2, 3, 4, 5])
def test_a_slice_of_few_days_is_compared(days: int, fallen: bool, grouped: bool) -> None:
    stores = pd.Series(np.tile(np.arange(A_DAY), DAYS), name="store") if grouped else None
    rows = np.arange(len(DAY))[-days * A_DAY :]
    units = Units.of(TIMES, stores, len(DAY)).take(rows)

    found = paired_difference(
        Kind.BINARY, "accuracy", TRUTH[rows], answers(0.5, 1).take(rows),
        answers(0.2, 2).take(rows), units, fallen=fallen,
    )  # fmt: skip

    assert found.estimate > 0
    if days < 4:  # which tell nothing of how days differ
        assert math.isnan(found.low) and math.isnan(found.high)
        assert found.rows_for_a_point is None
    else:
        assert found.low < found.estimate < found.high


def test_a_slice_of_one_group_has_no_interval() -> None:
    stores = pd.Series(DAY % 4, name="store")
    rows = stores.to_numpy() == 2
    units = Units.of(None, stores, len(DAY)).take(rows)

    found = paired_difference(
        Kind.BINARY, "accuracy", TRUTH[rows], answers(0.5, 1).take(rows),
        answers(0.2, 2).take(rows), units,
    )  # fmt: skip

    assert found.estimate > 0
    assert math.isnan(found.low) and math.isnan(found.high)


def test_a_slice_of_one_group_beside_a_time_is_told_by_its_days() -> None:
    stores = pd.Series(np.tile(np.arange(A_DAY), DAYS), name="store")
    rows = stores.to_numpy() == 2

    units = Units.of(TIMES, stores, len(DAY)).take(rows)

    assert (units.name, units.count) == ("day", DAYS)
    assert units.spread(np.ones((DAYS, 1)) * DAY[rows, None]).error > 0


def test_a_metric_that_one_day_alone_defines_has_no_interval() -> None:
    def lift(truth: Array, said: Array) -> float | None:
        return float(said[truth == 1].mean() - said.mean()) if truth.any() else None

    scale = Scale(Kind.BINARY, (Metric(name="lift", function=lift, more_is_better=True),))
    truth = np.where(DAY == DAYS // 2, 1, 0)
    challengers = {name: answers(0.3, seed) for seed, name in enumerate("ab")}

    found = compare(scale, "lift", truth, challengers, answers(0.2, 9), Units.of(TIMES, None, 1200))

    assert {name: math.isnan(one.low) for name, one in found.items()} == {"a": True, "b": True}


@pytest.mark.parametrize("kind", ["str", "object"])
def test_who_has_no_name_is_one_of_the_groups(kind: str) -> None:
    cities = pd.Series((["a", "b", None] * len(DAY))[: len(DAY)], name="city", dtype=kind)

    alone = Units.of(None, cities, len(DAY))
    several = Units.of(None, pd.DataFrame({"city": cities, "shop": 1}), len(DAY))

    assert [len(np.unique(units.group)) for units in (alone, several)] == [3, 3]

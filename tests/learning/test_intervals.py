"""Intervals hold what they promise, on rows that resemble those they were measured on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergreen.errors import DeclarationError
from evergreen.learning import intervals, metrics, models
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.spec import UseCase
from learning import CATALOG, IRIS

CROP = CATALOG.find("crop")


def test_the_half_width_is_the_next_rank_above_the_share() -> None:
    assert intervals.half_width(np.arange(1, 100), 0.9) == 90.0  # the ⌈100 · 0.9⌉-th
    assert intervals.half_width(np.array([-3.0, 1.0]), 0.9) == 3.0  # too few: the largest


@given(st.integers(0, 2**32 - 1))
def test_new_errors_are_covered_at_least_as_often_as_promised(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen, new = random.standard_t(3, 2_000), random.standard_t(3, 2_000)

    width = intervals.half_width(seen, 0.9)

    assert metrics.coverage(new, Output(np.zeros(2_000), half_width=width)) > 0.86


def test_without_an_interval_the_coverage_is_unknown() -> None:
    assert np.isnan(metrics.coverage(np.array([1.0]), Output(np.array([1.0]))))


def field(rows: int = 80) -> pd.DataFrame:
    random = np.random.default_rng(0)
    numbers = {name: random.uniform(1, 9, rows) for name in CROP.features.raw[:8]}
    texts = {name: random.choice(["a", "b"], rows) for name in CROP.features.raw[8:]}
    return pd.DataFrame({**numbers, **texts})


def test_the_width_stays_inside_the_model_and_survives_its_file(tmp_path: Path) -> None:
    rows = field()
    model = Recipe.of(CROP, CROP.candidate("linear"), {}).fresh(half_width=2.5)
    model.fit(rows, rows["size"] * 3)

    loaded = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))

    output = models.predict(loaded, rows)
    assert output.half_width == 2.5
    assert output.take(np.array([0])).half_width == 2.5
    np.testing.assert_array_equal(output.labels, loaded.predict(rows))


@pytest.mark.parametrize(
    ("use_case", "interval", "told"), [(CROP, 1.0, "below 1"), (IRIS, 0.9, "kind is multiclass")]
)
def test_an_interval_that_cannot_be_is_refused(
    use_case: UseCase, interval: float, told: str
) -> None:
    with pytest.raises(DeclarationError, match=told):
        replace(use_case, interval=interval)

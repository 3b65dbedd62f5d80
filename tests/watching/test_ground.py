"""How much of a window lies outside what an estimate was learned on."""

import numpy as np
import pandas as pd
import pytest

from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.ground import Ground, Outside, Usual

KINDS = {"age": NUMERIC, "city": CATEGORICAL}


def rows(count: int, seed: int = 0, *, older: float = 0.0, abroad: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    city = draw.choice(["Graz", "Wien"], count)
    return pd.DataFrame({
        "age": draw.normal(40, 10, count) + older,
        "city": np.where(draw.random(count) < abroad, "Oslo", city),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "column", "share"),
    [({"older": 100.0}, "age", 1.0), ({"abroad": 0.4}, "city", 0.4), ({"older": 5.0}, "age", 0.2)],
)
def test_the_share_is_that_of_the_column_that_lies_furthest(
    changes: dict[str, float], column: str, share: float
) -> None:
    found = Ground.of(rows(3000), KINDS).outside(rows(2000, 1, **changes))

    assert found.column == column
    assert found.share == pytest.approx(share, abs=0.04)
    assert found.extrapolated


def test_rows_of_the_same_kind_are_hardly_ever_outside() -> None:
    ground = Ground.of(rows(3000), KINDS)

    outside = [ground.outside(rows(100, seed)).extrapolated for seed in range(1, 101)]

    assert sum(outside) <= 4


def test_what_stretches_of_the_walk_had_is_usual() -> None:
    window = rows(200, 1, older=5.0)
    ground = Ground(rows=3000, columns=Ground.of(rows(3000), KINDS).columns,
                    usual=(Usual(rows=200, share=0.5), Usual(rows=3200, share=0.01)))  # fmt: skip

    assert not ground.outside(window).extrapolated


def test_missing_and_strange_values_are_no_numbers_and_do_not_fail() -> None:
    ground = Ground.of(rows(100), KINDS)
    strange = pd.DataFrame(
        {"age": [np.nan, 41.0], "city": pd.Series([np.nan, "Oslo"], dtype=object)}
    )

    matrix = ground.matrix(strange)

    assert np.isnan(matrix).tolist() == [[True, True], [False, True]]
    assert ground.outside(strange.iloc[:0]).share == 0.0


def test_it_says_how_much_and_by_what() -> None:
    found = Outside(column="age", share=0.384, usual=0.121)

    assert found.sentence == (
        "extrapolated: 38% of the rows or more are outside what it was calibrated on"
        " (by age; stretches of the walk forward had up to 12%)"
    )

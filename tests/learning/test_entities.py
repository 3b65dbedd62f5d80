"""A panel, entity by entity: features, the rows they look back at, figures."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from cities import NAMES, USE_CASE, rows
from evergreen.errors import DeclarationError
from evergreen.learning import entities, features, lookahead
from evergreen.learning.models import Output
from evergreen.spec import Features

RAW = rows(days=20, cities=4)


def test_features_of_an_entity_are_those_that_it_has_alone() -> None:
    together = features.compute(USE_CASE, RAW)

    assert together.index.equals(RAW.index)
    for _, own in RAW.groupby("city"):
        alone = features.compute(USE_CASE, own)
        pd.testing.assert_frame_equal(together.loc[own.index], alone)
    assert together["before"].isna().sum() == 4  # of each city the first day, and no other


def test_no_rows_have_no_features() -> None:
    assert features.compute(USE_CASE, RAW.head(0)).empty


def test_rows_without_an_entity_are_one_of_their_own() -> None:
    nameless = RAW.assign(city=RAW["city"].where(RAW["city"] != NAMES[1]))

    pd.testing.assert_frame_equal(
        features.compute(USE_CASE, nameless), features.compute(USE_CASE, RAW)
    )


def test_the_rows_looked_back_at_are_those_of_the_same_entity() -> None:
    wanted = ((RAW["city"] == NAMES[1]) & (RAW["day"] == RAW["day"].max())).to_numpy()

    found = RAW[features.with_history(USE_CASE, RAW, wanted)]

    assert set(found["city"]) == {NAMES[1]}
    assert len(found) == 8


def ahead(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(week=raw["visits"].shift(-1), before=0.0, weekday=0.0)


def test_a_function_that_looks_ahead_within_its_entity_is_named() -> None:
    declared = replace(USE_CASE.features, function=ahead)
    use_case = replace(USE_CASE, features=declared)

    with pytest.raises(DeclarationError, match=r"'week'.*looks ahead"):
        lookahead.check_no_lookahead(features.code(use_case), RAW, use_case)


def test_each_entity_counts_alike_in_the_macro_figure() -> None:
    few = pd.DataFrame({"city": ["a", "a", "a", None]})
    truth, said = np.zeros(4), Output(np.array([1.0, 1.0, 1.0, 5.0]))

    found = entities.by_entity(USE_CASE, few, truth, said)

    assert [(one.name, one.rows, one.metrics) for one in found] == [
        ("a", 3, {"mae": 1.0}), ("missing", 1, {"mae": 5.0})
    ]  # fmt: skip
    assert entities.macro(USE_CASE, few, truth, said) == {"mae": 3.0}
    flat = replace(USE_CASE, features=replace(USE_CASE.features, entity=()))
    assert entities.macro(flat, few, truth, said) == {}


def test_an_entity_is_among_the_inputs_and_the_rows_have_a_time() -> None:
    with pytest.raises(DeclarationError, match=r"features\.entity.*town.*day, city, visits"):
        replace(USE_CASE.features, entity=("town",))
    with pytest.raises(DeclarationError, match=r"features\.entity.*nothing"):
        Features(numeric=("visits",), entity=("visits",))
    with pytest.raises(DeclarationError, match=r"a tuple of columns, as"):
        replace(USE_CASE.features, entity="city")
    with pytest.raises(DeclarationError, match=r"source\.timestamp.*features\.entity"):
        replace(
            USE_CASE,
            source=replace(USE_CASE.source, timestamp=None),
            windows=replace(USE_CASE.windows, holdout=0.2),
        )


def test_a_lookback_of_zero_reads_no_history() -> None:
    declared = replace(USE_CASE.features, lookback=timedelta(0))
    wanted = np.arange(len(RAW)) == len(RAW) - 1

    found = features.with_history(replace(USE_CASE, features=declared), RAW, wanted)

    assert found.sum() == 1

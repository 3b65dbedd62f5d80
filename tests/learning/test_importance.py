"""What a feature matters, by what the model loses without it."""

from dataclasses import replace

import numpy as np
import pytest

from evergreen.learning import features, fitting
from evergreen.settings import Settings
from learning import WEATHER, built, weather_rows


class Forgetful:
    """Remembers no walk."""

    def recall(self, recipe: str) -> None: ...

    def keep(self, recipe: str, known: object) -> None: ...


@pytest.mark.parametrize("known", [True, False])
def test_it_is_unknown_where_the_metric_is_not_defined(settings: Settings, known: bool) -> None:
    data = features.data(built(WEATHER, weather_rows(), settings), WEATHER, settings)
    tried = fitting.judge(WEATHER, WEATHER.candidate("logistic"), data, Forgetful())
    model = fitting.newest(tried.recipe, data, tried.held)
    if not known:  # as if none of the rows looked at was positive
        rows = replace(data.rows, truth=np.zeros_like(data.rows.truth))
        data = replace(data, rows=rows)

    found = fitting.importance(WEATHER, tried.recipe, model, data)

    assert set(found) == set(WEATHER.features.columns)
    assert {value is not None for value in found.values()} == {known}

"""What a kept customer is worth, and the threshold that it chooses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evergreen.errors import DeclarationError
from evergreen.learning import models, worth
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.spec import Business
from evergreen_workshop.demo import customers
from learning import CATALOG

CHURN = CATALOG.find("churn")
PEOPLE = customers.customers().iloc[:2000]


def figures(charges: list[float], leaves: list[int], said: list[int]) -> dict[str, float]:
    rows = pd.DataFrame({"monthly_charges": charges})
    output = Output(np.array(said))
    return worth.measure(CHURN, rows, np.array(leaves), output)


def test_an_offer_costs_and_keeps_some_of_those_who_would_leave() -> None:
    found = figures([100, 100, 80, 80], leaves=[1, 1, 0, 0], said=[1, 0, 1, 0])

    assert found["value_kept_in_all"] == pytest.approx(0.3 * 8 * 100 - 2 * 50)
    assert found["value_kept"] == pytest.approx(found["value_kept_in_all"] / 4)
    assert found["share_offered"] == 0.5


def test_an_offer_to_nobody_and_to_all_is_worth_what_needs_no_model() -> None:
    rows = pd.DataFrame({"monthly_charges": [100.0, 80.0]})

    found = worth.constants(CHURN, rows, np.array([1, 0]))

    assert found == pytest.approx({"0": 0.0, "1": (0.3 * 8 * 100 - 2 * 50) / 2})
    assert worth.constants(CATALOG.find("crop"), rows, np.array([1.0, 0.0])) is None


BOTH = np.array([0, 1])


def test_the_threshold_is_where_the_offers_are_worth_most() -> None:
    positive = np.linspace(0, 1, 1000)
    truth = (np.random.default_rng(0).random(1000) < positive).astype(int)
    rows = pd.DataFrame({"monthly_charges": np.full(1000, 100.0)})

    found = worth.threshold(CHURN, rows, truth, positive, BOTH)

    assert found == pytest.approx(50 / (0.3 * 8 * 100), abs=0.06)  # cost over what is won


def test_a_threshold_among_equals_is_the_one_nearest_to_a_half() -> None:
    indifferent = Business(measure=lambda *_: {"value": 1.0}, unit="", choose_threshold=True)

    found = worth.threshold(
        replace(CHURN, business=indifferent),
        pd.DataFrame({"x": [0, 0]}),
        np.array([0, 1]),
        np.array([0.2, 0.8]),
        BOTH,
    )

    assert found == 0.5


@pytest.mark.parametrize("measured", [{}, 3.0, {"value": "much"}])
def test_a_measure_that_gives_no_figures_is_told(measured: object) -> None:
    broken = Business(measure=lambda *_: measured, unit="")  # type: ignore[arg-type,return-value]

    with pytest.raises(DeclarationError, match=r"business\.measure"):
        worth.measure(replace(CHURN, business=broken), PEOPLE, np.array([]), Output(np.array([])))


def test_the_threshold_stays_inside_the_model_and_survives_its_file(tmp_path: Path) -> None:
    recipe = Recipe.of(CHURN, CHURN.candidate("logistic"), {})
    model = recipe.fresh(threshold=0.2, positive=1)
    model.fit(PEOPLE, PEOPLE["churned"].astype(int))
    file = tmp_path / "model.skops"

    loaded = models.load(file, models.save(model, file))

    output = models.predict(loaded, PEOPLE)
    np.testing.assert_array_equal(output.labels, (output.positive >= 0.2).astype(int))
    np.testing.assert_array_equal(output.labels, loaded.predict(PEOPLE))
    assert output.labels.sum() > (output.positive > 0.5).sum()

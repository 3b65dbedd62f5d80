"""Windows drawn from the reference itself must hardly ever alarm, and true drift must."""

import json

import numpy as np
import pandas as pd
import pytest

from database import records_of
from evergreen.dossier import read
from evergreen.watching import columns, drift, reference, verdict
from evergreen.watching.columns import Checked
from evergreen.watching.distances import Frequencies, numeric_distance, numeric_threshold
from evergreen.watching.drift import CATEGORICAL, NUMERIC
from evergreen.watching.facts import Facts
from evergreen.watching.reference import Reference
from watching.conftest import END, HOUR, Shop

TESTS = 18  # six columns twice, two of them a third time, and four more
ALPHA = 0.05 / TESTS
EFFECT = 0.05
WINDOWS = 150


@pytest.fixture
def learned(shop: Shop) -> Reference:
    dossier = read(records_of(shop.settings).dossiers, "shop", 1)
    return reference.load(dossier, shop.use_case.monitoring.sample, shop.settings)


def check(shop: Shop, learned: Reference, rows: pd.DataFrame) -> Checked:
    names = list(shop.use_case.features.raw)
    return columns.check(learned, json.loads(rows[names].to_json(orient="records")), names)


def outcome(shop: Shop, learned: Reference, checked: Checked) -> str:
    """Judge a window by the distances that Evidently is taught, without its pictures."""
    facts = Facts(
        use_case="shop", start=END - HOUR, end=END, rows=1000, alpha=ALPHA,
        columns=tuple(
            fact.from_json(fact.to_json() | measure(learned, checked, name))
            for name, fact in checked.facts.items()
        ),
    )  # fmt: skip
    return verdict.judge(facts, shop.use_case.monitoring).outcome


def measure(learned: Reference, checked: Checked, name: str) -> dict[str, float]:
    before, now = learned.frame[name].dropna(), checked.frame[name].dropna()
    if learned.kinds[name] == NUMERIC:
        limit = numeric_threshold(len(before), len(now), ALPHA, EFFECT)
        return {"distance": numeric_distance(before, now), "threshold": limit}
    counts = Frequencies.of(before, now)
    return {"distance": counts.distance, "threshold": counts.threshold(ALPHA, EFFECT)}


@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_at_most_five_percent_of_windows_without_drift_alarm(
    shop: Shop, learned: Reference, rows: int
) -> None:
    drawn = (check(shop, learned, shop.resampled(rows, seed)) for seed in range(WINDOWS))

    outcomes = [outcome(shop, learned, checked) for checked in drawn]

    assert outcomes.count("calm") / WINDOWS >= 0.95


@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_a_shift_of_a_standard_deviation_is_found_in_every_window(
    shop: Shop, learned: Reference, rows: int
) -> None:
    def shifted(seed: int) -> pd.DataFrame:
        return shop.resampled(rows, seed).assign(age=lambda found: found["age"] + 12)

    found = [check(shop, learned, shifted(seed)) for seed in range(20)]

    drifted = [measure(learned, one, "age") for one in found]
    assert sum(one["distance"] > one["threshold"] for one in drifted) >= 19


def test_evidently_measures_what_we_taught_it(shop: Shop, learned: Reference) -> None:
    checked = check(shop, learned, shop.resampled(200).assign(age=20.0))

    limits = {
        name: drift.threshold(learned.frame[name], checked.frame[name], kind, ALPHA, EFFECT)
        for name, kind in checked.kinds.items()
    }

    found = drift.compare(learned.frame, checked.frame, checked.kinds, limits)

    for column in found.columns:
        expected = measure(learned, checked, column.name)
        assert column.distance == pytest.approx(expected["distance"])
        assert column.threshold == pytest.approx(expected["threshold"])
    assert [column.name for column in found.columns if column.drifted] == ["age"]


def test_trifles_are_no_drift_however_many_rows() -> None:
    draw = np.random.default_rng(0)
    before = pd.Series(draw.normal(size=50_000))
    now = pd.Series(draw.normal(0.05, size=50_000))

    assert numeric_distance(before, now) > numeric_threshold(50_000, 50_000, 1e-6, 1e-9)
    assert numeric_distance(before, now) < numeric_threshold(50_000, 50_000, 1e-6, 0.1)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.97, 0.03), (0.6, 0.3, 0.06, 0.03, 0.01)])
@pytest.mark.parametrize("rows", [50, 500])
def test_the_categorical_limit_holds_where_categories_are_rare(
    shares: tuple[float, ...], rows: int
) -> None:
    draw = np.random.default_rng(0)

    def sample(size: int) -> pd.Series:
        return pd.Series(draw.choice(len(shares), size, p=shares))

    pairs = [Frequencies.of(sample(1000), sample(rows)) for _ in range(200)]

    alarms = sum(pair.distance > pair.threshold(0.02, 1e-9) for pair in pairs)
    assert alarms <= 11  # of 200 at 2 %: 4 expected, 11 once in 1,000


def test_samples_without_a_common_category_are_as_far_apart_as_can_be() -> None:
    counts = Frequencies.of(pd.Series(["a"] * 100), pd.Series(["b"] * 100))

    assert counts.distance == 1.0
    assert counts.threshold(0.001, 0.1) < 0.3


def test_a_rare_flag_that_becomes_common_is_found_in_few_rows() -> None:
    before = pd.Series([True] * 30 + [False] * 970)
    now = pd.Series([True] * 15 + [False] * 35)

    counts = Frequencies.of(before, now)

    assert counts.distance > counts.threshold(0.05 / 46, 0.1)


def test_columns_are_compared_by_their_kind(learned: Reference) -> None:
    assert learned.kinds == {
        "spend": NUMERIC, "visits": NUMERIC, "age": NUMERIC, "distance": NUMERIC,
        "city": CATEGORICAL, "member": CATEGORICAL,
    }  # fmt: skip
    assert learned.categories["member"] == {"True", "False"}
    assert learned.nulls["distance"] > 0

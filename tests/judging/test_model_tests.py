"""The tests of a model's behaviour catch models that misbehave."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from evergreen.judging.checks import MODEL_TESTS
from evergreen.judging.evidence import ModelTest
from evergreen.judging.model_tests import Subject, examine
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import predict
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

Array = npt.NDArray[Any]


def same(raw: pd.DataFrame) -> pd.DataFrame:
    return raw


TRUTH = np.array([0, 1] * 5)
USE_CASE = UseCase(
    name="sums",
    doc="",
    owner="",
    kind=Kind.BINARY,
    source=Source(table="sums", key=("day",), timestamp="day", target="y"),
    windows=Windows(holdout=timedelta(days=10)),
    features=Features(
        function=same,
        inputs=("a", "b"),
        numeric=("a",),
        categorical=("b",),
        lookback=timedelta(days=2),
    ),
    candidates=(Candidate(name="any", build=object),),
    baselines=(Candidate(name="none", build=object),),
    gate=Gate(metric="f1", floors={"f1": 0.5}),
)


@dataclass
class Model:
    """A hand-written model: the probability is the logistic of the sum of three days."""

    classes_ = np.array([0, 1])

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        values = np.nan_to_num(raw["a"].rolling(3, min_periods=1).sum().to_numpy())
        chance = 1 / (1 + np.exp(-np.clip(values, -50, 50)))
        return np.c_[1 - chance, chance]


class Alone(Model):
    """Cannot answer for one row."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        if len(raw) == 1:
            raise ValueError("at least two rows, please")
        return super().predict_proba(raw)


class Longsighted(Model):
    """Looks further back than its use case says."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        return super().predict_proba(raw.assign(a=raw["a"].cumsum()))


class Fragile(Model):
    """Has no number for a huge one."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        return np.where(raw[["a", "a"]].abs() > 1e6, np.nan, super().predict_proba(raw))


class Strict(Model):
    """Fails at a text that it has never seen."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        if not raw["b"].isin(["x", "z"]).all():
            raise KeyError("never seen")
        return super().predict_proba(raw)


class Moody(Model):
    """Answers a little differently each time."""

    count = 0.0

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        self.count += 1e-9
        return super().predict_proba(raw) + self.count * np.array([-1, 1])


class Unsure(Model):
    """Its probabilities do not add up."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        return super().predict_proba(raw) * 0.9


class Certain(Model):
    """Its probabilities go beyond 1."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        return super().predict_proba(raw) * 3 - 1


class Strange(Model):
    """Knows a class that the data lacks."""

    classes_ = np.array([0, 7])


class Wide(Model):
    """Gives more probabilities than there are classes."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        return np.c_[super().predict_proba(raw), np.zeros(len(raw))]


def examined(
    model: Any, use_case: UseCase = USE_CASE, truth: Array = TRUTH
) -> dict[str, ModelTest]:
    generator = np.random.default_rng(0)
    days = pd.date_range("2026-01-01", periods=14)
    rows = pd.DataFrame({"day": days, "a": generator.normal(size=14), "b": ["x", "z"] * 7})
    mask = np.arange(14) >= 4
    holdout = RawHoldout(rows, mask, truth)
    output = predict(model, rows).take(mask)
    subject = Subject(use_case, model, holdout, output, np.array([0, 1]))
    return {test.name: test for test in examine(subject)}


def test_a_sound_model_passes_all_that_the_gate_asks_for() -> None:
    found = examined(Model())

    assert tuple(found) == MODEL_TESTS
    assert all(test.passed for test in found.values()), found


def test_a_model_may_know_a_class_that_the_held_out_rows_lack() -> None:
    found = examined(Model(), truth=np.zeros(10, dtype=int))

    assert found["valid_values"].passed, found["valid_values"]


@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        (Alone(), "one_row", "ValueError: at least two rows"),
        (Longsighted(), "one_row", "lookback too short"),
        (Fragile(), "extreme_values", "not finite"),
        (Strict(), "extreme_values", "never seen"),
        (Moody(), "same_twice", "the second answer is off by"),
        (Unsure(), "probabilities", "add up to 1 ± 0.1"),
        (Certain(), "probabilities", "a probability is"),
        (Strange(), "valid_values", "knows the class 7"),
        (Wide(), "shape", "(10, 3) probabilities of 2 classes"),
    ],
)
def test_a_model_that_misbehaves_fails(model: Any, name: str, words: str) -> None:
    test = examined(model)[name]

    assert test.passed is False
    assert words in test.detail


class Talkative(Model):
    """Quotes what it cannot read."""

    def predict_proba(self, raw: pd.DataFrame) -> Array:
        if len(raw) == 1:
            raise ValueError("could not convert 'ada@example.org'")
        return super().predict_proba(raw)


@pytest.mark.parametrize(("personal", "words"), [(("b",), "(personal)"), ((), "'ada@example.org'")])
def test_a_model_that_quotes_a_value_of_a_source_with_personal_columns_is_not_quoted(
    personal: tuple[str, ...], words: str
) -> None:
    asked = replace(USE_CASE, source=replace(USE_CASE.source, personal=personal))

    detail = examined(Talkative(), asked)["one_row"].detail

    assert detail == f"it raised ValueError: could not convert {words}"


class Regressor:
    """A hand-written regressor; `huge` is its answer where the input is huge."""

    def __init__(self, huge: float = 1e9) -> None:
        self.huge = huge

    def predict(self, raw: pd.DataFrame) -> Array:
        return np.where(raw["a"].abs() > 1e6, self.huge, raw["a"].fillna(0))


@pytest.mark.parametrize(("huge", "passed"), [(1e9, True), (np.inf, False)])
def test_a_regression_must_stay_finite(huge: float, passed: bool) -> None:
    regression = replace(USE_CASE, kind=Kind.REGRESSION, gate=Gate(metric="mae", floors={"mae": 1}))

    found = examined(Regressor(huge), regression)

    assert found["extreme_values"].passed is passed
    assert found["probabilities"].detail == "gives none"

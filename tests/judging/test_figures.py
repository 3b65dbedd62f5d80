"""Figures in words."""

import math
from dataclasses import replace

import pytest

import evidences as e
from evergreen.judging.figures import behind, figure, figures, interval, label, listed, signed


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.7412, "0.741"),
        (0.0, "0.000"),
        (1234.5678, "1,234.6"),
        (0.0000123, "1.2e-05"),
        (-0.5, "-0.500"),
        (math.nan, "unknown"),
        (math.inf, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_figure_has_few_digits(value: float | None, words: str) -> None:
    assert figure(value) == words


def test_two_figures_have_enough_digits_to_differ() -> None:
    assert figures(0.68, 0.679999) == ("0.680000", "0.679999")
    assert figures(0.7, 0.6) == ("0.700", "0.600")
    assert figures(0.5, 0.5) == ("0.500", "0.500")
    assert figures(2000.001, 2000.0) == ("2,000.0010", "2,000.0000")


def test_a_difference_has_its_sign() -> None:
    assert (signed(0.004), signed(-0.004), signed(None)) == ("+0.004", "-0.004", "unknown")
    assert interval(e.difference("x", -0.01)) == "95 % interval -0.010 to +0.030"


def test_an_interval_is_told_apart_from_the_bar_that_it_must_pass() -> None:
    found = e.difference("x", 0.00499999, high=0.0200001)

    assert interval(found, 0.005).startswith("95 % interval +0.00499999 to +0.020")
    assert interval(found, 0.02).endswith("to +0.0200001")


@pytest.mark.parametrize(
    ("confidence", "told"), [(0.9, "90 %"), (0.975, "97.5 %"), (0.98333333, "98.3 %"),
                             (0.9995, "99.95 %")],
)  # fmt: skip
def test_the_confidence_of_an_interval_has_few_digits_and_is_never_all(
    confidence: float, told: str
) -> None:
    found = replace(e.difference("x", -0.01), confidence=confidence)

    assert interval(found).startswith(f"{told} interval ")


def test_what_an_interval_rests_on_is_told() -> None:
    found = e.difference(
        "x", unit="day, 4 in a row as one", units=180, over=3,
        effective_rows=47.2, rows_for_a_point=2300,
    )  # fmt: skip

    assert behind(found) == (
        "180 × day, 4 in a row as one, held for 3 models at once; as much as 47 independent rows"
        " tell; a point more would show with 2,300 rows"
    )
    assert behind(e.difference("x", units=90)) == "90 × row"


def test_names_are_listed() -> None:
    assert (listed("a"), listed("ab"), listed("abc")) == ("a", "a and b", "a, b and c")
    assert listed([]) == ""


def test_a_check_has_a_label() -> None:
    assert label("better_than_champion") == "better than champion"
    assert label("floor_roc_auc") == "floor: roc_auc"

"""How far a fit is from the one before it."""

import numpy as np
import pytest

from evergreen.judging.fitness import apart
from evergreen.learning.models import Output

NOBODY = np.array([])
SUMMER = Output(
    np.array(["sun", "rain"]), np.array([[0.1, 0.9], [0.8, 0.2]]), np.array(["rain", "sun"])
)
WINTER = Output(
    np.array(["sun", "rain"]), np.array([[0.1, 0.0, 0.9], [0.6, 0.2, 0.2]]),
    np.array(["rain", "snow", "sun"]),
)  # fmt: skip


@pytest.mark.parametrize(("output", "before"), [(WINTER, SUMMER), (SUMMER, WINTER)])
def test_a_class_that_comes_or_goes_is_as_far_as_it_is_probable(
    output: Output, before: Output
) -> None:
    assert apart(output, before, NOBODY) == pytest.approx(0.1)


def test_labels_are_as_far_as_they_are_others() -> None:
    one, other = (Output(np.array(said), None, np.array([0, 1])) for said in ([0, 1], [1, 1]))

    assert apart(one, other, NOBODY) == 0.5


def test_values_are_apart_in_deviations_of_the_truth() -> None:
    one, other = Output(np.array([1.0, 2.0])), Output(np.array([2.0, 3.0]))

    assert apart(one, other, np.array([0.0, 4.0])) == 0.5

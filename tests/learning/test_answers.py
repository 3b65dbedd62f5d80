"""Answers that are kept come back as they were."""

import numpy as np
import pytest

from evergreen.learning import answers, metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind


@pytest.mark.parametrize("classes", [[0, 1], ["no", "yes"]])
def test_a_class_that_is_never_said_is_one_of_them_without_probabilities(
    classes: list[int | str],
) -> None:
    known = np.array(classes)
    truth, said = np.repeat(known, [90, 10]), np.repeat(known[:1], 100)

    found = answers.output(answers.table(Output(said, None, known)))

    assert found.classes is not None
    assert (found.classes.tolist(), found.probabilities) == (classes, None)
    assert found.labels.tolist() == said.tolist()
    assert metrics.score(Kind.BINARY, truth, found)["balanced_accuracy"] == pytest.approx(0.5)


def test_probabilities_come_back() -> None:
    chances = np.array([[0.2, 0.8], [1.0, 0.0]])

    found = answers.output(answers.table(Output(np.array([1, 0]), chances, np.array([0, 1]))))

    assert found.probabilities is not None
    assert found.probabilities.tolist() == chances.tolist()

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from evergreen.learning import plots
from evergreen.learning.models import Output
from evergreen.spec import Kind

CHANCE = np.linspace(0, 1, 60)
TRUTH = (CHANCE > 0.4).astype(int)
BINARY = Output((CHANCE > 0.5).astype(int), np.column_stack([1 - CHANCE, CHANCE]), np.array([0, 1]))
NAMES = np.array(["a", "b", "c"])
THREE = np.tile(NAMES, 20)
MULTICLASS = Output(np.roll(THREE, 1), np.full((60, 3), 1 / 3), NAMES)
NUMBERS = Output(CHANCE + 0.1)

CASES = [
    (Kind.BINARY, TRUTH, BINARY, {"roc", "calibration", "confusion"}),
    (Kind.BINARY, TRUTH, Output(BINARY.labels, None, BINARY.classes), {"confusion"}),
    (Kind.MULTICLASS, THREE, MULTICLASS, {"confusion", "per_class"}),
    (Kind.REGRESSION, CHANCE, NUMBERS, {"residuals", "predicted_vs_actual"}),
]


@pytest.mark.parametrize(("kind", "truth", "output", "names"), CASES)
def test_draws_what_suits_the_kind(
    kind: Kind, truth: np.ndarray, output: Output, names: set[str], tmp_path: Path
) -> None:
    files = plots.draw(kind, truth, output, {"wind": 0.1, "rain": -0.01}, tmp_path)

    assert {file.stem for file in files} == names | {"importance"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_dollars_in_names_are_no_formulas(tmp_path: Path) -> None:
    names = np.array(["$1k_to_$5k", "more", "none"])
    truth, said = np.tile(names, 20), Output(np.roll(np.tile(names, 20), 1), None, names)

    files = plots.draw(Kind.MULTICLASS, truth, said, {"price_$_net_$": 0.1}, tmp_path)

    assert {file.stem for file in files} == {"confusion", "per_class", "importance"}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_confusion_counts_rows_of_each_class_by_what_they_were_called() -> None:
    figure = plots.confusion(np.array([0, 0, 0, 1]), Output(np.array([0, 0, 1, 1])))

    assert texts(figure) == ["2", "1", "0", "1"]


def test_roc_tells_its_area() -> None:
    figure = plots.roc(TRUTH, BINARY)

    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "AUC 1.000"


def test_importance_shows_the_dearest_on_top() -> None:
    figure = plots.importances({f"f{i}": i / 100 for i in range(30)})

    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"f{i}" for i in range(10, 30)]


def test_importance_says_of_how_many_features_it_is_unknown() -> None:
    figure = plots.importances({"wind": 0.1, "rain": None, "sun": 0.2})

    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["wind", "sun"]
    assert texts(figure) == ["unknown of 1 of 3 features:\nnot defined on these rows"]

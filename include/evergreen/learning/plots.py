"""The pictures of a trained candidate, as PNG files for MLflow.

No pyplot: figures are objects here, without a global state that forked tasks would share.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_curve

from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.spec import Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

INK, SOFT, MARK = "#1f4e43", "#9aa5a1", "#c2572b"


def draw(
    kind: Kind, truth: Array, output: Output, importance: Mapping[str, float | None], folder: Path
) -> list[Path]:
    """Draw what suits the kind from the held-out rows; return the PNG files.

    Binary: ROC, calibration, confusion. Multiclass: confusion, per class. Regression: residuals,
    predicted against actual. Each: importance, the metric lost when a feature is shuffled.
    """
    pictures = {
        Kind.BINARY: {"roc": roc, "calibration": calibration, "confusion": confusion},
        Kind.MULTICLASS: {"confusion": confusion, "per_class": per_class},
        Kind.REGRESSION: {"residuals": residuals, "predicted_vs_actual": predicted_vs_actual},
    }[kind]
    if output.probabilities is None:
        pictures = {n: p for n, p in pictures.items() if n not in {"roc", "calibration"}}
    figures = {name: picture(truth, output) for name, picture in pictures.items()}
    figures["importance"] = importances(importance)
    return [_save(figure, folder / f"{name}.png") for name, figure in figures.items()]


def roc(truth: Array, output: Output) -> "Figure":
    """Draw the ROC curve of the positive class."""
    figure, axes = _axes("ROC", "false positive rate", "true positive rate")
    positive = _positive(truth, output)
    wrong, right, _ = roc_curve(positive, output.positive)
    area = metrics.roc_auc(truth, output)
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=":")
    axes.plot(wrong, right, color=INK, label=f"AUC {area:.3f}" if area is not None else None)
    axes.legend(loc="lower right", frameon=False)
    return figure


def calibration(truth: Array, output: Output) -> "Figure":
    """Draw the observed share against the mean predicted probability, in bins of equal mass."""
    error = metrics.calibration_error(truth, output)
    figure, axes = _axes(f"Calibration (error {error:.3f})", "predicted", "observed")
    order = np.argsort(output.positive, kind="stable")
    parts = np.array_split(order, min(metrics.BINS, len(order)))
    came_true = _positive(truth, output)
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=":")
    predicted = [output.positive[part].mean() for part in parts]
    axes.plot(predicted, [came_true[part].mean() for part in parts], color=INK, marker="o")
    return figure


def confusion(truth: Array, output: Output) -> "Figure":
    """Draw how many rows of each class were called what."""
    classes = np.union1d(truth, output.labels)
    counts = confusion_matrix(truth, output.labels, labels=classes)
    figure, axes = _axes("Confusion", "predicted", "actual")
    axes.imshow(counts, cmap="Greens")
    axes.set_xticks(range(len(classes)), [str(c) for c in classes])
    axes.set_yticks(range(len(classes)), [str(c) for c in classes])
    for (row, column), count in np.ndenumerate(counts):
        dark = count > counts.max() / 2
        axes.text(column, row, count, ha="center", va="center", color="white" if dark else "black")
    return figure


def per_class(truth: Array, output: Output) -> "Figure":
    """Draw precision and recall of each class."""
    classes, hit, said, true = metrics.hits(truth, output)
    figure, axes = _axes("Per class", "", "share")
    places = np.arange(len(classes))
    axes.bar(places - 0.2, hit / np.maximum(said, 1), 0.38, label="precision", color=INK)
    axes.bar(places + 0.2, hit / np.maximum(true, 1), 0.38, label="recall", color=MARK)
    axes.set_xticks(places, [str(c) for c in classes])
    axes.set_ylim(0, 1.2)
    axes.legend(loc="upper center", ncols=2, frameon=False)
    return figure


def residuals(truth: Array, output: Output) -> "Figure":
    """Draw how far off each prediction is, against the prediction."""
    figure, axes = _axes("Residuals", "predicted", "actual − predicted")
    axes.axhline(0, color=SOFT, linestyle=":")
    axes.scatter(output.labels, truth - output.labels, s=8, color=INK, alpha=0.5)
    return figure


def predicted_vs_actual(truth: Array, output: Output) -> "Figure":
    """Draw each prediction against the truth."""
    figure, axes = _axes("Predicted and actual", "actual", "predicted")
    ends = [min(truth.min(), output.labels.min()), max(truth.max(), output.labels.max())]
    axes.plot(ends, ends, color=SOFT, linestyle=":")
    axes.scatter(truth, output.labels, s=8, color=INK, alpha=0.5)
    return figure


def importances(importance: Mapping[str, float | None]) -> "Figure":
    """Draw what shuffling each feature costs, the 20 dearest on top; None: it is not known."""
    title = "Importance, on rows that it has learned from"
    figure, axes = _axes(title, "metric lost when the feature is shuffled", "", left=0.32)
    known = {name: value for name, value in importance.items() if value is not None}
    dearest = sorted(known.items(), key=lambda item: item[1])[-20:]
    axes.barh([name for name, _ in dearest], [value for _, value in dearest], color=INK)
    if unknown := len(importance) - len(known):
        told = f"unknown of {unknown} of {len(importance)} features:\nnot defined on these rows"
        axes.text(0.97, 0.03, told, ha="right", color=MARK, transform=axes.transAxes)
    return figure


def _positive(truth: Array, output: Output) -> Array:
    positive: Array = truth == output.classes[-1]  # type: ignore[index]
    return positive


def _axes(title: str, x: str, y: str, left: float = 0.17) -> tuple["Figure", "Axes"]:
    """Return empty axes with fixed margins: a computed layout doubles the time to draw."""
    from matplotlib.figure import Figure  # not above: only trainings draw

    figure = Figure(figsize=(5, 4))
    figure.subplots_adjust(left=left, right=0.96, bottom=0.14, top=0.91)
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: "Figure", file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    for axes in figure.axes:  # a `$` of a class or of a feature begins no formula
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)
    figure.savefig(file, dpi=100)
    return file

"""Refuse an estimator that cannot be saved safely, before it is fitted on all rows.

    probing.check(recipe, rows, positions)      # or ModelRefused: which type, and what can be done

What a fit holds shows itself when it is fitted, so it is: on a few of the rows that it would learn
from.
"""

import logging
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from evergreen.errors import ModelRefused
from evergreen.learning import models
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.spec import Kind

log = logging.getLogger(__name__)
Array = NDArray[Any]

ROWS, PER_CLASS = 60, 12


def check(recipe: Recipe, kind: Kind, rows: Rows, positions: Array) -> None:
    """Fit a recipe on a few rows, and look whether what comes out could be saved.

    An estimator that a few rows are too few for is let through: saving it looks again.

    Args:
        recipe: to be probed.
        kind: of a classification every class is among the few rows.
        rows: of the training.
        positions: of those that a fit may learn from.

    Raises:
        ModelRefused: it holds a type that is not trusted.
    """
    model = recipe.fresh()
    _refuse(recipe.name, model)
    few = some(positions, None if kind is Kind.REGRESSION else rows.truth[positions])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model[1:].fit(rows.take(few), rows.truth[few])
        except Exception as error:
            log.info("%s cannot be probed on %s rows: %s", recipe.name, len(few), error)
            return
    _refuse(recipe.name, model)


def some(positions: Array, classes: Array | None) -> Array:
    """Return a few positions, evenly spaced; of each class some."""
    if classes is None:
        return _spaced(positions, ROWS)
    parts = [_spaced(positions[classes == one], PER_CLASS) for one in np.unique(classes)]
    return np.sort(np.concatenate(parts))


def _spaced(positions: Array, most: int) -> Array:
    places = np.linspace(0, len(positions) - 1, min(most, len(positions))).astype(int)
    chosen: Array = positions[places]
    return chosen


def _refuse(name: str, model: Pipeline) -> None:
    from skops import io  # not above: it imports all of scikit-learn

    try:
        strange = models.strange_types(io.dumps(model))
    except Exception as error:
        raise ModelRefused(f"{name} cannot be saved: {error}; {ADVICE}") from error
    if strange:
        raise ModelRefused(
            f"{name} cannot be saved safely, as it holds {', '.join(strange)}; {ADVICE}"
        )


ADVICE = (
    "use estimators of scikit-learn, LightGBM or XGBoost (some of scikit-learn's hold what only a"
    " pickle can), and put code of your own into features.function, whose text the model carries"
)

"""Where fits are made: in this process, or wherever `EVERGREEN_COMPUTE` says.

    with of(settings) as compute:
        for made in compute.run([Fit(recipe, fold), Fit(other, fold)], rows):
            made.output, made.seconds        # in the order that they were asked for

The same fits of the same rows give the same answers to the last digit, wherever they are made.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sklearn.pipeline import Pipeline

from evergreen.data.splits import Fold
from evergreen.learning import models, weighing
from evergreen.learning.crews import Crew, Here
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.settings import LOCAL as HERE
from evergreen.settings import Settings


@dataclass(frozen=True)
class Fit:
    """A fit that is to be made, and the rows that it is to answer."""

    recipe: Recipe
    fold: Fold


@dataclass(frozen=True)
class Made:
    """What a fit answered."""

    output: Output
    """Of the fold's test rows."""
    seconds: float
    """That fitting and answering took, where they were done."""


class Compute(Protocol):
    """Makes fits."""

    def run(self, fits: Iterable[Fit], rows: Rows) -> Iterator[Made]:
        """Yield what each fit answers, in the order of the fits.

        Whatever an estimator raises passes through, when its turn comes.
        """

    def crew(self, recipe: Recipe) -> Crew | None:
        """Return who makes a fit of a recipe together; None: one process alone."""


class Local:
    """Makes one fit after the other in this process, each when it is asked for."""

    def run(self, fits: Iterable[Fit], rows: Rows) -> Iterator[Made]:
        """Yield what each fit answers."""
        for fit in fits:
            yield made(
                fit.recipe.fresh()[1:], fit.recipe.half_life, rows, fit.fold, self.crew(fit.recipe)
            )

    def crew(self, recipe: Recipe) -> Crew | None:
        """Return processes of this machine; None: this one alone."""
        return Here(recipe.num_workers) if recipe.num_workers > 1 else None


LOCAL = Local()


@contextmanager
def of(settings: Settings) -> Iterator[Compute]:
    """Yield what `EVERGREEN_COMPUTE` says; a cluster is connected to when a fit is asked for."""
    if settings.compute == HERE:
        yield LOCAL
        return
    from evergreen.learning.on_ray import OnRay

    with OnRay(settings.compute) as cluster:
        yield cluster


def made(
    model: Pipeline,
    half_life: timedelta | None,
    rows: Rows,
    fold: Fold,
    crew: Crew | None = None,
) -> Made:
    """Fit the steps behind the features, in place, and answer the fold's test rows."""
    began = time.perf_counter()
    weights = weighing.weights(rows, fold.train, half_life)
    weighing.fit(model, rows.chosen(fold.train), rows.truth[fold.train], weights, crew)
    output = models.predict(model, rows.take(fold.test))
    return Made(output, time.perf_counter() - began)

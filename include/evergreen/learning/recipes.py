"""A recipe: candidate + parameters + window (half-life, number of workers) + features + code.

    recipe = Recipe.of(weather, weather.candidate("forest_60d"), {"max_depth": 4})
    recipe.digest                    # the same on every machine, whatever else the module says
    recipe.fresh()                   # an unfitted pipeline: features, prepare, estimator
    Recipe.behind(champion_model, ref.recipe)    # the recipe of a fit, as the records have it

Recipes are judged. A champion's recipe comes out of its own fit, so that it can be fitted anew when
today's declaration names other candidates, or other features.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from evergreen.learning import boosted, models, spreading
from evergreen.learning.feature_code import FeatureCode
from evergreen.learning.provenance import environment
from evergreen.refs import RecipeRef
from evergreen.spec import Candidate, UseCase


@dataclass(frozen=True)
class Recipe:
    """What makes fits: judged once, fitted again and again."""

    name: str
    """Of the contender or baseline."""
    model: Pipeline
    """Unfitted, without decision threshold or intervals: those are learned from predictions."""
    window: timedelta | None
    """How far back from its newest row a fit learns; None: as far as the use case allows."""
    parameters: Mapping[str, Any]
    """What a search chose, on rows before those that judge it."""
    half_life: timedelta | None = None
    """A row so much older than the newest counts half in a fit; None: as much."""
    num_workers: int = 1
    """Processes that make each fit."""

    @classmethod
    def of(cls, use_case: UseCase, candidate: Candidate, parameters: Mapping[str, Any]) -> Self:
        """Return the recipe of a contender or baseline with some parameters.

        Raises:
            DeclarationError: several workers cannot make its fits.
        """
        model = models.pipeline(use_case, candidate, parameters)
        spreading.check(model[-1], candidate.num_workers)
        return cls(
            candidate.name, model, candidate.window, dict(parameters), candidate.half_life,
            candidate.num_workers,
        )  # fmt: skip

    @classmethod
    def behind(cls, fit: Pipeline, about: RecipeRef) -> Self:
        """Return the recipe that a fit was made by."""
        steps = [*fit.steps[:-1], (fit.steps[-1][0], models.bare(fit.steps[-1][1]))]
        model = clone(Pipeline(steps))
        return cls(
            about.name, model, about.window, about.parameters, about.half_life, about.num_workers
        )

    @property
    def code(self) -> FeatureCode:
        """Return its first step, which computes the features."""
        code: FeatureCode = self.model[0]
        return code

    @cached_property
    def environment(self) -> dict[str, str]:
        """Return the versions that its fits depend on."""
        return environment() | boosted.versions(self.model)

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of all that makes it another recipe."""
        about = [described(self.model), str(self.window)]
        about += [f"half-life {self.half_life}"] if self.half_life else []
        about += [f"workers {self.num_workers}"] if self.num_workers > 1 else []
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    @property
    def ref(self) -> RecipeRef:
        """Return what the records keep of it."""
        return RecipeRef(
            name=self.name,
            digest=self.digest,
            window=self.window,
            half_life=self.half_life,
            num_workers=self.num_workers,
            parameters={name: plain(value) for name, value in self.parameters.items()},
        )

    def fresh(self, **held: Any) -> Pipeline:
        """Return an unfitted copy that holds a decision threshold or a half width, where given."""
        *before, (name, estimator) = clone(self.model).steps
        return Pipeline([*before, (name, models.wrapped(estimator, **held))])


def described(value: Any) -> Any:
    """Return a description of estimators and their parameters, in plain JSON types."""
    if isinstance(value, BaseEstimator):
        kind = type(value)
        inner = {name: described(one) for name, one in value.get_params(deep=False).items()}
        return {"type": f"{kind.__module__}.{kind.__qualname__}", "with": inner}
    if isinstance(value, Mapping):
        return {str(name): described(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [described(one) for one in value]
    return plain(value)


def plain(value: Any) -> Any:
    """Return a parameter as a plain JSON type; what has none as its text."""
    if isinstance(value, np.generic):
        value = value.item()
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return value if isinstance(value, str | int | float | bool | None) else repr(value)

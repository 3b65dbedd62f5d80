"""Features: one definition, carried by the model, used in training and in serving alike.

`FeatureCode` is the first step of every model. It holds the text of the use case's feature function,
so that a champion trained with old feature code keeps its own.
"""

import ast
import hashlib
import linecache
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from evergreen.errors import DeclarationError
from evergreen.spec import UseCase

_compiled: dict[str, ModuleType] = {}


class FeatureCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Raw rows in, features out: the same rows, in the same order.

    Loading a model gives this class text that `transform` executes. Check the digest of the model
    file before you load it (`models.load` does): the digest is the guard, not the list of types.

    Args:
        source: text of a Python module that defines `function`; empty: the columns are selected.
        function: name of the function, `DataFrame -> DataFrame`.
        inputs: raw columns that it reads.
        numeric: features that become float64, missing is NaN.
        categorical: features that become text, missing is NaN.
    """

    def __init__(
        self,
        source: str = "",
        function: str = "",
        inputs: Sequence[str] = (),
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.function = function
        self.inputs = inputs
        self.numeric = numeric
        self.categorical = categorical

    @property
    def digest(self) -> str:
        """The sha256 of the source, which names the code in MLflow."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, raw: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Learn nothing: features of a row depend on the raw rows alone."""
        return self

    def transform(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return the features of each raw row, on the same index.

        Raises:
            DeclarationError: the function lost rows or columns, or a numeric feature is not a number.
            KeyError: a raw column is missing.
        """
        inputs = raw[list(self.inputs)]
        found = _module(self.source).__dict__[self.function](inputs) if self.source else inputs
        self._check(raw, found)
        columns = {name: _number(found[name]) for name in self.numeric}
        columns |= {name: _text(found[name]) for name in self.categorical}
        return pd.DataFrame(columns, index=raw.index)

    def _check(self, raw: pd.DataFrame, found: object) -> None:
        place = f"features.function {self.function}()"
        if not isinstance(found, pd.DataFrame):
            raise DeclarationError(place, type(found).__name__, "a DataFrame as its result")
        if not found.index.equals(raw.index):
            got = f"{len(found)} rows for {len(raw)}, or another index"
            raise DeclarationError(place, got, "the same rows: `index=raw.index`")
        missing = [c for c in (*self.numeric, *self.categorical) if c not in found]
        if missing:
            raise DeclarationError(place, list(found), f"columns that include {missing}")


def code(use_case: UseCase) -> FeatureCode:
    """Return the first step of the use case's models.

    Raises:
        DeclarationError: the function is not at the top of a module file.
    """
    declared = use_case.features
    source = "" if declared.function is None else _source(declared.function)
    name = "" if declared.function is None else declared.function.__name__
    return FeatureCode(
        source, name, list(declared.raw), list(declared.numeric), list(declared.categorical)
    )


def compute(use_case: UseCase, raw: pd.DataFrame) -> pd.DataFrame:
    """Return the features of raw rows in time order: same index, `features.columns`."""
    features: pd.DataFrame = code(use_case).transform(raw)
    return features


def _source(function: Callable[..., Any]) -> str:
    path = Path(function.__code__.co_filename)
    if "." in function.__qualname__ or not path.is_file():
        raise DeclarationError(
            "features.function", function.__qualname__, "a function at the top of a module"
        )
    return needed(path.read_text(), function.__name__)


def needed(source: str, name: str) -> str:
    """Return the statements of a module that the function needs, in their order.

    A model then keeps its features when the rest of its module (thresholds, candidates) changes.
    """
    statements = ast.parse(source).body
    wanted, kept, grew = {name}, set[int](), True
    while grew:
        found = {i for i, s in enumerate(statements) if wanted & _bound(s)}
        grew = found != kept
        kept = found
        wanted |= {n.id for i in kept for n in ast.walk(statements[i]) if isinstance(n, ast.Name)}
    lines = source.splitlines()
    parts = [_lines(lines, statements[i]) for i in sorted(kept)]
    return "\n\n".join(parts) + "\n"


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines or changes; `*` imports bind all."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(statement, ast.Expr):
            names |= {node.id} if isinstance(node.ctx, ast.Store) else set()
    return names


def _lines(lines: list[str], statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _module(source: str) -> ModuleType:
    """Execute the source once per process, as a module of its own."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    if digest not in _compiled:
        name = f"evergreen_features_{digest[:12]}"
        module = ModuleType(name)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        sys.modules[name] = module
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102
        _compiled[digest] = module
    return _compiled[digest]


def _number(values: "pd.Series[Any]") -> "pd.Series[float]":
    try:
        return pd.Series(values.to_numpy(dtype=float, na_value=np.nan), index=values.index)
    except (TypeError, ValueError) as error:
        raise DeclarationError(
            f"features.numeric {values.name!r}", str(values.dtype), f"numbers ({error})"
        ) from error


def _text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    codes, names = pd.factorize(values)
    texts = np.array([*map(_name, names), np.nan], dtype=object)
    return pd.Series(texts[codes], index=values.index, dtype=object)


def _name(value: Any) -> str:
    """Write a category as text; 3.0 is '3', as an integer column with a gap reads as floats."""
    return f"{value:g}" if isinstance(value, float) else str(value)

"""LightGBM and XGBoost without a pickle: fitted, they are held as their own text (or UBJSON).

    Boosted.of(LGBMClassifier(num_leaves=15))         # unfitted, with the same parameters
    within(make_pipeline(scale, XGBRegressor()))      # the same, wherever one is inside

A fit answers by what was read back from that text, so what serves is what was judged. The packages
are imported when such a model is fitted or loaded, and by nobody else.
"""

import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from evergreen.errors import DeclarationError, ModelRefused
from evergreen.learning import streaming
from evergreen.learning.streaming import Streamed

if TYPE_CHECKING:
    from evergreen.learning.crews import Crew

Array = NDArray[Any]

NAMES = {
    "lightgbm": ("LGBMClassifier", "LGBMRegressor"),
    "xgboost": ("XGBClassifier", "XGBRegressor"),
}
"""Packages, and what of them can be held."""
QUIET = {
    "lightgbm": {"deterministic": True, "force_row_wise": True, "verbosity": -1},
    "xgboost": {"verbosity": 0},
}
"""What is set where the declaration leaves it open: the same rows give the same trees."""
STOPS = ("early_stopping_rounds", "early_stopping_round")
NEWEST = 0.1
"""Share of the rows, the last, that tells when to stop: the newest, where rows have a time."""
_THREADS = re.compile(r"\[num_threads: -?\d+\]")


@dataclass(frozen=True)
class Learning:
    """What a fit is given."""

    matrix: Any
    """n × features numbers: an array, columns (pandas, Arrow), or rows that pass by."""
    truth: Array
    weights: Array | None
    categories: list[int]
    """Columns that are split as categories."""
    late: tuple[Any, Array] | None
    """Rows and labels that tell when to stop."""
    crew: "Crew | None" = None
    """Who learns it together; None: this process."""


class Boosted(BaseEstimator):  # type: ignore[misc]
    """An estimator of another package, by name and parameters.

    Args:
        name: package and class, `lightgbm.LGBMClassifier`.
        parameters: those that were declared, of plain JSON types.
    """

    def __init__(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        self.name = name
        self.parameters = parameters

    @staticmethod
    def of(estimator: BaseEstimator) -> "Boosted":
        """Return what stands for an unfitted estimator of LightGBM or XGBoost.

        Raises:
            DeclarationError: a parameter is no plain value, such as a function of one's own.
        """
        kind = type(estimator)
        package, usual = kind.__module__.partition(".")[0], kind().get_params()
        given = estimator.get_params().items()
        declared = {n: v for n, v in given if n not in usual or not _same(v, usual[n])}
        for parameter, value in declared.items():
            if not _plain(value):
                raise DeclarationError(
                    f"{kind.__name__}({parameter}=)", value, "a plain value, as text can hold it"
                )
        if declared.get("objective") == "multi:softmax":
            told = "multi:softprob, which gives the probabilities that answers are made of"
            raise DeclarationError(f"{kind.__name__}(objective=)", "multi:softmax", told)
        made = BoostedClassifier if isinstance(estimator, ClassifierMixin) else BoostedRegressor
        return made(f"{package}.{kind.__name__}", declared)

    @property
    def package(self) -> str:
        """Return whose it is."""
        return self.name.partition(".")[0]

    def fit(
        self,
        rows: Any,
        truth: Array,
        sample_weight: Array | None = None,
        crew: "Crew | None" = None,
    ) -> Self:
        """Fit on n × features numbers; columns of pandas categories are split as categories."""
        matrix, numbers = self._given(rows), self._numbers(truth)  # before what is declared of it
        size, self.n_features_in_ = matrix.shape
        options = QUIET[self.package] | self._declared(rows)
        cut = _learning(options, size)
        late = (matrix[cut:], numbers[cut:]) if cut < size else None
        weights = None if sample_weight is None else np.asarray(sample_weight)[:cut]
        learning = Learning(matrix[:cut], numbers[:cut], weights, _categories(rows), late, crew)
        made = getattr(_module(self.package), self.name.partition(".")[2])
        self.model_ = FITS[self.package](made, options, learning)
        self.__dict__.pop("booster", None)
        return self

    @cached_property
    def booster(self) -> Any:
        """Return the trees, read from their text."""
        module = _module(self.package)
        if self.package == "lightgbm":
            return module.Booster(model_str=self.model_.decode())
        booster = module.Booster({"nthread": 1})
        booster.load_model(bytearray(self.model_))
        return booster

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "booster"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "model_" in state:
            _ = self.booster  # who cannot read it hears so now, and not from the first request

    def _answer(self, rows: Any) -> Array:
        matrix = _matrix(rows)
        if self.package == "lightgbm":
            said = self.booster.predict(matrix, num_threads=1)
        else:
            best = self.booster.attributes().get("best_iteration")
            until = int(best) + 1 if best else 0
            said = self.booster.inplace_predict(
                matrix, iteration_range=(0, until), validate_features=False,
                missing=(self.parameters or {}).get("missing", np.nan),
            )  # fmt: skip
        return np.asarray(said, dtype=float)

    def _given(self, rows: Any) -> Any:
        """Return what the package learns from: columns where they lie, or rows that pass by."""
        if not isinstance(rows, pd.DataFrame):
            return rows
        return _table(rows) if self.package == "lightgbm" else _columns(rows)

    def _declared(self, rows: Any) -> dict[str, Any]:
        """Return the parameters, with constraints in the order of the columns."""
        declared = dict(self.parameters or {})
        signs = declared.get("monotone_constraints")
        if isinstance(signs, dict) and hasattr(rows, "columns"):
            if strange := sorted(set(signs) - set(rows.columns)):
                allowed = ", ".join(map(str, rows.columns))
                raise DeclarationError("monotone_constraints", strange, allowed)
            ordered = [signs.get(name, 0) for name in rows.columns]
            text = f"({','.join(map(str, ordered))})"
            declared["monotone_constraints"] = ordered if self.package == "lightgbm" else text
        return declared

    def _numbers(self, truth: Array) -> Array:
        return np.asarray(truth, dtype=float)


class BoostedClassifier(ClassifierMixin, Boosted):  # type: ignore[misc]
    """Classes, numbered for the package as they are sorted."""

    def _numbers(self, truth: Array) -> Array:
        self.classes_, numbers = np.unique(truth, return_inverse=True)
        return numbers

    def _declared(self, rows: Any) -> dict[str, Any]:
        declared = super()._declared(rows)
        weights = declared.get("class_weight")
        if isinstance(weights, dict):
            numbered = dict(zip(self.classes_.tolist(), range(len(self.classes_)), strict=True))
            declared["class_weight"] = {numbered[name]: w for name, w in weights.items()}
        return declared

    def predict_proba(self, rows: Any) -> Array:
        """Return n × k probabilities, the classes sorted."""
        said = self._answer(rows)
        return said if said.ndim == 2 else np.column_stack([1 - said, said])

    def predict(self, rows: Any) -> Array:
        """Return the likeliest class of each row."""
        labels: Array = self.classes_[self.predict_proba(rows).argmax(axis=1)]
        return labels


class BoostedRegressor(RegressorMixin, Boosted):  # type: ignore[misc]
    """Numbers."""

    def predict(self, rows: Any) -> Array:
        """Return the value of each row."""
        return self._answer(rows)


def within(estimator: Any) -> Any:
    """Return the estimator with `Boosted` in place of what it holds of LightGBM and XGBoost."""
    if _is_foreign(estimator):
        return Boosted.of(estimator)
    inner = {n: Boosted.of(v) for n, v in estimator.get_params().items() if _is_foreign(v)}
    return estimator.set_params(**inner) if inner else estimator


def versions(model: Any) -> dict[str, str]:
    """Return what a model needs of PyPI besides scikit-learn's, with the versions that are here.

    Raises:
        ModelRefused: it is not installed.
    """
    parts = [model, *model.get_params().values()]
    return dict(installed(one) for one in {p.package for p in parts if isinstance(p, Boosted)})


def installed(package: str) -> tuple[str, str]:
    """Return the name that PyPI has a package by, and the version that is here, or refuse it."""
    for name in (package, f"{package}-cpu"):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    raise _missing(package)


def _is_foreign(value: Any) -> bool:
    kind = type(value)
    return kind.__name__ in NAMES.get(kind.__module__.partition(".")[0], ())


def _module(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise _missing(package) from error


def _missing(package: str) -> ModelRefused:
    return ModelRefused(
        f"the model is of {package}, which is not installed here:"
        f" pip install 'evergreen[{package}]'"
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (one != one and other != other)
    return type(one) is type(other) and bool(one == other)


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def _matrix(rows: Any) -> Any:
    """Return numbers: of a DataFrame its columns (categories are numbers as well), else as is."""
    if not isinstance(rows, pd.DataFrame):
        return rows
    columns = [rows[name].astype(float).to_numpy() for name in rows]
    return np.column_stack(columns)


def _table(rows: pd.DataFrame) -> Any:
    """Return the numbers of `_matrix` column by column, without a copy of those that are floats.

    The names are those that LightGBM gives to columns without one.
    """
    import pyarrow as pa  # not above: who serves needs none

    columns = (rows[name] for name in rows)
    arrays = [pa.array(_floats(column).to_numpy(), from_pandas=False) for column in columns]
    return pa.table(arrays, names=[f"Column_{n}" for n in range(len(arrays))])


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the same as pandas has it, which XGBoost takes where it lies."""
    columns = {n: _floats(rows[name]) for n, name in enumerate(rows)}
    return pd.DataFrame(columns, copy=False)


def _floats(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column as floats; codes of categories, few whole numbers, as small ones."""
    if column.dtype in ("float64", "float32"):
        return column
    codes = isinstance(column.dtype, pd.CategoricalDtype)
    return column.astype("float32" if codes else float)


def _categories(rows: Any) -> list[int]:
    if not hasattr(rows, "dtypes"):
        return []
    kinds = [isinstance(kind, pd.CategoricalDtype) for kind in rows.dtypes]
    return np.flatnonzero(kinds).tolist()


def _learning(options: dict[str, Any], rows: int) -> int:
    """Return how many rows are learned from; those after them tell when to stop, if asked for."""
    stops = any(options.get(name) for name in STOPS)
    return rows - int(rows * NEWEST) if stops else rows


def _fit_lightgbm(made: Any, options: dict[str, Any], rows: Learning) -> bytes:
    if isinstance(rows.matrix, Streamed):
        return _plain_text(streaming.lightgbm(made(**options), rows))
    given: dict[str, Any] = {"sample_weight": rows.weights}
    if rows.late:
        given |= {"eval_X": rows.late[0], "eval_y": rows.late[1]}
    if rows.categories:
        given |= {"categorical_feature": rows.categories}
    fitted = made(**options).fit(rows.matrix, rows.truth, **given)
    return _plain_text(fitted.booster_.model_to_string())


def _plain_text(trees: str) -> bytes:
    return _THREADS.sub("[num_threads: 0]", trees).encode()  # the machine's, not the model's


def _fit_xgboost(made: Any, options: dict[str, Any], rows: Learning) -> bytes:
    given = {"sample_weight": rows.weights, "eval_set": [rows.late] if rows.late else None}
    if rows.categories:
        kinds = ["c" if n in rows.categories else "q" for n in range(rows.matrix.shape[1])]
        options = options | {"feature_types": kinds, "enable_categorical": True}
    if rows.crew is not None:
        trees = rows.crew.learn(streaming.lesson(made(**options), rows))
        booster = _module("xgboost").Booster(model_file=bytearray(trees))
    elif isinstance(rows.matrix, Streamed):
        booster = streaming.xgboost(streaming.lesson(made(**options), rows))
    else:
        booster = made(**options).fit(rows.matrix, rows.truth, verbose=False, **given).get_booster()
    booster.feature_names, booster.feature_types = None, options.get("feature_types")
    return bytes(booster.save_raw("ubj"))


FITS = {"lightgbm": _fit_lightgbm, "xgboost": _fit_xgboost}
"""How each package is asked to fit, and to write down what came out."""

"""What stands between features and estimator, fitted to what the estimator takes.

    preparing.preparation(use_case, candidate, candidate.build())     # unfitted

| the estimator | numbers | categories | more than 255 of them | text | dates |
| --- | --- | --- | --- | --- | --- |
| takes gaps and categories as they are | as they are | codes | target encoding | 64 words | parts |
| another | median, scaled | one-hot | target encoding, scaled | 1,000 words | parts, scaled |
| prepares itself (a Pipeline) | the declared columns, as a DataFrame | | | | |
| looks at none (scikit-learn's dummies) | nothing | | | | |

Missing is a category of its own, where the training rows have some; what they have not is no
category at all. One-hot and words are sparse where that is smaller and the estimator takes it.
Target encoding is cross-fitted among the rows of a fit, seeded, whatever their times: the blocks
that judge a recipe lie outside of all its fits. Of dates, what goes round (month, weekday, hour) is
sine and cosine, but for trees, which split it as it is. Categories that are declared to be hashed
are codes or one-hot of their buckets, where others are encoded by their targets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.ensemble._forest import BaseForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.tree import BaseDecisionTree
from sklearn.utils import get_tags

from evergreen.learning.boosted import Boosted
from evergreen.learning.dates import DateParts, Moments
from evergreen.learning.hashing import BUCKETS, Hashed
from evergreen.spec import Candidate, Features, Kind, UseCase

Array = NDArray[Any]
Part = tuple[str, Any, Any]

MOST_CATEGORIES = 255
"""More are encoded by their targets: it is what HistGradientBoosting has bins for."""
WORDS, DENSE_WORDS = 1_000, 64
"""The vocabulary of a text column, the most frequent; the fewer where every word is a number."""
FROM_DTYPE = "from_dtype"
TARGETS = {Kind.BINARY: "binary", Kind.MULTICLASS: "multiclass", Kind.REGRESSION: "continuous"}
"""What a TargetEncoder calls them; left alone it takes whole numbers for classes."""
TARGET_FOLDS = 5
TREES = (
    BaseDecisionTree, BaseForest, GradientBoostingClassifier, GradientBoostingRegressor,
    HistGradientBoostingClassifier, HistGradientBoostingRegressor, Boosted,
)  # fmt: skip


def preparation(use_case: UseCase, candidate: Candidate, estimator: BaseEstimator) -> Any:
    """Return the unfitted `prepare` step before an estimator."""
    features = use_case.features
    seen = _Seen.of(features, set(candidate.columns or features.columns))
    if prepares_itself(candidate, estimator):
        own = ("own", "passthrough", [*seen.numeric, *seen.categorical, *seen.text])
        return _as_frame([own, ("moments", Moments(), seen.dates)])
    if is_blind(estimator):
        return ColumnTransformer([])
    target, calendar = _by_target(use_case), DateParts(features.since, not splits(estimator))
    if (bound := native_bound(estimator)) is not None:
        return _as_frame(_native(seen, target, calendar, bound))
    parts = _numbers_alone(seen, target, calendar, get_tags(estimator))
    return ColumnTransformer([part for part in parts if _asks(part)])


@dataclass(frozen=True)
class _Seen:
    """The features that a candidate sees."""

    numeric: list[str]
    categorical: list[str]
    hashed: list[str]
    """Of the categories, those that are hashed if they are many."""
    text: list[str]
    dates: list[str]

    @classmethod
    def of(cls, features: Features, chosen: set[str]) -> Self:
        """Return the chosen ones; with a date the one that its days are counted from."""
        if chosen & set(features.dates) and features.since:
            chosen = chosen | {features.since}
        names = (features.numeric, features.categorical, features.hashed, features.text,
                 features.dates)  # fmt: skip
        return cls(*([name for name in some if name in chosen] for some in names))

    @property
    def by_target(self) -> list[str]:
        """The categories that are encoded by their targets if they are many."""
        return [name for name in self.categorical if name not in self.hashed]


def splits(estimator: BaseEstimator) -> bool:
    """Tell whether it is a tree, or of trees, which has no use for sine and cosine."""
    if isinstance(estimator, TREES):
        return True
    inner = [one for one in estimator.get_params().values() if isinstance(one, BaseEstimator)]
    return bool(inner) and all(map(splits, inner))


def is_blind(estimator: BaseEstimator) -> bool:
    """Tell whether it answers without a look at the features."""
    return isinstance(estimator, DummyClassifier | DummyRegressor)


def _by_target(use_case: UseCase) -> TargetEncoder:
    folds = KFold if use_case.kind is Kind.REGRESSION else StratifiedKFold
    parts = folds(TARGET_FOLDS, shuffle=True, random_state=use_case.seed)
    return TargetEncoder(target_type=TARGETS[use_case.kind], cv=parts)


def prepares_itself(candidate: Candidate, estimator: BaseEstimator) -> bool:
    """Tell whether what `build` returned is given the declared columns as they are."""
    declared = candidate.prepares_itself
    return isinstance(estimator, Pipeline) if declared is None else declared


def native_bound(estimator: BaseEstimator) -> int | None:
    """Return how many categories of a column the estimator takes as they are; None: none.

    An estimator around others (calibration, voting) takes what all of them take.
    """
    inner = [one for one in estimator.get_params().values() if isinstance(one, BaseEstimator)]
    if inner:
        bounds = [native_bound(one) for one in inner]
        return None if None in bounds else min(bound for bound in bounds if bound is not None)
    if isinstance(estimator, Boosted):
        return MOST_CATEGORIES
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        asked: Any = estimator.categorical_features
        taken = isinstance(asked, str) and asked == FROM_DTYPE
        return min(MOST_CATEGORIES, int(estimator.max_bins)) if taken else None
    return None


def _as_frame(parts: list[Part]) -> Any:
    made = ColumnTransformer(
        [part for part in parts if _asks(part)], verbose_feature_names_out=False
    )
    return made.set_output(transform="pandas")


def _native(seen: _Seen, target: Any, calendar: Any, bound: int) -> list[Part]:
    """Return the parts, codes first: HistGradientBoosting would move them there itself."""
    dates = Pipeline([("parts", calendar), ("numbers", AsTheyAre())])
    hashes = Pipeline([("hash", Hashed(bound)), ("codes", Codes())])
    return [
        ("codes", Codes(), Cardinality(seen.categorical, bound)),
        ("hashes", hashes, Cardinality(seen.hashed, bound, many=True)),
        ("numbers", AsTheyAre(), seen.numeric),
        ("targets", target, Cardinality(seen.by_target, bound, many=True)),
        ("words", Words(DENSE_WORDS, dense=True), seen.text),
        ("dates", dates, seen.dates),
    ]


def _numbers_alone(seen: _Seen, target: Any, calendar: Any, tags: Any) -> list[Part]:
    sparse = bool(tags.input_tags.sparse)
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    hashes = Pipeline([("hash", Hashed(BUCKETS if sparse else MOST_CATEGORIES)), ("encode", hot)])
    scaled = Pipeline([("encode", target), ("scale", StandardScaler())])
    words = Words(WORDS) if sparse else Words(DENSE_WORDS, dense=True)
    return [
        ("numeric", Pipeline(_scaling()), seen.numeric),
        ("categorical", hot, Cardinality(seen.categorical, MOST_CATEGORIES)),
        ("hashes", hashes, Cardinality(seen.hashed, MOST_CATEGORIES, many=True)),
        ("targets", scaled, Cardinality(seen.by_target, MOST_CATEGORIES, many=True)),
        ("words", words, seen.text),
        ("dates", Pipeline([("parts", calendar), *_scaling()]), seen.dates),
    ]


def _scaling() -> list[tuple[str, Any]]:
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return [("impute", impute), ("scale", StandardScaler())]


def _asks(part: Part) -> bool:
    columns = part[2]
    return bool(columns.names if isinstance(columns, Cardinality) else columns)


class Cardinality(BaseEstimator):  # type: ignore[misc]
    """Chooses, of some columns, those of few categories (or of many) among the training rows.

    Args:
        names: of the columns.
        bound: so many categories are few; missing counts as one.
        many: choose those that have more.
    """

    def __init__(self, names: list[str], bound: int = MOST_CATEGORIES, many: bool = False) -> None:
        self.names = names
        self.bound = bound
        self.many = many

    def __call__(self, rows: pd.DataFrame) -> list[str]:
        """Return the names, in their order."""
        return [n for n in self.names if (rows[n].nunique(dropna=False) > self.bound) == self.many]


class Codes(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts in, pandas categories out that are whole numbers from 0 on; never seen is NaN."""

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Number the categories of each column by their alphabet, and missing after them."""
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        self.categories_ = [_categories(rows[name]) for name in rows]
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return n × columns of codes, on the same index."""
        columns = zip(self.feature_names_in_, self.categories_, strict=True)
        coded = {name: _coded(rows[name], known) for name, known in columns}
        return pd.DataFrame(coded, index=rows.index)


class AsTheyAre(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers in, the same out; but a column without any value in a fit is 0 throughout.

    HistGradientBoosting has no bins for nothing, and no tree splits what does not vary.
    """

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Note the columns without any value."""
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        self.empty_ = [str(name) for name in rows if rows[name].isna().all()]
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return n × columns of numbers, on the same index."""
        return rows.assign(**dict.fromkeys(self.empty_, 0.0))


def _categories(values: "pd.Series[Any]") -> Array:
    found = sorted(values.dropna().unique().tolist())
    return np.array([*found, np.nan] if values.isna().any() else found, dtype=object)


def _coded(values: "pd.Series[Any]", known: Array) -> Any:
    codes = pd.Index(known, dtype=object).get_indexer(pd.Index(values, dtype=object))
    numbered = pd.CategoricalDtype(pd.RangeIndex(len(known)))
    return pd.Categorical.from_codes(codes, dtype=numbered)


class Words(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts in, the weight of each frequent word out (TF-IDF, each text of length 1).

    Args:
        most: words of each column, the most frequent.
        dense: return a DataFrame, for who takes no sparse matrix.
    """

    def __init__(self, most: int = WORDS, dense: bool = False) -> None:
        self.most = most
        self.dense = dense

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Learn each column's vocabulary.

        Raises:
            ValueError: a column has no word.
        """
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        self.vectorizers_ = [
            TfidfVectorizer(max_features=self.most, dtype=np.float32).fit(rows[name].fillna(""))
            for name in rows
        ]
        return self

    def transform(self, rows: pd.DataFrame) -> Any:
        """Return n × words, columns one after another."""
        from scipy import sparse

        names = self.feature_names_in_
        pairs = zip(self.vectorizers_, names, strict=True)
        found = sparse.hstack([one.transform(rows[name].fillna("")) for one, name in pairs], "csr")
        if not self.dense:
            return found
        return pd.DataFrame(found.toarray(), rows.index, self.get_feature_names_out())

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Return `column: word` of each column of the result."""
        return np.array([*self._words()], dtype=object)

    def _words(self) -> Iterator[str]:
        for name, one in zip(self.feature_names_in_, self.vectorizers_, strict=True):
            yield from (f"{name}: {word}" for word in one.get_feature_names_out())

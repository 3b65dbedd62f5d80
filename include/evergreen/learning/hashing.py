"""Categories by hash: however many there are, so many buckets, and none has to be seen before.

Hashed(buckets=255).fit_transform(rows[["tailnum"]])      # 0 to 254; missing is 0
"""

import hashlib
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

BUCKETS = 1_024
"""Of an estimator that takes sparse one-hot; others get as many as they take categories."""


@lru_cache(maxsize=65_536)
def bucket(text: str, buckets: int) -> int:
    """Return which bucket a category falls into, the same for ever: 1 to `buckets` - 1."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return 1 + int.from_bytes(digest) % (buckets - 1)


class Hashed(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts in, numbers of buckets out; missing is bucket 0.

    Args:
        buckets: so many, that of what is missing among them.
    """

    def __init__(self, buckets: int = BUCKETS) -> None:
        self.buckets = buckets

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Note the columns; nothing is learned of their values."""
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return n × columns of numbers of buckets, on the same index."""
        coded = {name: self._coded(rows[name]) for name in rows}
        return pd.DataFrame(coded, index=rows.index)

    def _coded(self, values: "pd.Series[Any]") -> Any:
        places, names = pd.factorize(values)
        known = [bucket(str(name), self.buckets) for name in names]
        return np.array([*known, 0])[places]  # what is missing has the place -1

"""What XGBoost is to learn, of few made-up rows, for crews to fit."""

from typing import Any

import numpy as np
from xgboost import XGBClassifier

from evergreen.learning import streaming
from evergreen.learning.boosted import Learning
from evergreen.learning.streaming import Lesson

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(400, 3))
LABELS = (NUMBERS[:, 0] + RANDOM.normal(size=400) > 0).astype(float)


def lesson(numbers: Any = NUMBERS, **parameters: Any) -> Lesson:
    """Return what an estimator is to learn, by one thread."""
    estimator = XGBClassifier(n_estimators=5, n_jobs=1, verbosity=0, **parameters)
    estimator.feature_types = None
    return streaming.lesson(estimator, Learning(numbers, LABELS, None, [], None))

"""Which estimators learn from rows that pass by, and which by several workers at once.

streams(boosted.within(LGBMClassifier()))          # True: it needs bins, and no rows
check(boosted.within(LGBMClassifier()), 2)         # DeclarationError: it learns alone
"""

from typing import Any

from evergreen.errors import DeclarationError
from evergreen.learning.boosted import Boosted

LINES = ("linear_tree", "linear_trees")
"""Of LightGBM: leaves that hold lines over numbers."""
BINNED: dict[str, tuple[Any, ...]] = {
    "tree_method": (None, "hist", "auto"), "booster": (None, "gbtree", "dart"),
    "feature_weights": (None,),
}  # fmt: skip
"""Of XGBoost: what learns from bins alone."""


def streams(estimator: Any) -> bool:
    """Tell whether it learns from rows that pass by: not where it needs more of them than bins."""
    if not isinstance(estimator, Boosted):
        return False
    declared = estimator.parameters or {}
    if estimator.package == "lightgbm":
        return not any(declared.get(name) for name in LINES)
    return all(declared.get(name) in allowed for name, allowed in BINNED.items())


def check(estimator: Any, num_workers: int) -> None:
    """Refuse several workers for what they cannot fit together: they add up bins, and no rows.

    Raises:
        DeclarationError: it is not XGBoost's, or is set to something else than bins.
    """
    if num_workers == 1:
        return
    if not isinstance(estimator, Boosted) or estimator.package != "xgboost":
        name = estimator.name if isinstance(estimator, Boosted) else type(estimator).__name__
        allowed = f"1 with {name}; more where build returns an XGBClassifier or XGBRegressor"
        raise DeclarationError("candidate.num_workers", num_workers, allowed)
    declared = estimator.parameters or {}
    for name, options in BINNED.items():
        if declared.get(name) not in options:
            allowed = f"{', '.join(map(str, options))} with num_workers={num_workers}"
            raise DeclarationError(name, declared[name], allowed)

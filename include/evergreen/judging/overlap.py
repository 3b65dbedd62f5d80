"""Had a fit seen the rows that it was judged on?

With time, the training of each block's fit must end before the block begins, by the embargo.
Without, a row is held out by its key for ever, and its key must not be among those of the twin.
"""

from collections.abc import Sequence

import pandas as pd

from evergreen.data import snapshots, splits
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.judging.evidence import Overlap, Role
from evergreen.learning.features import PART
from evergreen.refs import BlockRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.lengths import spelled


def of(
    role: Role,
    use_case: UseCase,
    built: FeaturesRef,
    blocks: Sequence[BlockRef],
    settings: Settings,
) -> Overlap:
    """Count the judged rows that the fits had seen, or whose labels they could know."""
    if not blocks:
        return Overlap(model=role, rows=None, how="its recipe could not be walked")
    if not use_case.windows.temporal:
        return Overlap(
            model=role, rows=_common_keys(use_case, built, settings), how="keys of both compared"
        )
    dated = [(one, one.trained_until, one.start) for one in blocks]
    if any(until is None or start is None for _, until, start in dated):
        return Overlap(model=role, rows=None, how="the time of a fit is not on record")
    seen = sum(
        one.rows
        for one, until, start in dated
        if until and start and until + use_case.embargo > start
    )
    how = f"{len(blocks)} blocks, each by a fit that ends {spelled(use_case.embargo)} before it"
    return Overlap(model=role, rows=seen, how=how)


def _common_keys(use_case: UseCase, built: FeaturesRef, settings: Settings) -> int:
    key = list(splits.grouping(use_case))
    columns = list(dict.fromkeys([*key, PART]))
    rows = snapshots.of(settings).frame(built.uri, built.sha256, columns)
    training, judged = (rows.loc[rows[PART] == part, key] for part in (TRAINING, HOLDOUT))
    return _common(training, judged)


def _common(some: pd.DataFrame, others: pd.DataFrame) -> int:
    """Count the distinct keys that are in both."""
    return len(some.drop_duplicates().merge(others.drop_duplicates(), how="inner"))

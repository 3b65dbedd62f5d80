"""Was a held-out row in the training of the challenger, or of the champion?

With time, the training must end before the holdout begins, by the embargo. Without, a row is held
out by its key for ever: the champion's training rows are found again in its snapshot, and their
keys compared with the keys held out today.
"""

from datetime import timedelta

import pandas as pd

from evergreen.data import snapshots, splits
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.errors import SnapshotCorrupt
from evergreen.judging.evidence import Overlap, Role
from evergreen.learning.features import PART, RawHoldout
from evergreen.refs import ChampionRef, FeaturesRef, Span
from evergreen.settings import Settings
from evergreen.spec import UseCase


def of_challenger(use_case: UseCase, built: FeaturesRef, settings: Settings) -> Overlap:
    """Count the keys that are in both parts, and the held-out rows within the embargo."""
    key = list(splits.grouping(use_case))
    store = snapshots.of(settings)
    columns = list(dict.fromkeys([*key, PART]))
    rows = store.frame(built.uri, built.sha256, columns)
    both = _common(rows[rows[PART] == TRAINING][key], rows[rows[PART] == HOLDOUT][key])
    if both or not use_case.windows.temporal:
        return Overlap(model=Role.CHALLENGER, rows=both, how="keys of both parts compared")
    return _in_time(Role.CHALLENGER, use_case, built.training, built, settings)


def of_champion(
    use_case: UseCase,
    built: FeaturesRef,
    champion: ChampionRef,
    holdout: RawHoldout,
    settings: Settings,
) -> Overlap:
    """Count the held-out rows that the champion was trained on."""
    if use_case.windows.temporal:
        return _in_time(Role.CHAMPION, use_case, champion.training, built, settings)
    key = list(splits.grouping(use_case))
    store = snapshots.of(settings)
    try:
        folder = store.find(use_case.name, champion.snapshot_sha256)
        rows = store.frame(folder, champion.snapshot_sha256, key)
    except (SnapshotCorrupt, OSError) as error:
        return _unknown(f"the snapshot that it was trained on cannot be read: {error}")
    part = splits.split(use_case, rows, built.snapshot.as_of)
    trained = rows[part == TRAINING]
    if len(trained) != champion.training.rows:
        return _unknown(
            f"today's split gives {len(trained):,} training rows of its snapshot, it had"
            f" {champion.training.rows:,}: the rule was another"
        )
    both = _common(trained, holdout.rows[holdout.mask][key])
    return Overlap(model=Role.CHAMPION, rows=both, how="keys of its snapshot compared")


def _unknown(why: str) -> Overlap:
    return Overlap(model=Role.CHAMPION, rows=None, how=why)


def _common(some: pd.DataFrame, others: pd.DataFrame) -> int:
    """Count the distinct keys that are in both."""
    return len(some.drop_duplicates().merge(others.drop_duplicates(), how="inner"))


def _in_time(
    role: Role, use_case: UseCase, training: Span, built: FeaturesRef, settings: Settings
) -> Overlap:
    """Count the held-out rows that are not later than the training's end plus the embargo."""
    holdout, embargo = built.holdout, use_case.windows.embargo
    if training.end is None or holdout.start is None:
        return Overlap(model=role, rows=None, how="the time of its training is not on record")
    first_free = training.end + embargo
    how = f"trained up to {training.end:%Y-%m-%d}, held out from {holdout.start:%Y-%m-%d}"
    if embargo:
        how += f", embargo {_days(embargo)}"
    if first_free < holdout.start:
        return Overlap(model=role, rows=0, how=how)
    time = str(use_case.source.timestamp)
    rows = snapshots.of(settings).frame(built.uri, built.sha256, [time, PART])
    held_out = pd.to_datetime(rows.loc[rows[PART] == HOLDOUT, time], utc=True)
    return Overlap(model=role, rows=int((held_out <= first_free).sum()), how=how)


def _days(length: timedelta) -> str:
    return f"{length.days} d" if not length.seconds else str(length)

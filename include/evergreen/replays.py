"""Replay a use case in this process: extract once, replay, and keep the result for the page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from evergreen import storage
from evergreen.data import extraction
from evergreen.learning import computing, features
from evergreen.learning.rows import Rows
from evergreen.records import Records
from evergreen.replaying import Replay, replay
from evergreen.replaying.period import YEAR, holdout_of
from evergreen.replaying.shelf import Shelf
from evergreen.settings import Settings
from evergreen.spec import UseCase


def run(
    use_case: UseCase,
    *,
    end: datetime,
    asked_at: datetime,
    start: datetime | None = None,
    step: timedelta | None = None,
    policies: Sequence[str] = (),
    records: Records,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Replay the history up to `end`; `tell` hears what is being done. Nothing goes on record.

    The rows are those of one snapshot: values that were put right later are right from the start.

    Raises:
        DataRefused: the rows cannot be read, or learned from.
        DeclarationError: the period, the step or a policy does not fit the use case.
    """
    longer = _further_back(use_case, end - (start or end - YEAR))
    tell("extract")
    with records.locks.hold(extraction.LOCK, use_case.name, shared=True):
        snapshot = extraction.extract(longer, as_of=end, asked_at=asked_at, settings=settings)
        tell("build_features")
        built = features.build(snapshot, longer, settings)
    data = features.data(built, longer, settings)
    rows, raw = _labelled(use_case, data.rows, data.raw.between(0, len(data.raw)))
    shelf = Shelf(storage.of(settings, storage.REPLAYS), use_case.name)
    with computing.of(settings) as compute:
        done = replay(
            use_case, rows, raw, end=end, start=start, step=step, policies=policies,
            memories=shelf.memory, compute=compute, tell=tell,
        )  # fmt: skip
    shelf.publish(done)
    return done


def _further_back(use_case: UseCase, length: timedelta) -> UseCase:
    """Return the use case with a window that reaches back before the period, however stale."""
    holdout, windows = holdout_of(use_case), use_case.windows
    if windows.training is not None:
        whole = windows.training + length + holdout + use_case.source.label_delay
        windows = replace(windows, training=whole)
    return replace(use_case, windows=windows, source=replace(use_case.source, max_age=None))


def _labelled(use_case: UseCase, rows: Rows, raw: pd.DataFrame) -> tuple[Rows, pd.DataFrame]:
    known = raw[use_case.source.target].notna().to_numpy()
    times = None if rows.times is None else rows.times[known].reset_index(drop=True)
    frame = rows.frame[known].reset_index(drop=True)
    weights = None if rows.weights is None else rows.weights[known]
    return Rows(frame, rows.truth[known], times, weights), raw[known].reset_index(drop=True)

"""What nobody asks over HTTP, scored in batch and labelled by query, is watched all the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from database import query, records_of
from evergreen import scoring
from evergreen.data import warehouse
from evergreen.refs import Outcome
from evergreen.spec import Labels, Scoring
from evergreen.steps import Run
from watching.conftest import END, HOUR, WINDOW, Shop, visitors

ASKED_AT = END - HOUR / 2


def batch(shop: Shop, rows: pd.DataFrame, labels: str = "SELECT id, bought FROM visitors") -> Shop:
    """Score visitors half an hour before the end of the window; they have bought, or not."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    warehouse.write(shop.url, "visitors", table, "replace")
    declared = replace(
        shop.use_case,
        scoring=Scoring(query="SELECT * FROM visitors", into="scored", logged=400),
        labels=Labels(query=labels),
    )
    scoring.score(
        declared,
        scoring.asked(declared, scoring.interval_of(declared, ASKED_AT, None, None)),
        Run(as_of=ASKED_AT, asked_at=ASKED_AT, key="batch", actor="ada"),
        records=records_of(shop.settings), settings=shop.settings,
    )  # fmt: skip
    return replace(shop, use_case=declared)


def drawn(shop: Shop, rows: int = 2000, **changes: Any) -> pd.DataFrame:
    return shop.resampled(rows).assign(id=np.arange(rows), **changes)


def test_a_calm_batch_is_calm_and_its_live_quality_is_known(shop: Shop) -> None:
    seen = batch(shop, drawn(shop)).watch()

    assert seen.outcome == Outcome.CALM, seen.sentence
    assert (seen.rows, seen.labelled) == (2000, 400)
    assert seen.live == pytest.approx(seen.holdout, abs=0.06)


def test_drift_of_a_batch_alarms(shop: Shop) -> None:
    moved = drawn(shop)
    moved[["spend", "age", "distance"]] *= 3

    seen = batch(shop, moved).watch()

    assert seen.outcome == Outcome.CRITICAL
    assert {"spend", "age", "distance"} <= set(seen.drifted)


def test_labels_that_contradict_the_answers_alarm(shop: Shop) -> None:
    rows = drawn(shop)

    seen = batch(shop, rows.assign(bought=1 - rows["bought"])).watch()

    assert seen.outcome == Outcome.CRITICAL
    assert any("roc_auc" in alarm for alarm in seen.alarms)


def test_labels_that_cannot_be_read_leave_the_window_unknown(shop: Shop) -> None:
    seen = batch(shop, drawn(shop), labels="SELECT * FROM nowhere").watch()

    assert seen.outcome == Outcome.UNKNOWN
    assert "the labels cannot be read (labels.query)" in seen.sentence
    again = replace(shop, use_case=replace(shop.use_case, labels=None)).watch(WINDOW)
    assert again.outcome == Outcome.CALM


def test_odd_labels_are_told(shop: Shop) -> None:
    scored = batch(shop, drawn(shop))
    scored.watch()
    query(shop.url, "UPDATE visitors SET bought = CASE WHEN id < 1000 THEN 7 ELSE 1 - bought END")

    seen = replace(scored).watch(replace(WINDOW, end=END + HOUR / 4))

    told = " ".join(seen.unknowns)
    assert "1,000 labels are none that the answers could have" in told
    assert "labels differ from those given first, which stay" in told


def test_the_visitors_are_those_of_training(shop: Shop) -> None:
    assert list(visitors(3)) == list(shop.rows)

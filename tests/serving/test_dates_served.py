"""A date in a request is seen as it was in training, by whoever answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from evergreen.dossier.writing import describe
from evergreen.errors import EvergreenError
from evergreen.learning import models
from evergreen.refs import CandidateRef
from evergreen.serving.answers import Task
from evergreen.serving.contract import Contract, Order
from evergreen.serving.engine import Whole, engine
from evergreen.serving.export import _onnx
from evergreen.spec import Source, UseCase
from evergreen_workshop.simulation import _told
from flights import boosting, flights, use_case_of
from verdicts import NOBODY, verdict_on

TRAINED = CandidateRef(
    name="one", run_id="r", model_uri="m", sha256="0" * 64, cv={}, metrics={}, seconds=1
)
BUILDS = {
    "boosting": boosting,
    "lightgbm": partial(LGBMClassifier, n_estimators=5),
    "linear": partial(LogisticRegression, max_iter=500),
    "forest": partial(RandomForestClassifier, n_estimators=10, random_state=0),
}


def table(rows: int = 1_000) -> pa.Table:
    """Flights with a date, a moment that may be missing, and one with a zone."""
    draw = np.random.default_rng(3)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 700, rows), "D")
    booked = pd.Series(day - pd.to_timedelta(draw.integers(0, 90 * 24 * 3600, rows), "s"))
    booked[draw.random(rows) < 0.1] = pd.NaT
    frame = flights(rows).assign(delayed=day.dayofweek > 4)
    moments = {"booked": (booked, pa.timestamp("us")), "paid": (booked, pa.timestamp("us", "UTC"))}
    made = pa.Table.from_pandas(frame, preserve_index=False).append_column(
        "day", pa.array(day.date, pa.date32())
    )
    for name, (values, kind) in moments.items():
        made = made.append_column(name, pa.array(values).cast(pa.timestamp("us")).cast(kind))
    return made


def of_dates(build: Callable[[], Any]) -> UseCase:
    case = use_case_of(
        build, numeric=("distance",), categorical=("carrier",), dates=("booked", "paid", "day"),
        since="day",
    )  # fmt: skip
    return replace(case, source=Source(table="flights", key=("id",), target="delayed"))


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_request_is_answered_as_the_row_was_in_training(build: Callable[[], Any]) -> None:
    rows, case = table(), of_dates(build)
    frame = rows.to_pandas(date_as_object=False)
    model = models.pipeline(case, case.candidates[0]).fit(frame, frame["delayed"])
    raw = frame[list(case.features.raw)]
    golden = models.golden(model, raw.tail(40))
    dossier = describe(case, verdict_on(case, TRAINED), NOBODY, 1, model, golden, rows)
    contract = Contract.of(dossier, Path("nowhere"))
    found = engine(model, models.Golden.from_json(dossier.golden))
    told = [
        {c.name: _told(c, row[c.name]) for c in dossier.inputs.columns}
        for _, row in raw.head(50).iterrows()
    ]

    order = contract.batch(json.dumps({"rows": told}).encode())
    asked = found.columns(contract.values(order.rows))
    batch = found.frame(contract.frame(order.rows), np.arange(50))

    assert not isinstance(found, Whole)
    assert dossier.inputs.dates == ("booked", "paid", "day")
    assert (asked.output.probabilities == batch.output.probabilities).all()
    assert asked.output.probabilities == pytest.approx(
        models.predict(model, raw.head(50)).probabilities, abs=1e-6
    )
    assert (Whole(model).columns(contract.values(order.rows)).output.probabilities ==
            models.predict(model, raw.head(50)).probabilities).all()  # fmt: skip


def test_a_date_that_is_imputed_is_noted() -> None:
    rows = table().to_pandas(date_as_object=False)
    case = of_dates(BUILDS["linear"])
    model = models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])
    found = engine(model, models.golden(model, rows[list(case.features.raw)].tail(40)))
    values = rows[list(case.features.raw)].head(2).assign(booked=pd.NaT)

    told = found.columns({name: values[name].tolist() for name in values})

    assert told.imputed["booked"] == 2


def test_a_date_that_is_missing_in_the_source_is_null_on_record() -> None:
    raw = pd.DataFrame({"booked": pd.to_datetime(["2024-01-01", None]), "distance": [1.0, 2.0]})

    [row] = Task(Order(keys=[{"id": 1}]), ("one",), raw, np.array([1])).rows

    assert row == {"booked": None, "distance": 2.0}


def test_the_parts_of_dates_have_no_onnx_form() -> None:
    rows = table().to_pandas(date_as_object=False)
    case = of_dates(BUILDS["linear"])
    model = models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])
    golden = models.golden(model, rows[list(case.features.raw)].tail(40))

    with pytest.raises(EvergreenError, match="what is made of dates is not ONNX's"):
        _onnx(model, golden, Path())

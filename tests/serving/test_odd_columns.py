"""Columns that people complain about: any name, numbers and booleans that may be null."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import TypeAdapter
from pydantic_core import to_json
from sklearn.pipeline import Pipeline

from evergreen.dossier import Dossier, Inputs, RawColumn
from evergreen.dossier.writing import describe
from evergreen.learning import models
from evergreen.learning.feature_code import FeatureCode
from evergreen.refs import CandidateRef
from evergreen.serving import preparation
from evergreen.serving.contract import MOMENT, NO_MOMENT, Contract, Refused, parsed
from evergreen.serving.engine import engine
from evergreen.serving.export import FORMATS
from evergreen.spec import Features, Kind, Source
from evergreen_workshop.simulation import _told
from learning import IRIS
from verdicts import NOBODY, verdict_on

NUMBERS = ("Amount EUR", "visits", "a.b", "model_config", "_id", "flag")
TEXTS = ("flag_null", "user", "sélect")
TRAINED = CandidateRef(
    name="logistic", run_id="r", model_uri="m", sha256="0" * 64, cv={}, metrics={}, seconds=1
)
ODD = replace(
    IRIS, name="odd", kind=Kind.BINARY, source=Source(table="odd", key=("id",), target="y"),
    features=Features(numeric=NUMBERS, categorical=TEXTS), gate=replace(IRIS.gate, metric="f1"),
)  # fmt: skip


def rows(count: int = 200) -> pa.Table:
    draw = np.random.default_rng(0)
    numbers = {name: draw.random(count) for name in ("Amount EUR", "a.b", "model_config", "_id")}
    maybe = [None if n % 10 == 0 else bool(n % 3) for n in range(count)]
    return pa.table(
        numbers
        | {
            "id": np.arange(count), "flag": draw.random(count) > 0.5,
            "visits": pa.array([None if n % 10 == 1 else n % 7 for n in range(count)], pa.int32()),
            "flag_null": pa.array(maybe), "user": ["u", "v"] * (count // 2),
            "sélect": ["🍏", "naïve", "a,b", 'x"y', ""] * (count // 5),
            "y": (numbers["Amount EUR"] > 0.5).astype(int),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def odd() -> tuple[Pipeline, Dossier, pd.DataFrame]:
    table = rows()
    frame = table.to_pandas(date_as_object=False)
    model = models.pipeline(ODD, ODD.candidate("logistic")).fit(frame, frame["y"])
    raw = frame[[*NUMBERS, *TEXTS]]
    golden = models.golden(model, raw.tail(20))
    return model, describe(ODD, verdict_on(ODD, TRAINED), NOBODY, 1, model, golden, table), raw


def request(raw: pd.DataFrame, dossier: Dossier, place: int, **changes: Any) -> bytes:
    row = raw.iloc[place]
    told = {column.name: _told(column, row[column.name]) for column in dossier.inputs.columns}
    return json.dumps({"row": told | changes}).encode()


def test_a_request_is_answered_as_the_row_was_in_training(
    odd: tuple[Pipeline, Dossier, pd.DataFrame],
) -> None:
    model, dossier, raw = odd
    contract = Contract.of(dossier, Path("nowhere"))
    found = engine(model, models.Golden.from_json(dossier.golden))
    wanted = models.predict(model, raw).positive

    for place in (0, 1, 2, 50):  # flag_null is null, visits is null, neither, flag_null is null
        order = contract.one(request(raw, dossier, place))
        scored = found.columns(contract.values(order.rows))
        whole = models.predict(model, contract.frame(order.rows))

        assert scored.output.positive == pytest.approx(wanted[place], abs=1e-4)
        assert whole.positive == pytest.approx(wanted[place])
        assert not scored.unseen


@pytest.mark.parametrize("value", [True, False, None])
def test_a_boolean_that_was_null_before_may_be_null(
    odd: tuple[Pipeline, Dossier, pd.DataFrame], value: bool | None
) -> None:
    _, dossier, raw = odd
    contract = Contract.of(dossier, Path("nowhere"))

    order = contract.one(request(raw, dossier, 2, flag_null=value))

    assert order.rows[0]["flag_null"] is value


@pytest.mark.parametrize(
    ("column", "value"),
    [("flag_null", "true"), ("flag", None), ("visits", 1.5), ("user", 1), ("_id", "x")],
)
def test_another_type_is_refused_with_the_name_of_its_column(
    odd: tuple[Pipeline, Dossier, pd.DataFrame], column: str, value: Any
) -> None:
    _, dossier, raw = odd

    with pytest.raises(Refused) as refused:
        Contract.of(dossier, Path("nowhere")).one(request(raw, dossier, 2, **{column: value}))

    assert refused.value.field == f"row.{column}"


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("date32[day]", "2026-11-20T00:00:00Z", date(2026, 11, 20)),
        ("date32[day]", "2026-11-20", date(2026, 11, 20)),
        ("timestamp[us, tz=UTC]", "2026-11-20T06:00:00+01:00", datetime(2026, 11, 20, 5)),
        ("timestamp[us, tz=UTC]", "2026-11-20T05:00:00", datetime(2026, 11, 20, 5)),
        ("timestamp[us]", "2026-11-20", datetime(2026, 11, 20)),
        ("timestamp[us]", "2026-11-20T01:00:00+01:00", datetime(2026, 11, 20)),
    ],
)
def test_a_key_goes_on_record_as_labels_name_it(
    odd: tuple[Pipeline, Dossier, pd.DataFrame], kind: str, given: str, value: date
) -> None:
    column = pa.date32() if kind == "date32[day]" else pa.timestamp("us", kind[17:-1] or None)
    of_label = pa.table({"day": pa.array([value]).cast(column)}).to_pylist()
    _, dossier, _ = odd
    key = RawColumn(name="day", type=kind, nullable=False)
    inputs = replace(dossier.inputs, key=(key,), lookup=("day",))
    contract = Contract.of(replace(dossier, inputs=inputs), Path("nowhere"))

    one = contract.one(json.dumps({"key": {"day": given}}).encode())
    many = contract.batch(json.dumps({"keys": [{"day": given}]}).encode())

    assert to_json(one.keys) == to_json(many.keys) == to_json(of_label)


def test_it_is_exported_whatever_its_columns_are_called(
    odd: tuple[Pipeline, Dossier, pd.DataFrame],
) -> None:
    model, dossier, _ = odd

    content, difference = FORMATS["onnx"](model, models.Golden.from_json(dossier.golden), Path())

    assert content
    assert difference < 1e-4


@pytest.mark.parametrize(
    ("told", "trained", "asked"),
    [
        ("date32[day]", pd.to_datetime(["2024-01-01", "2024-02-01"]), date(2024, 1, 1)),
        ("float", np.array([0.1, 0.2], "float32"), 0.1),
        ("double", np.array([3.0, 0.1]), 3.0),
        ("int64", np.array([9007199254740993.0, np.nan]), 9007199254740993),
        ("int64", np.array([9007199254740993, 4]), 9007199254740993),
        ("int32", np.array([3.0, np.nan]), 3),
        ("bool", np.array([True, None], object), True),
        ("string", np.array(["a", None], object), "a"),
    ],
)
def test_a_category_of_a_request_is_that_of_training(
    told: str, trained: Any, asked: object
) -> None:
    code = FeatureCode("", "", ["c"], [], ["c"])
    [first, _] = code.transform(pd.DataFrame({"c": trained}))["c"]
    nullable = bool(pd.isna(pd.Series(trained)).any())
    column = RawColumn(name="c", type=told, nullable=nullable)
    inputs = Inputs(
        columns=(column,), key=(), timestamp=None, lookback=timedelta(0), computed=False,
        numeric=(), categorical=("c",), text=(), code_sha256="", table="t", query=None,
    )  # fmt: skip
    contract = Contract(inputs, TypeAdapter(dict), TypeAdapter(dict))

    [said] = contract.values([{"c": asked}])["c"]
    [nothing] = contract.values([{"c": None}])["c"] if nullable else [None]

    assert preparation._text(said) == first
    assert preparation._text(nothing) is preparation.MISSING


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_dates_and_moments_are_read_as_they_are_written(written: str, moment: date) -> None:
    assert parsed(TypeAdapter(MOMENT), json.dumps(written).encode()) == moment


@pytest.mark.parametrize(
    "written", ["20260131", "2026", "1769860800", "31.01.2026", "2026-01-32", "", 1769860800, None]
)
def test_what_is_no_date_is_refused_with_how_one_is_written(written: Any) -> None:
    with pytest.raises(Refused, match=NO_MOMENT):
        parsed(TypeAdapter(MOMENT), json.dumps(written).encode())


def test_a_moment_that_is_none_in_utc_is_refused() -> None:
    with pytest.raises(Refused, match="is out of range"):
        parsed(TypeAdapter(MOMENT), b'"0001-01-01T00:00:00+14:00"')

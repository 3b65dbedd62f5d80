from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from evergreen.dossier import Answers, Dossier
from evergreen.dossier.writing import columns
from verdicts import dossier_of

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: dict[str, tuple[pa.Array, str, str]] = {
    "whole": (pa.array([1, 2]), "int64", "int64"),
    "whole or null": (pa.array([1, None]), "int64 or null", "float64"),
    "small": (pa.array([1, 2], pa.int16()), "int16", "int16"),
    "fraction": (pa.array([1.5, 2.0]), "double or null", "float64"),
    "single": (pa.array([1.5, 2.0], pa.float32()), "float or null", "float32"),
    "bool": (pa.array([True, False]), "bool", "bool"),
    "bool or null": (pa.array([True, None]), "bool or null", "object"),
    "text": (pa.array(["a", "b"]), "string or null", "str"),
    "category": (pa.array(["a", "b"]).dictionary_encode(), "string or null", "str"),
    "day": (pa.array([date(2026, 1, 1)] * 2), "date32[day]", "datetime64[ms]"),
    "moment": (pa.array([MOMENT] * 2, pa.timestamp("us")), "timestamp[us]", "datetime64[us]"),
    "instant": (
        pa.array([MOMENT] * 2, pa.timestamp("us", "UTC")), "timestamp[us, tz=UTC]",
        "datetime64[us, UTC]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_arrows_and_pandas_reads_it_as_it_did_in_training(name: str) -> None:
    array, told, dtype = TYPES[name]
    rows = pa.table({name: array})

    [column] = columns(rows, [name])

    assert (column.told, column.dtype) == (told, dtype)
    if name != "category":
        assert str(rows.to_pandas(date_as_object=False)[name].dtype) == dtype


def test_a_dossier_survives_json() -> None:
    dossier = dossier_of("iris", 3)

    assert Dossier.from_json(dossier.to_json()) == dossier


def test_what_one_reads_beyond_another_is_named() -> None:
    def inputs(**types: pa.DataType) -> Any:
        rows = pa.table({name: pa.array([None], kind) for name, kind in types.items()})
        from dataclasses import replace

        return replace(dossier_of("x", 1).inputs, columns=columns(rows, types))

    one = inputs(a=pa.int64(), b=pa.string())

    assert one.beyond(inputs(a=pa.float64(), b=pa.string(), c=pa.bool_())) == ()
    assert one.beyond(inputs(a=pa.string())) == ("a", "b")


def answers(*classes: Any) -> Answers:
    return replace(dossier_of("weather", 1).answers, classes=classes)


def test_a_label_is_taken_for_the_class_that_it_equals() -> None:
    assert [answers(0, 1).as_class(label) for label in (True, 1.0, 0, 7)] == [1, 1, 0, 7]
    assert type(answers(0, 1).as_class(True)) is int
    assert answers(False, True).as_class(1) is True
    assert answers("a", "b").as_class("b") == "b"


def test_says_why_something_can_be_no_label() -> None:
    assert answers(0, 1).problem_of(1) == answers().problem_of(1.5) == ""
    assert answers(0, 1).problem_of(True) == "must be one of 0, 1"
    assert answers("a", "b").problem_of("c") == "must be one of a, b"
    for label in (float("nan"), float("inf"), True, "1", None):
        assert answers().problem_of(label) == "must be a finite number"
    assert answers().problem_of(10**400) == "must be a finite number"


def test_a_label_can_be_of_a_class_that_the_model_never_says() -> None:
    answers = replace(dossier_of("weather", 1).answers, classes=("rain", "sun"), never=("snow",))

    assert answers.problem_of("snow") == ""
    assert answers.problem_of("hail") == "must be one of rain, snow, sun"

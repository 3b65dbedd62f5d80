import math
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from evergreen import catalog, spec
from evergreen.errors import DeclarationError
from evergreen.settings import PROJECT
from evergreen.spec import (
    Api,
    Between,
    Candidate,
    Dialect,
    Fairness,
    Features,
    Files,
    Gate,
    Monitoring,
    Retraining,
    Scoring,
    Source,
    Task,
    Watched,
    Windows,
)

WEATHER = catalog.load(PROJECT / "include" / "use_cases").find("weather")


@pytest.mark.parametrize(
    "name", ["", "Weather", "1st", "a-b", "a" * 64, "../x", "a b", "é", "a;drop table x", "a\0"]
)
def test_refuses_names_that_are_not_plain(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"allowed: \^\[a-z\]"):
        replace(WEATHER, name=name)


@pytest.mark.parametrize("name", ["operations", "journal", "ledger", "mlflow"])
def test_refuses_names_that_are_ours(name: str) -> None:
    with pytest.raises(DeclarationError, match="allowed: any name but ours"):
        replace(WEATHER, name=name)


@pytest.mark.parametrize("table", ["t; DROP TABLE x", 'a"b', "a.b.c", "", "T", "a--", "a b"])
def test_refuses_sql_in_table_names(table: str) -> None:
    with pytest.raises(DeclarationError, match=r"source.table is"):
        Source(table=table, key=("id",), target="y")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Source(table="t", query="SELECT 1", key=("id",), target="y"), "source"),
        (lambda: Source(table="t", key=(), target="y"), "source.key"),
        (lambda: Source(table="t", key="id", target="y"), "source.key"),  # type: ignore[arg-type]
        (lambda: Source(table="t", key=("id",), target="ü" * 32), "source.target"),
        (
            lambda: Source(
                table="t", key=("id",), target="y", timestamp="at", label_delay=timedelta(-1)
            ),
            "source.label_delay",
        ),
        (
            lambda: Source(table="t", key=("id",), target="y", max_age=timedelta(1)),
            "source.timestamp",
        ),
        (
            lambda: Source(table="t", key=("id",), target="y", max_unlabelled=30),
            "source.max_unlabelled",
        ),
        (lambda: Windows(holdout=1.5), "windows.holdout"),
        (lambda: Dialect(separator="--"), "separator"),
        (lambda: Dialect(decimal=";"), "decimal"),
        (lambda: Dialect(decimal=",", thousands=","), "thousands"),
        (lambda: Dialect(thousands=";"), "thousands"),
        (lambda: Dialect(encoding="latin-17"), "encoding"),
        (lambda: Dialect(null="?"), "null"),
        (lambda: Files(url="/data/*.xlsx"), "ingest.url"),
        (lambda: Api(url="https://shop.example/{day}/{hour}"), "ingest.url"),
        (lambda: Windows(holdout=timedelta(0)), "windows.holdout"),
        (lambda: Windows(holdout=0.2, training=timedelta(0)), "windows.training"),
        (lambda: Windows(holdout=0.2, embargo=timedelta(-1)), "windows.embargo"),
        (lambda: Features(), "features"),
        (lambda: Features(numeric=("x")), "features.numeric"),  # type: ignore[arg-type]
        (lambda: Features(numeric=("a",), function=lambda raw: raw), "features.inputs"),
        (lambda: Gate(metric="f1", floors={}), "gate.floors"),
        (lambda: Gate(metric="f1", floors={"f1": 0.5}, confidence=95), "gate.confidence"),
        (lambda: Candidate(name="a", build=object, trials=0), "candidate.trials"),
        (
            lambda: Candidate(name="a", build=object, columns=("wind")),  # type: ignore[arg-type]
            "candidate.columns",
        ),
        (lambda: Candidate(name="a", build=object, columns=()), "candidate.columns"),
        (lambda: replace(WEATHER, candidates=()), "candidates"),
        (lambda: replace(WEATHER, baselines=()), "baselines"),
        (lambda: replace(WEATHER, baselines=WEATHER.candidates), "candidates"),
        (lambda: replace(WEATHER, gate=Gate(metric="r2", floors={"r2": 0.5})), "gate"),
    ],
)
def test_names_the_field_that_is_wrong(make: Any, field: str) -> None:
    with pytest.raises(DeclarationError) as told:
        make()

    assert told.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence", 0.4),
        ("resamples", 0),
        ("min_rows", -5),
        ("min_slice_rows", -1),
        ("slice_tolerance", -1.0),
        ("coverage_tolerance", -0.1),
    ],
)
def test_a_number_of_the_gate_that_makes_no_sense_is_refused(field: str, value: float) -> None:
    with pytest.raises(DeclarationError, match=rf"gate\.{field} is .*; allowed: "):
        replace(WEATHER.gate, **{field: value})


DECLARED = (
    WEATHER, WEATHER.source, WEATHER.windows, WEATHER.gate, WEATHER.release, WEATHER.monitoring,
    WEATHER.retraining, WEATHER.candidates[0], Between(1, 2), Fairness(slice="a", most=0.1), Task(),
    Watched(), Scoring(query="SELECT 1", into="told"),
)  # fmt: skip


def numbers(declared: Any) -> list[str]:
    """Return the fields of a declaration that hold numbers, or numbers by name."""
    found = ((one.name, (one.type, *get_args(one.type))) for one in fields(declared))
    return [name for name, kinds in found if int in kinds or float in kinds]


NUMBERS = [
    pytest.param(declared, name, id=f"{type(declared).__name__}.{name}")
    for declared in DECLARED
    for name in numbers(declared)
]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("declared", "field"), NUMBERS)
def test_a_number_that_is_none_or_has_no_end_is_refused(
    declared: Any, field: str, value: float
) -> None:
    given = {"f1": value} if field == "floors" else value

    with pytest.raises(DeclarationError, match=rf"{field} is .*; allowed: a finite number"):
        replace(declared, **{field: given})


def test_numbers_of_all_declarations_are_looked_at() -> None:
    declared = filter(is_dataclass, vars(spec).values())

    assert {one for one in declared if numbers(one)} == set(map(type, DECLARED))


def test_suggests_the_metric_that_was_meant() -> None:
    with pytest.raises(DeclarationError, match="did you mean 'roc_auc'"):
        replace(WEATHER, gate=Gate(metric="roc_acu", floors={"f1": 0.5}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alarming", 0),
        ("alarming", 4),
        ("new_rows", 0),
        ("budget", -1),
        ("backoff", 0.5),
        ("cooldown", timedelta(hours=-1)),
        ("max_wait", timedelta(hours=1)),
        ("stale_after", timedelta(0)),
    ],
)
def test_a_trigger_policy_that_makes_no_sense_is_refused(field: str, value: Any) -> None:
    with pytest.raises(DeclarationError, match=rf"retraining\.{field}"):
        Retraining(**{field: value})


def test_nobody_is_alerted_to_a_stale_model_between_two_runs_of_its_schedule() -> None:
    month = timedelta(days=31)

    with pytest.raises(DeclarationError, match=r"stale_after is .*; allowed: more than 31 days"):
        replace(WEATHER, schedule="@monthly", retraining=Retraining(stale_after=month))
    replace(WEATHER, schedule="@monthly", retraining=Retraining(stale_after=2 * month))
    replace(WEATHER, schedule="@monthly", retraining=Retraining(stale_after=None))


@pytest.mark.parametrize("role", ["candidates", "baselines"])
def test_refuses_a_column_of_a_candidate_that_is_no_feature(role: str) -> None:
    misspelt = Candidate(name="few", build=object, columns=("wind", "temp_mx"))

    with pytest.raises(DeclarationError, match=r"few: columns is .*did you mean 'temp_max'"):
        replace(WEATHER, **{role: (misspelt,)})


def test_refuses_a_column_of_a_candidate_that_only_the_function_reads() -> None:
    raw = Candidate(name="raw", build=object, columns=("temp_min",))

    with pytest.raises(DeclarationError, match=r"raw: columns is \['temp_min'\]"):
        replace(WEATHER, baselines=(raw,))


def test_refuses_a_watched_column_that_the_model_does_not_read() -> None:
    declared = Monitoring(columns={"wind": Watched(min_effect=0.2), "temp_mx": None})

    with pytest.raises(DeclarationError, match=r"'temp_mx'.*did you mean 'temp_max'"):
        replace(WEATHER, monitoring=declared)


def test_refuses_a_least_effect_of_a_column_that_is_no_share() -> None:
    with pytest.raises(DeclarationError, match=r"monitoring.columns is 20"):
        Watched(min_effect=20)

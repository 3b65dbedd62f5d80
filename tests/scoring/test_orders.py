"""What may be asked to be scored, and files as source and destination."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evergreen.errors import DataRefused, DeclarationError
from evergreen.scoring import asked, interval_of
from evergreen.spec import Labels, Scoring
from learning import IRIS, iris_rows
from scoring.conftest import DAY, DAYS, FLOWERS, RAW, Batch

SELECT = "SELECT * FROM iris"


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"query": SELECT, "file": "a.csv"}, "either --query or --file"),
        ({"into": "a", "to": Path("a.csv")}, "either --into or --to"),
        ({"into": "evergreen.labels"}, "outside of the schema evergreen"),
        ({"into": "public.iris"}, "other than the source"),
        ({"query": "SELECT %(begin)s"}, r"%\(start\)s and %\(end\)s"),
    ],
)
def test_refuses_orders_that_contradict_themselves(order: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        asked(FLOWERS, DAY, **order)


@pytest.mark.parametrize("order", [{}, {"query": SELECT}, {"to": Path("a.csv")}])
def test_what_is_not_declared_must_be_asked_for(order: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="--query or --file with --into or --to"):
        asked(IRIS, DAY, **order)


def test_only_what_is_declared_is_watched() -> None:
    assert asked(FLOWERS, DAY).watched
    assert asked(FLOWERS, DAY, into="predictions.iris").watched
    assert not asked(FLOWERS, DAY, into="elsewhere").watched
    assert not asked(FLOWERS, DAY, query=SELECT).watched


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Scoring(query=" ", into="t"), "scoring.query"),
        (lambda: Scoring(query="SELECT %(now)s", into="t"), "scoring.query"),
        (lambda: Scoring(query=SELECT, into="a.b.c"), "scoring.into"),
        (lambda: Scoring(query=SELECT, into="evergreen.t"), "scoring.into"),
        (lambda: Scoring(query=SELECT, into="t", schedule="@once"), "scoring.schedule"),
        (lambda: Scoring(query=SELECT, into="t", max_refused=2), "scoring.max_refused"),
        (lambda: Scoring(query=SELECT, into="t", logged=-1), "scoring.logged"),
        (lambda: Labels(query="SELECT %(stop)s"), "labels.query"),
        (
            lambda: replace(IRIS, scoring=Scoring(query=SELECT, into="public.iris")),
            "scoring.into",
        ),
        (
            lambda: replace(FLOWERS, source=replace(IRIS.source, key=("version",))),
            "source.key",
        ),
        (
            lambda: replace(DAYS, scoring=Scoring(query="SELECT * FROM weather", into="t")),
            "scoring.query",
        ),
    ],
)
def test_refuses_declarations_that_cannot_be_meant(make: Any, field: str) -> None:
    with pytest.raises(DeclarationError, match=f"^{field} is"):
        make()


def test_the_interval_is_the_last_that_ended_whenever_it_is_asked_for() -> None:
    noon, midnight = datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)

    assert interval_of(FLOWERS, noon, None, None) == DAY
    assert interval_of(FLOWERS, midnight, None, None) == DAY
    with pytest.raises(DeclarationError, match="both of them"):
        interval_of(FLOWERS, noon, midnight, None)
    with pytest.raises(DeclarationError, match="before the end"):
        interval_of(FLOWERS, noon, noon, midnight)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_are_scored_into_files(flowers: Batch, place: Path, suffix: str) -> None:
    place.mkdir()
    source, target = place / f"flowers{suffix}", place / f"out/scored{suffix}"
    rows = iris_rows()[RAW]
    rows.to_csv(source, index=False) if suffix == ".csv" else rows.to_parquet(source)
    flowers.score()

    done = flowers.score(file=str(source), to=target)

    read = partial(pd.read_csv, float_precision="round_trip")
    found = read(target) if suffix == ".csv" else pd.read_parquet(target)
    written = flowers.written("id, prediction, probability")
    assert list(zip(found["id"], found["prediction"], found["probability"], strict=True)) == written
    assert set(found["model_sha256"]) == {done.sha256}
    assert (done.source, done.watched, done.logged) == (str(source), False, 0)
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_is_refused_leaves_nothing(flowers: Batch, place: Path) -> None:
    place.mkdir()
    (place / "a.csv").write_text("id,sepal_length,sepal_width,petal_length,petal_width\n1,x,2,3,4")

    with pytest.raises(DataRefused, match=r"cannot be read: .*'x'"):
        flowers.score(file=str(place / "a.csv"), to=place / "b.csv")
    with pytest.raises(DataRefused, match="there is no file"):
        flowers.score(file=str(place / "none.csv"), to=place / "b.csv")
    with pytest.raises(DeclarationError, match=r"ends with .parquet or .csv"):
        flowers.score(to=place / "b.xlsx")

    assert [file.name for file in place.iterdir()] == ["a.csv"]

"""Traffic to a real service, from the rows of a champion that was trained and promoted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from database import records_of
from evergreen import dossier
from evergreen.champions import promotion
from evergreen.errors import DeclarationError, EvergreenError, StackError
from evergreen.records import Decision, decision_id
from evergreen.refs import Check, EvaluationRef, Verdict
from evergreen.serving import trials
from evergreen.serving.app import create_app
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen_workshop import demo, simulation
from evergreen_workshop.simulation import Shift, simulate
from evergreen_workshop.stack.ports import free_port
from learning import IRIS, WEATHER, built, iris_rows, served, weather_rows
from serving.conftest import live, rows_of

ROWS = {"iris": iris_rows, "weather": weather_rows}


def promoted(use_case: UseCase, settings: Settings) -> None:
    """Train a champion and put it on record as the cycle does."""
    features = built(use_case, ROWS[use_case.name](), settings)
    trained = served(use_case, features, "logistic", settings)
    evaluation = EvaluationRef(
        uri="evidence.json", report_id="r", challenger=trained, champion=None, features=features
    )
    check = Check(name="floor", status="passed", reason="good")
    verdict = Verdict(
        evaluation=evaluation, passed=True, sentence="Better.", checks=(check,), report="r.html"
    )
    records_of(settings).decisions.record(
        Decision(
            id=decision_id(use_case.name, "fit/train", "r"), use_case=use_case.name, kind="fit",
            outcome="passed", sentence="Better.", evidence=verdict.to_json(), as_of=None,
            run_key="r", actor="ada",
        )
    )  # fmt: skip
    describe = trials.describing(use_case, records_of(settings), settings)
    promotion.promote(
        verdict,
        ledger=records_of(settings),
        settings=settings,
        actor="ada",
        reason="better",
        describe=describe,
    )


@contextmanager
def serving(use_case: UseCase, settings: Settings) -> Iterator[Settings]:
    """The service with a champion; yields settings that lead to it."""
    promoted(use_case, settings)
    records_of(settings).migrate()
    with live(create_app(settings), settings) as client:
        yield replace(settings, serve_port=client.base_url.port)


def logged(settings: Settings, *columns: str) -> pd.DataFrame:
    """The inputs that the service logged, when all of them are in PostgreSQL."""
    found = rows_of(settings.database_url, "SELECT inputs FROM evergreen.predictions ORDER BY time")
    return pd.DataFrame([inputs for (inputs,) in found])[list(columns)].astype(float)


def labels(settings: Settings) -> list[tuple[Any, ...]]:
    return rows_of(
        settings.database_url,
        "SELECT label, output FROM evergreen.labels"
        " JOIN evergreen.predictions ON prediction_id = predictions.id",
    )


def test_plain_rows_are_asked_for_in_batches_and_labelled(settings: Settings) -> None:
    with serving(IRIS, settings) as here:
        sent = simulate(IRIS, 250, records=records_of(here), settings=here)

    assert (sent.rows, sent.labelled, sent.flipped) == (250, 250, 0)
    assert sent.versions == {1: 250}
    right = [label == output for label, output in labels(settings)]
    assert sum(right) > 230


def test_shifted_columns_and_wrong_labels_arrive_as_told(settings: Settings) -> None:
    shifts = [Shift.parse("petal_length=+2sd"), Shift.parse("sepal_width=*0.5")]
    with serving(IRIS, settings) as here:
        sent = simulate(
            IRIS, 200, shifts, flip_labels=0.5, seed=3, records=records_of(here), settings=here
        )

    rows, seen = iris_rows(), logged(settings, "petal_length", "sepal_width", "petal_width")
    expected = rows["petal_length"].mean() + 2 * rows["petal_length"].std()
    assert seen["petal_length"].mean() == pytest.approx(expected, abs=0.4)
    assert seen["sepal_width"].mean() == pytest.approx(rows["sepal_width"].mean() / 2, abs=0.1)
    assert seen["petal_width"].mean() == pytest.approx(rows["petal_width"].mean(), abs=0.2)
    assert 70 < sent.flipped < 130


def test_rows_that_look_back_come_with_their_history(settings: Settings) -> None:
    with serving(WEATHER, settings) as here:
        sent = simulate(
            WEATHER, 40, [Shift.parse("temp_max=+3")], records=records_of(here), settings=here
        )

    assert (sent.rows, sent.labelled) == (40, 40)
    notes = rows_of(settings.database_url, "SELECT jsonb_array_length(history)"
                                           " FROM evergreen.predictions")  # fmt: skip
    assert {count for (count,) in notes} == {14}
    assert {label for label, _ in labels(settings)} == {0, 1}


def test_fresh_rows_are_newer_than_what_the_champion_knows(settings: Settings) -> None:
    newest = weather_rows()["date"].max().date() + timedelta(days=9)
    demo.load("weather", settings.warehouse_url, newest)
    with serving(WEATHER, settings) as here:
        champion = records_of(here).promotions.champion("weather")
        assert champion is not None and champion.knowledge_until is not None
        own = dossier.read(records_of(here).dossiers, "weather", champion.version)
        frame, places = simulation._newer(WEATHER, own, champion.knowledge_until, here)
        sent = simulate(WEATHER, 30, fresh=True, records=records_of(here), settings=here)

    assert (sent.rows, sent.labelled) == (30, 30)
    days = pd.to_datetime(frame["date"].iloc[places], utc=True)
    assert days.min() == champion.knowledge_until + timedelta(days=1)
    assert days.max().date() == newest - timedelta(days=1)  # of the newest, tomorrow is unknown


def test_rows_without_a_time_are_never_fresh(settings: Settings) -> None:
    promoted(IRIS, settings)

    with pytest.raises(EvergreenError, match="the rows of iris have no time"):
        simulate(IRIS, 5, fresh=True, records=records_of(settings), settings=settings)


def test_the_same_seed_asks_for_the_same_rows(settings: Settings) -> None:
    with serving(IRIS, settings) as here:
        for seed in (1, 1, 2):
            simulate(IRIS, 20, seed=seed, records=records_of(here), settings=here)

    asked = logged(settings, "petal_length", "sepal_length").to_numpy()
    first, again, other = (sorted(part.tolist()) for part in np.split(asked, 3))
    assert first == again != other


def test_rows_are_drawn_for_those_who_ask_themselves(settings: Settings) -> None:
    promoted(IRIS, settings)
    kept = records_of(settings)

    bodies = simulation.drawn(IRIS, 5, seed=3, records=kept, settings=settings)

    assert [len(body["rows"]) for body in bodies] == [1] * 5
    assert bodies == simulation.drawn(IRIS, 5, seed=3, records=kept, settings=settings)


@pytest.mark.parametrize("text", ["wind", "wind=2", "wind=+x", "wind=*2sd", "=+1"])
def test_a_shift_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match=r"column=\+2sd"):
        Shift.parse(text)


@pytest.mark.parametrize("column", ["petal_lenght", "species"])
def test_a_shift_of_no_number_is_refused(column: str) -> None:
    with pytest.raises(DeclarationError, match="petal_length"):
        Shift.parse(f"{column}=+1").apply(iris_rows())


def test_no_champion_and_no_service_are_told(settings: Settings) -> None:
    nowhere = replace(settings, serve_port=free_port())

    with pytest.raises(EvergreenError, match="no champion"):
        simulate(IRIS, 5, records=records_of(nowhere), settings=nowhere)
    promoted(IRIS, settings)

    with pytest.raises(StackError, match="does not answer"):
        simulate(IRIS, 5, records=records_of(nowhere), settings=nowhere)

"""Rows whose features look back: training, batch and online give the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evergreen.data import warehouse
from evergreen.dossier import Inputs, RawColumn
from evergreen.learning import models
from evergreen.serving.contract import Contract, Refused
from evergreen.serving.history import read, statement
from serving.conftest import Client, Shop, rows_of, trained, weather_rows

NAMES = ["date", "precipitation", "temp_max", "temp_min", "wind"]
ROWS = weather_rows()[NAMES]
MODELS = ("logistic", "forest", "boosting")


def put_into(url: str, rows: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.set_column(0, "date", table["date"].cast(pa.date32()))
    warehouse.write(url, "weather", table, "replace")


@pytest.fixture
def weather(shop: Shop, request: pytest.FixtureRequest) -> Iterator[Client]:
    put_into(shop.settings.database_url, ROWS)
    shop.promote(shop.put("weather", getattr(request, "param", "logistic")), 1)
    with shop.open() as client:
        yield client


def sent(rows: pd.DataFrame) -> list[dict[str, Any]]:
    dated = rows.assign(date=rows["date"].dt.strftime("%Y-%m-%d"))
    return [dict(zip(NAMES, row, strict=True)) for row in dated.to_numpy(dtype=object).tolist()]


def wet(answers: list[dict[str, Any]]) -> list[float]:
    return [answer["probabilities"]["True"] for answer in answers]


@pytest.mark.parametrize("weather", MODELS, indirect=True)
def test_training_batch_and_online_give_the_same(
    weather: Client, request: pytest.FixtureRequest
) -> None:
    model = trained("weather", request.node.callspec.params["weather"])
    training = models.predict(model, ROWS).positive

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(30, len(ROWS) - 1), st.integers(1, 10))
    @example(608, 1)  # its rolling mean ends in other digits when it begins elsewhere
    def check(last: int, count: int) -> None:
        rows = ROWS.iloc[last - count - 15 : last + 1]
        keys = [{"date": row["date"]} for row in sent(rows.tail(count))]

        online = weather.post("/weather/predict", json={"history": sent(rows.tail(15))}).json()
        keyed = weather.post("/weather/predict", json={"key": keys[-1]}).json()
        batch = weather.post(
            "/weather/predict/batch", json={"history": sent(rows), "last": count}
        ).json()
        by_keys = weather.post("/weather/predict/batch", json={"keys": keys}).json()

        wanted = training[last - count + 1 : last + 1]
        assert wet([online, keyed]) == pytest.approx([wanted[-1]] * 2, abs=1e-5)
        assert wet(batch["predictions"]) == pytest.approx(wanted, abs=1e-5)
        assert wet(by_keys["predictions"]) == pytest.approx(wanted, abs=1e-5)
        assert "notes" not in online
        assert "notes" not in keyed

    check()


def test_history_that_is_too_short_is_told(weather: Client) -> None:
    answer = weather.post("/weather/predict", json={"history": sent(ROWS.tail(3))}).json()

    assert answer["notes"] == [
        "history begins 2 days before the row; the features look back 14 days",
        "wet_7d: 1 missing value read as the median of training",
        "wet_14d: 1 missing value read as the median of training",
    ]


def test_a_missing_number_behind_the_feature_function_is_told(weather: Client) -> None:
    history = sent(ROWS.tail(15))
    history[-1]["wind"] = None

    answer = weather.post("/weather/predict", json={"history": history}).json()

    assert "wind: 1 missing value read as the median of training" in answer["notes"]


def test_what_cannot_be_read_is_refused(weather: Client) -> None:
    history = sent(ROWS.tail(20))
    backwards, odd = history[::-1], [{**history[0], "date": "9999-12-31T00:00:00"}]
    bodies = [
        {}, {"history": history, "key": {"date": "2015-01-01"}}, {"key": {"date": "1815-01-01"}},
        {"key": {"date": "9999-12-31"}}, {"key": {"date": 5}}, {"key": {}},
        {"history": backwards}, {"history": []}, {"history": [{}]},
    ]  # fmt: skip

    answers = [weather.post("/weather/predict", json=body) for body in bodies]

    assert [answer.status_code for answer in answers] == [422] * len(bodies)
    assert weather.post("/weather/predict", json={"history": odd}).status_code in {200, 422}
    late = weather.post("/weather/predict/batch", json={"history": history, "last": 21})
    assert late.json()["error"]["field"] == "last"


def test_a_row_and_its_history_are_on_record(weather: Client, shop: Shop) -> None:
    weather.post("/weather/predict", json={"history": sent(ROWS.tail(15))})
    weather.post("/weather/predict", json={"key": {"date": "2015-12-01"}})
    weather.service.journal.flush()

    sql = (
        "SELECT inputs->>'wind', left(inputs->>'date', 10), jsonb_array_length(history), key"
        " FROM evergreen.predictions ORDER BY time"
    )
    rows = rows_of(shop.settings.database_url, sql)
    assert rows[0] == (str(ROWS["wind"].iloc[-1]), str(ROWS["date"].iloc[-1].date()), 14, None)
    assert rows[1][1:] == ("2015-12-01", None, {"date": "2015-12-01T00:00:00"})


def test_a_database_that_is_away_refuses_keys_and_answers_histories(
    weather: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise psycopg2.OperationalError("connection refused")

    monkeypatch.setattr("evergreen.serving.history.reading", away)

    keyed = weather.post("/weather/predict", json={"key": {"date": "2015-12-01"}})
    sent_along = weather.post("/weather/predict", json={"history": sent(ROWS.tail(15))})

    assert (keyed.status_code, sent_along.status_code) == (503, 200)


def test_a_null_that_never_was_in_training_is_refused(shop: Shop) -> None:
    url, ref = shop.settings.database_url, shop.put("weather", "logistic")
    dossier = shop.dossiers[ref.sha256]
    columns = tuple(replace(c, nullable=c.name != "wind") for c in dossier.inputs.columns)
    contract = Contract.of(
        replace(dossier, inputs=replace(dossier.inputs, columns=columns)), Path("nowhere")
    )
    rows = ROWS.assign(wind=ROWS["wind"].round().astype("Int64"))
    rows.loc[rows["date"] == "2015-11-25", "wind"] = None
    put_into(url, rows)

    with pytest.raises(Refused, match="wind of a row is null, and never was in training"):
        read(url, contract, [{"date": date(2015, 12, 1)}], timedelta(days=14))

    found, _ = read(url, contract, [{"date": date(2015, 11, 1)}], timedelta(days=14))
    assert len(found) == 15


def test_rows_of_one_moment_come_as_in_training_whatever_the_language(shop: Shop) -> None:
    url, day = shop.settings.database_url, date(2026, 1, 1)
    with warehouse.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE rows_of_words (word varchar(9), day date);"
            f"INSERT INTO rows_of_words VALUES ('a', '{day}'), ('B', '{day}')"
        )
    inputs = Inputs(
        columns=(RawColumn(name="day", type="date32[day]", nullable=False),),
        key=(RawColumn(name="word", type="string", nullable=False),), timestamp="day",
        lookback=timedelta(days=1), computed=True, numeric=(), categorical=(), code_sha256="",
        table="rows_of_words", query=None,
    )  # fmt: skip

    with warehouse.reading(url) as moment:
        sql, _ = statement(inputs, [{"word": "a"}], timedelta(days=1), moment)
        words = [word for word, _ in moment.query(sql)]

    assert 'ORDER BY "day", "word"::text COLLATE "C"' in sql  # the tests' own language is C
    assert words == ["B", "a"]


def test_a_source_that_lost_a_column_or_is_gone_is_told(weather: Client, shop: Shop) -> None:
    url, asked = shop.settings.database_url, {"key": {"date": "2015-12-01"}}

    put_into(url, ROWS.drop(columns="wind"))
    lost = weather.post("/weather/predict", json=asked)
    with warehouse.connect(url) as opened:
        opened.cursor().execute("DROP TABLE weather")
    gone = weather.post("/weather/predict", json=asked)

    assert (lost.status_code, gone.status_code) == (503, 503)
    assert lost.json()["error"]["reason"] == "the source has lost wind; send the history"
    assert gone.json()["error"]["reason"].startswith("the source cannot be read")

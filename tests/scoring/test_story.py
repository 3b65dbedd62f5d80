"""What a run of scoring writes, refuses and puts on record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from database import records_of
from evergreen.errors import DataRefused, NoChampion, Retired
from evergreen.learning import models
from evergreen.records import Retirement
from evergreen.scoring import ScoringInterval, chunks, story
from evergreen.serving.desk import serve
from evergreen.serving.engine import Engine, Scored
from learning import iris_rows, weather_rows
from scoring.conftest import AS_OF, DAY, FLOWERS, RAW, Batch, load
from serving.conftest import Shop, trained
from serving.test_history import sent


def test_writes_a_prediction_of_every_row_and_what_it_leads_to(flowers: Batch) -> None:
    done = flowers.score()

    dossier = next(iter(flowers.shop.dossiers.values()))
    expected = models.predict(trained("iris", "logistic"), iris_rows())
    found = flowers.written("id, prediction, probability, probabilities")
    assert [row[:2] for row in found] == list(enumerate(expected.labels))
    assert [row[2] for row in found] == pytest.approx(expected.probabilities.max(axis=1), abs=1e-9)
    chances = np.array([[row[3][str(name)] for name in expected.classes] for row in found])
    assert chances == pytest.approx(expected.probabilities, abs=1e-9)
    same = flowers.ask(
        "SELECT DISTINCT use_case, version, model_sha256, snapshot_sha256, interval_start,"
        " interval_end, scored_at FROM predictions.iris"
    )
    snapshot = dossier.learned.snapshot.sha256
    assert same == [("iris", 1, dossier.model.sha256, snapshot, DAY.start, DAY.end, AS_OF)]
    assert (done.rows, done.refused, done.version) == (150, 0, 1)


def test_the_same_interval_again_changes_nothing(flowers: Batch) -> None:
    flowers.score()
    before = flowers.written()

    again = flowers.score()

    assert flowers.written() == before
    assert (again.runs, again.logged) == (2, 150)
    assert flowers.ask("SELECT count(*) FROM evergreen.predictions") == [(150,)]


def test_another_interval_stands_beside_it_and_a_row_that_is_gone_goes(flowers: Batch) -> None:
    flowers.score()
    flowers.score(ScoringInterval(start=DAY.end, end=DAY.end + timedelta(days=1)))
    flowers.ask("DELETE FROM iris WHERE id >= 100")

    flowers.score()

    counts = "SELECT interval_start, count(*) FROM predictions.iris GROUP BY 1 ORDER BY 1"
    assert flowers.ask(counts) == [(DAY.start, 100), (DAY.end, 150)]


def test_the_champion_is_the_same_for_all_of_a_run(
    flowers: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 40)
    shop, promoted = flowers.shop, []

    def promote(rows: int, _: float) -> None:
        if not promoted:
            promoted.append(shop.promote(shop.put("iris", "forest"), 2))

    done = flowers.score(tell=promote)

    assert promoted
    assert done.version == 1
    assert flowers.ask("SELECT version, count(*) FROM predictions.iris GROUP BY 1") == [(1, 150)]


def test_refuses_single_rows_as_the_service_would_and_counts_them(flowers: Batch) -> None:
    rows = iris_rows()[RAW].astype({"id": "Int64"})
    rows.loc[3, "sepal_width"] = np.inf
    rows.loc[4, "sepal_width"] = None
    rows.loc[5, "id"] = None
    load(flowers.url, "iris", rows)

    done = flowers.score()

    assert done.reasons == {"id is null": 1, "sepal_width is not a finite number": 1}
    assert (done.rows, done.refused) == (148, 2)
    assert "refused 2 (id is null: 1, sepal_width is not a finite number: 1)" in done.sentence
    assert {row[0] for row in flowers.written("id")} == set(range(150)) - {3, 5}


def test_refuses_the_whole_run_above_the_limit_and_leaves_what_was_there(flowers: Batch) -> None:
    flowers.score()
    before = flowers.written()
    flowers.ask("UPDATE iris SET sepal_width = 'Infinity' WHERE id < 20")

    with pytest.raises(DataRefused, match=r"20 of 150 rows cannot be scored .*10.0%"):
        flowers.score(run="batch/2")

    assert flowers.written() == before
    [decision] = records_of(flowers.shop.settings).decisions.newest("iris", kind="scoring")
    assert decision.outcome == "refused"
    assert "sepal_width is not a finite number: 20" in decision.sentence
    flowers.ask("UPDATE iris SET sepal_width = 'Infinity' WHERE id < 30")
    for _ in range(2):
        with pytest.raises(DataRefused):
            flowers.score(run="batch/2")
    newest, _ = records_of(flowers.shop.settings).decisions.newest("iris", kind="scoring")
    assert "sepal_width is not a finite number: 30" in newest.sentence


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE iris SET id = 7 WHERE id = 8", r"the key id repeats: Key .*=\(.*7\)"),
        ("DELETE FROM iris", "there are 0 rows to score"),
        ("ALTER TABLE iris RENAME sepal_width TO sepal_widht", "no column sepal_width.*widht"),
        ("ALTER TABLE iris ALTER sepal_width TYPE text", "sepal_width is .*string; .*double"),
        ("DROP TABLE iris", 'the query cannot be read: relation "iris" does not exist'),
    ],
)
def test_refuses_rows_that_cannot_be_scored_at_all(flowers: Batch, sql: str, told: str) -> None:
    flowers.ask(sql)

    with pytest.raises(DataRefused, match=told):
        flowers.score()

    assert flowers.ask("SELECT to_regclass('predictions.iris')") == [(None,)]
    assert flowers.ask("SELECT count(*) FROM evergreen.scorings") == [(0,)]


def test_an_interval_may_be_empty_where_that_is_declared(flowers: Batch) -> None:
    flowers.score()
    flowers.ask("DELETE FROM iris")

    done = flowers.limited(min_rows=0).score()

    assert (done.rows, flowers.written()) == (0, [])


class Odd:
    """An engine that fails on flowers of one length, as feature code may."""

    name = "odd"

    def __init__(self, real: Engine) -> None:
        self._real = real

    def frame(self, raw: pd.DataFrame, wanted: Any) -> Scored:
        if (raw["sepal_length"] == 5.9).any():
            raise ZeroDivisionError
        return self._real.frame(raw, wanted)


def test_rows_that_the_feature_code_cannot_take_are_found_one_by_one(
    flowers: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        story, "serve", lambda *of: replace(made := serve(*of), engine=Odd(made.engine))
    )

    done = flowers.score()

    odd = iris_rows().query("sepal_length == 5.9")["id"]
    assert done.reasons == {"the model cannot score these values (ZeroDivisionError)": len(odd)}
    assert {row[0] for row in flowers.written("id")} == set(range(150)) - set(odd)


def test_nothing_answers_without_a_champion_or_once_it_is_retired(shop: Shop) -> None:
    batch = Batch(shop, FLOWERS)
    with pytest.raises(NoChampion, match="iris has no champion yet"):
        batch.score()

    records_of(shop.settings).retirements.put(
        Retirement(use_case="iris", reason="enough", actor="ada")
    )
    with pytest.raises(Retired):
        batch.score()


def test_a_table_with_other_columns_is_refused_with_the_columns(flowers: Batch) -> None:
    flowers.ask("CREATE SCHEMA predictions")
    flowers.ask("CREATE TABLE predictions.iris (id text, prediction text, mine int)")

    with pytest.raises(DataRefused) as refused:
        flowers.score()

    assert "it lacks probability (double precision)" in str(refused.value)
    assert "it has mine, which is not written" in str(refused.value)
    assert "its id is text and not bigint" in str(refused.value)


@pytest.mark.parametrize("days", ["logistic", "forest", "boosting"], indirect=True)
def test_features_that_look_back_are_as_in_training_and_over_http(
    days: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 37)
    [dossier] = days.shop.dossiers.values()
    interval = ScoringInterval(
        start=datetime(2015, 1, 1, tzinfo=UTC), end=datetime(2015, 4, 11, tzinfo=UTC)
    )

    done = days.score(interval)

    rows = weather_rows()
    training = models.predict(trained("weather", dossier.recipe), rows).positive
    within = (rows["date"] >= "2015-01-01") & (rows["date"] < "2015-04-11")
    found = days.written("date, (probabilities->>'True')::float8", "predictions.weather")
    assert [row[0] for row in found] == list(rows["date"][within].dt.date)
    assert [row[1] for row in found] == pytest.approx(training[within], abs=1e-5)
    with days.shop.open() as client:
        keys = [{"date": row["date"]} for row in sent(rows[within][list(rows)[:5]])]
        answer = client.post("/weather/predict/batch", json={"keys": keys}).json()
    over_http = [one["probabilities"]["True"] for one in answer["predictions"]]
    assert [row[1] for row in found] == over_http
    assert (done.rows, done.notes) == (100, ())


def test_rows_after_one_that_was_refused_have_no_history(days: Batch) -> None:
    days.ask("UPDATE weather SET wind = 'Infinity' WHERE date = '2015-01-10'")
    interval = ScoringInterval(
        start=datetime(2015, 1, 1, tzinfo=UTC), end=datetime(2015, 4, 11, tzinfo=UTC)
    )

    done = days.limited(max_refused=0.5).score(interval)

    assert done.reasons == {
        "wind is not a finite number": 1,
        "a row that its features look back at was refused": 14,
    }
    assert done.rows == 85


def test_a_history_that_begins_too_late_is_told(days: Batch) -> None:
    start = datetime(2012, 1, 3, tzinfo=UTC)

    done = days.score(ScoringInterval(start=start, end=start + timedelta(days=30)))

    assert done.rows == 30
    assert done.notes == ("history begins 2 days before the row; the features look back 14 days",)


def test_a_file_holds_the_history_of_its_rows(days: Batch, tmp_path: Path) -> None:
    rows, source, target = (
        weather_rows().head(60),
        tmp_path / "days.parquet",
        tmp_path / "p.parquet",
    )
    rows.to_parquet(source)

    done = days.score(file=str(source), to=target)

    found = pd.read_parquet(target)["probabilities"].map(json.loads).map(lambda one: one["True"])
    training = models.predict(trained("weather", "forest"), rows).positive
    assert list(found) == pytest.approx(training, abs=1e-5)
    assert done.notes[0].startswith("history begins 0 days before the row")
    rows.iloc[::-1].to_parquet(source)
    with pytest.raises(DataRefused, match="not in the order of date"):
        days.score(file=str(source), to=target)


def test_a_sample_is_logged_for_watching_and_all_rows_are_counted(flowers: Batch) -> None:
    done = flowers.limited(logged=40).score()

    logged = flowers.ask(
        "SELECT variant, time, key, inputs, output, version FROM evergreen.predictions"
    )
    assert (done.rows, done.logged, len(logged)) == (150, 40, 40)
    rows = iris_rows().set_index("id")
    for variant, time, key, inputs, _, version in logged:
        assert (variant, time, version) == ("batch", AS_OF, 1)
        assert inputs == json.loads(rows.loc[key["id"], RAW[1:]].to_json())


def test_the_sample_is_the_same_whatever_the_chunks(
    flowers: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, ids = flowers.limited(logged=40), "SELECT id FROM evergreen.predictions ORDER BY 1"
    few.score()
    first = flowers.ask(ids)
    flowers.ask("TRUNCATE evergreen.labels, evergreen.predictions, evergreen.scorings")
    monkeypatch.setattr(chunks, "CHUNK", 17)

    few.score()

    assert flowers.ask(ids) == first

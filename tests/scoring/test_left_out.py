"""What training has left out, nothing looks back at: by key, by history and in batch."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from database import query, records_of
from evergreen.dossier import Inputs
from evergreen.dossier.document import Stretch
from evergreen.learning import models
from evergreen.quality.quarantine import BadRow
from evergreen.scoring import ScoringInterval
from learning import WEATHER, weather_rows
from scoring.conftest import DAYS, Batch, load, shop
from serving.conftest import Shop, trained

__all__ = ["shop"]

NAMES = [*WEATHER.features.raw]
FAULT = Stretch(start=datetime(2015, 12, 20, tzinfo=UTC), end=datetime(2015, 12, 22, tzinfo=UTC))
BAD = ["2015-12-20", "2015-12-21", "2015-12-23"]
LONGER = WEATHER.features.lookback + timedelta(days=len(BAD))
"""Its features count rows, not days."""
ASKED = ScoringInterval(
    start=datetime(2015, 12, 26, tzinfo=UTC), end=datetime(2015, 12, 31, tzinfo=UTC)
)


def damaged() -> pd.DataFrame:
    rows = weather_rows()
    rows.loc[rows["date"].isin(pd.to_datetime(BAD)), "precipitation"] = 50.0
    return rows


def promoted(shop: Shop, **changes: Any) -> Shop:
    """Serve weather as trained without some days, and without a row that was in quarantine."""
    load(shop.settings.database_url, "weather", damaged(), ["date"])
    ref = shop.put("weather", "forest")
    found = shop.dossiers[ref.sha256]
    inputs: Inputs = replace(found.inputs, excluded=(FAULT,), quarantined=True, lookback=LONGER)
    shop.dossiers[ref.sha256] = replace(found, inputs=replace(inputs, **changes))
    shop.promote(ref, 1)
    kept = records_of(shop.settings).quarantine
    kept.put("weather", "sha", ASKED.start, [BadRow(3, {"date": BAD[2]}, ("too wet",))])
    return shop


def wanted(days: pd.Series) -> list[float]:
    """What the model says of days when it sees none of the bad rows, but those asked about."""
    rows = damaged()
    bad = rows["date"].isin(pd.to_datetime(BAD)) & ~rows["date"].isin(days)
    rows = rows[~bad].reset_index(drop=True)
    said = models.predict(trained("weather", "forest"), rows[NAMES]).positive
    return said[rows["date"].isin(days).to_numpy()].tolist()


def test_keys_look_back_at_none_of_them(shop: Shop) -> None:
    days = pd.Series(pd.date_range("2015-12-26", "2015-12-30"))
    keys = [{"date": f"{day:%Y-%m-%d}"} for day in days]

    with promoted(shop).open() as client:
        found = client.post("/weather/predict/batch", json={"keys": keys}).json()["predictions"]

    told = [one["probabilities"]["True"] for one in found]
    assert told == pytest.approx(wanted(days), abs=1e-5)


def test_a_batch_looks_back_at_none_of_them(shop: Shop) -> None:
    batch = Batch(promoted(shop), DAYS)

    batch.score(ASKED)

    wet = "CASE WHEN prediction THEN probability ELSE 1 - probability END"
    rows = query(batch.url, f"SELECT date, {wet} FROM predictions.weather ORDER BY 1")
    days = pd.to_datetime(pd.Series([row[0] for row in rows]))
    assert len(rows) == 5
    assert [row[1] for row in rows] == pytest.approx(wanted(days), abs=1e-5)


def test_a_history_that_is_sent_loses_the_excluded_days(shop: Shop) -> None:
    rows = damaged()[NAMES]
    past = rows[rows["date"].between("2015-12-01", "2015-12-28")]
    sent = past[past["date"] != pd.Timestamp(BAD[2])]
    sent = sent.assign(date=sent["date"].dt.strftime("%Y-%m-%d")).to_dict("records")

    with promoted(shop).open() as client:
        answer = client.post("/weather/predict", json={"history": sent}).json()

    expected = wanted(pd.Series([pd.Timestamp("2015-12-28")]))
    assert [answer["probabilities"]["True"]] == pytest.approx(expected, abs=1e-5)


def test_who_asks_about_one_of_them_is_answered(shop: Shop) -> None:
    with promoted(shop).open() as client:
        answers = [client.post("/weather/predict", json={"key": {"date": day}}) for day in BAD]

    told = [answer.json()["probabilities"]["True"] for answer in answers]
    expected = [wanted(pd.Series(pd.to_datetime([day])))[0] for day in BAD]
    assert told == pytest.approx(expected, abs=1e-5)


def test_nobody_is_asked_where_there_is_no_quarantine(shop: Shop) -> None:
    days = pd.Series(pd.date_range("2015-12-26", "2015-12-30"))
    keys = [{"date": f"{day:%Y-%m-%d}"} for day in days]

    with promoted(shop, quarantined=False).open() as client:
        found = client.post("/weather/predict/batch", json={"keys": keys}).json()["predictions"]

    told = [one["probabilities"]["True"] for one in found]
    assert told != pytest.approx(wanted(days), abs=1e-5)

"""Dates are seen by their parts, the same in training, in batch and of one row."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from evergreen.errors import DeclarationError
from evergreen.learning import models
from evergreen.learning.dates import DateParts, instant, seconds
from evergreen.learning.preparing import splits
from evergreen.spec import Features, UseCase
from flights import boosting, flights, use_case_of

linear = partial(LogisticRegression, max_iter=500)
forest = partial(RandomForestClassifier, n_estimators=10, random_state=0)
MOMENTS = pd.Series(
    ["1899-12-31 23:59:59.999999", "1970-01-01", "2024-02-29 13:30", None], dtype="datetime64[us]"
)


def dated(rows: int = 2_000) -> pd.DataFrame:
    """Flights with the day of the flight, and the moment at which it was booked (or none)."""
    draw = np.random.default_rng(3)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 700, rows), "D")
    booked = day - pd.to_timedelta(draw.integers(0, 90 * 24, rows), "h")
    found = flights(rows).assign(day=day.as_unit("s"), booked=booked.as_unit("us"))
    found.loc[draw.random(rows) < 0.1, "booked"] = pd.NaT
    return found.assign(delayed=(found["day"].dt.dayofweek > 4) | (found["day"].dt.month == 12))


def of_dates(build: Callable[[], Any] = boosting, **features: Any) -> UseCase:
    declared = {"numeric": (), "categorical": (), "dates": ("booked", "day")} | features
    return use_case_of(build, **declared)


def fitted(case: UseCase, rows: pd.DataFrame) -> Pipeline:
    return models.pipeline(case, case.candidates[0]).fit(rows, rows["delayed"])


def test_the_parts_are_those_of_the_calendar() -> None:
    made = DateParts().fit(pd.DataFrame({"at": seconds(MOMENTS)}))

    found = made.transform(pd.DataFrame({"at": seconds(MOMENTS)}))

    assert found["at: month"].tolist()[:3] == MOMENTS.dt.month.tolist()[:3]
    assert found["at: weekday"].tolist()[:3] == MOMENTS.dt.dayofweek.tolist()[:3]
    assert found["at: hour"].tolist()[:3] == MOMENTS.dt.hour.tolist()[:3]
    assert found["at: days"].tolist()[1:3] == [0, 19782.5625]
    assert found.loc[3].isna().all()


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
def test_a_moment_is_the_same_number_however_it_is_held(kind: str) -> None:
    held = MOMENTS.iloc[1:].astype(f"datetime64[{kind}]")
    east = held.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")

    for values in (held, east, held.astype(object), pd.Series(east.tolist(), dtype=object)):
        assert seconds(values).tolist()[:2] == [0, 1709213400]
        assert np.isnan(seconds(values).iloc[2])


@pytest.mark.parametrize(
    "value",
    [
        date(2024, 2, 29), datetime(2024, 2, 29), datetime(2024, 2, 29, tzinfo=UTC),
        datetime(2024, 2, 29, 9, tzinfo=timezone(timedelta(hours=9))),
    ],
)  # fmt: skip
def test_one_value_of_a_request_is_the_same_number(value: Any) -> None:
    assert instant(value) == 1709164800


def test_what_is_no_date_is_refused_by_name() -> None:
    rows = dated().assign(booked="yesterday")

    with pytest.raises(DeclarationError, match=r"features.dates 'booked'.*dates or moments"):
        fitted(of_dates(), rows)


def test_days_are_those_before_the_row_and_midnights_have_no_hour() -> None:
    rows = dated()
    model = fitted(of_dates(since="day"), rows)

    found = model[:-1].transform(rows)

    assert list(found) == [
        "booked: month", "booked: weekday", "booked: hour", "booked: days", "day: month",
        "day: weekday",
    ]  # fmt: skip
    expected = (rows["day"] - rows["booked"]) / pd.Timedelta(days=1)
    assert found["booked: days"].tolist() == pytest.approx(expected.tolist(), nan_ok=True)


def test_what_goes_round_is_a_circle_for_who_draws_lines() -> None:
    rows = dated()

    parts = fitted(of_dates(linear), rows)["prepare"].named_transformers_["dates"]["parts"]
    found = parts.transform(pd.DataFrame({"booked": [0.0], "day": [31 * 86_400.0]}))

    assert found["day: month sin"].tolist() == [np.sin(2 * np.pi / 12)]
    assert found["booked: weekday cos"].tolist() == [np.cos(2 * np.pi * 3 / 7)]
    assert not [name for name in found if name.endswith(("month", "weekday", "hour"))]


@pytest.mark.parametrize(
    ("estimator", "are_trees"),
    [
        (forest(), True), (boosting(), True), (LGBMClassifier(), False), (linear(), False),
        (CalibratedClassifierCV(forest()), True), (CalibratedClassifierCV(linear()), False),
    ],
)  # fmt: skip
def test_trees_split_the_parts_as_they_are(estimator: Any, are_trees: bool) -> None:
    assert splits(estimator) == are_trees


def test_a_candidate_that_sees_one_date_gets_the_one_that_its_days_are_counted_from() -> None:
    case = of_dates(since="day")
    one = models.Candidate(name="one", build=boosting, columns=("booked",))

    model = models.pipeline(case, one).fit(dated(), dated()["delayed"])

    assert "booked: days" in list(model[:-1].transform(dated()))


def seen(rows: pd.DataFrame) -> pd.DataFrame:
    assert str(rows["day"].dtype) == "datetime64[us]"
    return rows[["day"]].assign(day=rows["day"].dt.dayofweek)


def test_a_preparation_of_ones_own_gets_moments() -> None:
    rows = dated()

    model = fitted(of_dates(lambda: make_pipeline(FunctionTransformer(seen), boosting())), rows)

    assert models.predict(model, rows).labels.tolist() == pytest.approx(
        (rows["day"].dt.dayofweek > 4).tolist(), abs=1
    )


@pytest.mark.parametrize("build", [boosting, linear, forest])
def test_one_row_gets_the_answer_that_it_gets_among_all(build: Callable[[], Any]) -> None:
    rows = dated()
    model = fitted(of_dates(build, since="day"), rows)
    together = model[:-1].transform(rows)

    alone = [np.asarray(model[:-1].transform(rows.iloc[[place]])) for place in range(50)]

    assert np.array_equal(np.vstack(alone), np.asarray(together)[:50], equal_nan=True)


def test_a_model_of_dates_is_saved_and_trusted(tmp_path: Path) -> None:
    rows = dated()
    model = fitted(of_dates(linear, since="day"), rows)

    again = models.load(tmp_path / "m", models.save(model, tmp_path / "m"))

    assert models.reproduces(again, models.golden(model, rows[["booked", "day"]])) == 0


def test_days_are_counted_from_a_declared_date() -> None:
    with pytest.raises(DeclarationError, match=r"features.since.*did you mean 'signed_on'"):
        Features(dates=("signed_on",), since="signed_no")

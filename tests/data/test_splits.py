"""Rows are held out by time with an embargo, or by their key alone; folds never look ahead."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergreen import catalog
from evergreen.data.splits import describe, folds, shares, split
from evergreen.errors import DataRefused, DeclarationError
from evergreen.settings import PROJECT
from evergreen.spec import Kind, UseCase, Windows
from use_cases.iris import USE_CASE as IRIS
from use_cases.weather import USE_CASE as WEATHER

AS_OF = datetime(2026, 8, 24, 5, tzinfo=UTC)


def days(first: str = "2022-08-24", last: str = "2026-08-24") -> pd.DataFrame:
    frame = pd.DataFrame({"date": pd.date_range(first, last, unit="s")})
    return frame.assign(rain_tomorrow=np.arange(len(frame)) % 3 == 0)


def flowers(count: int = 300) -> pd.DataFrame:
    species = np.array(["setosa", "versicolor", "virginica"])[np.arange(count) % 3]
    return pd.DataFrame({"id": np.arange(count), "species": species})


def dates(frame: pd.DataFrame, parts: pd.Series, part: str) -> tuple[str, str]:
    inside = frame["date"][parts == part].dt.strftime("%Y-%m-%d")
    return inside.iloc[0], inside.iloc[-1]


def test_holds_out_the_newest_mature_rows_with_an_embargo_before_them() -> None:
    frame = days()

    parts = split(WEATHER, frame, AS_OF)

    assert dates(frame, parts, "holdout") == ("2026-02-24", "2026-08-22")
    assert dates(frame, parts, "embargo") == ("2026-02-23", "2026-02-23")
    assert dates(frame, parts, "training") == ("2022-08-24", "2026-02-22")
    assert dates(frame, parts, "unused") == ("2026-08-23", "2026-08-24")
    assert sum(parts == "holdout") == 180


def test_rows_before_the_training_window_are_unused() -> None:
    frame = days(last="2026-08-22")
    use_case = replace(WEATHER, windows=replace(WEATHER.windows, training=timedelta(days=365)))

    parts = split(use_case, frame, AS_OF)

    assert sum(parts == "training") == 365
    assert dates(frame, parts, "unused") == ("2022-08-24", "2025-02-22")


def test_the_moments_of_a_temporal_split_depend_on_as_of_alone() -> None:
    frame = days()
    some = frame[::3]

    parts = split(WEATHER, frame, AS_OF)

    pd.testing.assert_series_equal(split(WEATHER, some, AS_OF), parts[::3])


@pytest.mark.parametrize("kind", ["date objects", "naive", "UTC", "Los Angeles"])
def test_event_times_of_every_type_split_alike(kind: str) -> None:
    frame = days()
    times = {
        "date objects": frame["date"].dt.date,
        "naive": frame["date"],
        "UTC": frame["date"].dt.tz_localize("UTC"),
        "Los Angeles": frame["date"].dt.tz_localize("UTC").dt.tz_convert("America/Los_Angeles"),
    }

    parts = split(WEATHER, frame.assign(date=times[kind]), AS_OF)

    pd.testing.assert_series_equal(parts, split(WEATHER, frame, AS_OF))


def test_a_row_without_event_time_is_unused() -> None:
    frame = days()
    frame.loc[[0, 1000], "date"] = pd.NaT

    parts = split(WEATHER, frame, AS_OF)

    assert list(parts[[0, 1000]]) == ["unused", "unused"]


def test_keeps_the_index_of_the_frame() -> None:
    frame = flowers().set_index(pd.Index(range(1000, 1300)))

    assert split(IRIS, frame, AS_OF).index.equals(frame.index)


def test_holds_out_about_the_share_that_was_asked_for() -> None:
    parts = split(IRIS, flowers(20_000), AS_OF)

    assert (parts == "holdout").mean() == pytest.approx(0.3, abs=0.01)
    assert set(parts) == {"training", "holdout"}


@given(
    keys=st.lists(st.integers(0, 10**9), unique=True, min_size=1, max_size=30),
    others=st.lists(st.integers(0, 10**9), max_size=30),
    as_of=st.datetimes(timezones=st.just(UTC)),
    at_the_front=st.booleans(),
)
def test_a_row_stays_in_its_part_whatever_rows_come(
    keys: list[int], others: list[int], as_of: datetime, at_the_front: bool
) -> None:
    before = split(IRIS, pd.DataFrame({"id": keys}), AS_OF)
    more = others + keys if at_the_front else keys + others

    after = split(IRIS, pd.DataFrame({"id": more}), as_of)

    found = dict(zip(more, after, strict=True))
    assert [found[key] for key in keys] == list(before)


def test_the_hash_of_a_key_never_changes() -> None:
    keys = pd.DataFrame({"id": [1, 2, 150]})

    assert shares(keys) == pytest.approx([0.964786648, 0.109193740, 0.438760538], abs=1e-8)


@pytest.mark.parametrize(
    "same",
    [[1, 2], [1.0, 2.0], ["1", "2"], [Decimal(1), Decimal("2.0")], pd.array([1, 2], "Int64")],
    ids=["int", "float", "text", "decimal", "nullable"],
)
def test_the_hash_of_a_number_does_not_depend_on_its_type(same: list[object]) -> None:
    expected = shares(pd.DataFrame({"id": np.array([1, 2], dtype="int16")}))

    assert list(shares(pd.DataFrame({"id": same}))) == list(expected)


def test_an_integer_key_hashes_alike_beside_a_missing_one() -> None:
    alone = shares(pd.DataFrame({"id": [7]}))

    beside = shares(pd.DataFrame({"id": [7, None]}))

    assert beside[0] == alone[0]


def test_the_hash_of_a_day_does_not_depend_on_its_type() -> None:
    day = datetime(2026, 8, 24)
    same = [date(2026, 8, 24), day, day.replace(tzinfo=UTC), np.datetime64("2026-08-24", "ns")]

    found = {shares(pd.DataFrame({"day": [value]}))[0] for value in same}

    assert len(found) == 1


def test_the_columns_of_a_key_do_not_run_into_each_other() -> None:
    keys = pd.DataFrame({"one": ["a", "ab"], "two": ["bc", "c"]})

    assert len(set(shares(keys))) == 2


@pytest.mark.parametrize("embargo", [0, 1, 7])
def test_temporal_folds_test_on_newer_rows_than_they_train_on(embargo: int) -> None:
    windows = Windows(holdout=timedelta(days=180), embargo=timedelta(days=embargo))
    frame = days().sample(frac=1, random_state=0)

    made = folds(replace(WEATHER, windows=windows), frame)

    assert len(made) == 5
    for train, test in made:
        gap = frame["date"].iloc[test].min() - frame["date"].iloc[train].max()
        assert gap == timedelta(days=embargo + 1)
    assert [len(train) for train, _ in made] == sorted({len(train) for train, _ in made})


def test_rows_of_one_moment_are_never_on_both_sides_of_a_temporal_fold() -> None:
    frame = days(last="2022-09-30")
    frame = pd.concat([frame] * 5, ignore_index=True)

    for train, test in folds(WEATHER, frame):
        assert not set(frame["date"].iloc[train]) & set(frame["date"].iloc[test])


def test_other_folds_hold_every_row_once_and_every_class_in_each() -> None:
    frame = flowers()

    made = folds(IRIS, frame)

    assert sorted(np.concatenate([test for _, test in made])) == list(range(300))
    assert all(frame["species"].iloc[test].nunique() == 3 for _, test in made)


@pytest.mark.parametrize("use_case, frame", [(WEATHER, days()), (IRIS, flowers())])
def test_the_same_rows_give_the_same_folds(use_case: UseCase, frame: pd.DataFrame) -> None:
    for one, other in zip(folds(use_case, frame), folds(use_case, frame), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_a_rare_class_makes_fewer_folds() -> None:
    frame = flowers(90).assign(species=["rare"] * 3 + ["common"] * 87)

    assert len(folds(IRIS, frame)) == 3


def test_a_fold_that_lacks_a_class_to_train_on_is_left_out() -> None:
    frame = days()
    frame["rain_tomorrow"] &= frame.index > len(frame) / 2

    made = folds(WEATHER, frame)

    assert 0 < len(made) < 5
    assert all(frame["rain_tomorrow"].iloc[train].any() for train, _ in made)


@pytest.mark.parametrize(
    "use_case, frame",
    [
        (WEATHER, days()[:0]),
        (WEATHER, days()[:1]),
        (WEATHER, days().assign(rain_tomorrow=True)),
        (IRIS, flowers(0)),
        (IRIS, flowers(3)),
    ],
    ids=["no rows", "one row", "one class", "no flowers", "one of each"],
)
def test_too_few_rows_are_refused_in_words(use_case: UseCase, frame: pd.DataFrame) -> None:
    with pytest.raises(DataRefused, match="too few for cross-validation"):
        folds(use_case, frame)


def test_tells_the_rule_in_words() -> None:
    assert describe(IRIS, AS_OF) == "hash of id: 30% held out for ever"
    assert describe(WEATHER, AS_OF) == (
        "time (UTC): holdout after 2026-02-23 05:00 up to 2026-08-22 05:00,"
        " embargo of 1 day, 0:00:00 up to it, training of all history up to 2026-02-22 05:00"
    )


CROP = catalog.load(PROJECT / "include" / "use_cases").find("crop")


def harvests(farms: int = 200, seasons: int = 6) -> pd.DataFrame:
    keys = [(farm, season) for farm in range(farms) for season in range(seasons)]
    return pd.DataFrame(keys, columns=["farm", "season"]).assign(kg_per_ha=1.0)


def test_a_group_lies_on_one_side_and_stays_there_with_its_later_rows() -> None:
    part = split(CROP, harvests(seasons=5), AS_OF)
    later = split(CROP, harvests(seasons=6), AS_OF)

    sides = later.groupby(harvests(seasons=6)["farm"]).unique()
    assert all(len(side) == 1 for side in sides)
    first = harvests(seasons=5).assign(part=part).groupby("farm")["part"].first()
    assert (first == [side[0] for side in sides]).all()
    assert 0.2 < (part == "holdout").mean() < 0.4


@pytest.mark.parametrize("kind", list(Kind))
def test_a_group_is_on_one_side_of_every_fold(kind: Kind) -> None:
    rows = harvests()
    truth = [f"{n % 2}" for n in range(len(rows))]
    plain = replace(CROP, kind=Kind.REGRESSION, interval=None)
    metric = {"metric": "f1", "floors": {"f1": 0.1}}
    gate = replace(CROP.gate, **({} if kind is Kind.REGRESSION else metric))

    found = folds(replace(plain, kind=kind, gate=gate), rows.assign(kg_per_ha=truth))

    assert len(found) == 5
    for train, test in found:
        assert not set(rows["farm"].iloc[train]) & set(rows["farm"].iloc[test])


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        ({"holdout": 0.3, "group": ("village",)}, "columns of the key .'farm', 'season'."),
        ({"holdout": timedelta(days=3), "group": ("farm",)}, "the holdout is a time"),
    ],
)
def test_a_group_that_cannot_be_is_refused(windows: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        replace(CROP, windows=Windows(**windows))  # type: ignore[arg-type]


def test_tells_which_groups_are_held_out() -> None:
    assert describe(CROP, AS_OF) == "hash of farm: 30% held out for ever"

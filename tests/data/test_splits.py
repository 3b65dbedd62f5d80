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
from evergreen.data.calendar import Walk
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


def test_judges_the_newest_mature_rows_from_a_cut_of_the_calendar_on() -> None:
    frame = days()

    parts = split(WEATHER, frame, AS_OF)

    walk = Walk.of(WEATHER, AS_OF)
    first = (walk.start + timedelta(days=1)).strftime("%Y-%m-%d")
    assert dates(frame, parts, "holdout") == (first, "2026-08-22")
    assert dates(frame, parts, "training") == ("2022-08-24", f"{walk.start:%Y-%m-%d}")
    assert dates(frame, parts, "unused") == ("2026-08-23", "2026-08-24")
    assert 180 <= sum(parts == "holdout") < 180 + 45


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


@pytest.mark.parametrize("embargo", [None, 1, 7])
def test_each_block_is_answered_by_rows_whose_labels_were_known_when_it_began(
    embargo: int | None,
) -> None:
    declared = None if embargo is None else timedelta(days=embargo)
    use_case = replace(WEATHER, windows=replace(WEATHER.windows, embargo=declared))
    frame = days().sample(frac=1, random_state=0)

    made = folds(use_case, frame, AS_OF)

    assert len(made.judging) == 5
    for fold in (*made.choosing, *made.judging):
        assert fold.block is not None
        newest = frame["date"].iloc[fold.train].max().tz_localize(UTC)
        assert fold.block.start - newest >= timedelta(
            days=max(embargo or 0, 2)
        )  # the label's delay
        assert frame["date"].iloc[fold.test].min().tz_localize(UTC) > fold.block.start


def test_parameters_are_chosen_on_rows_before_those_that_judge() -> None:
    frame = days()

    made = folds(WEATHER, frame, AS_OF)

    chosen = frame["date"].iloc[np.concatenate([fold.test for fold in made.choosing])].max()
    judged = frame["date"].iloc[np.concatenate([fold.test for fold in made.judging])].min()
    assert judged - chosen > timedelta(days=2)


def test_tomorrows_walk_has_the_same_blocks_but_for_the_last() -> None:
    today = Walk.of(WEATHER, AS_OF).judging

    for later in range(1, 40):
        then = Walk.of(WEATHER, AS_OF + timedelta(days=later)).judging
        same = set(today[:-1]) & set(then)
        assert len(same) >= len(today) - 2
        assert then[0].start >= today[0].start


def test_the_newest_fit_learns_from_every_mature_row_of_its_window() -> None:
    frame = days()
    windows = replace(WEATHER.windows, training=timedelta(days=365))

    everything = folds(WEATHER, frame, AS_OF).newest
    some = folds(replace(WEATHER, windows=windows), frame, AS_OF).newest

    assert frame["date"].iloc[everything].max() == pd.Timestamp("2026-08-22")
    assert len(everything) == len(frame) - 2
    assert len(some) == 365


def test_a_short_window_holds_the_newest_rows_of_the_fold() -> None:
    frame = days()
    times = pd.to_datetime(frame["date"], utc=True)
    fold = folds(WEATHER, frame, AS_OF).judging[0]

    short = fold.within(timedelta(days=60), times)

    assert len(short.train) == 60
    assert set(short.train) <= set(fold.train)
    assert short.train.max() == fold.train.max()
    np.testing.assert_array_equal(short.test, fold.test)


def test_rows_of_one_moment_are_never_on_both_sides_of_a_fold() -> None:
    frame = pd.concat([days()] * 3, ignore_index=True)

    for fold in folds(WEATHER, frame, AS_OF).judging:
        assert not set(frame["date"].iloc[fold.train]) & set(frame["date"].iloc[fold.test])


def test_a_history_too_short_for_blocks_is_cut_into_equal_parts_to_choose_on() -> None:
    frame = days(first="2026-01-20")

    made = folds(WEATHER, frame, AS_OF)

    assert made.choosing
    assert all(fold.block is None for fold in made.choosing)
    judged = min(fold.test.min() for fold in made.judging)
    for fold in made.choosing:
        assert fold.train.max() < fold.test.min()
        assert fold.test.max() < judged


def test_other_folds_hold_every_training_row_once_and_every_class_in_each() -> None:
    frame = flowers()

    made = folds(IRIS, frame, AS_OF)

    [twin] = made.judging
    assert sorted(np.concatenate([fold.test for fold in made.choosing])) == sorted(twin.train)
    assert all(frame["species"].iloc[fold.test].nunique() == 3 for fold in made.choosing)
    assert not set(twin.train) & set(twin.test)
    assert sorted([*twin.train, *twin.test]) == list(range(300))


@pytest.mark.parametrize("use_case, frame", [(WEATHER, days()), (IRIS, flowers())])
def test_the_same_rows_give_the_same_folds(use_case: UseCase, frame: pd.DataFrame) -> None:
    once, again = (folds(use_case, frame, AS_OF) for _ in range(2))
    pairs = zip((*once.choosing, *once.judging), (*again.choosing, *again.judging), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.train, other.train)
        np.testing.assert_array_equal(one.test, other.test)


def test_a_rare_class_makes_fewer_folds() -> None:
    frame = flowers(90).assign(species=["rare"] * 5 + ["common"] * 85)

    trained = split(IRIS, frame, AS_OF) == "training"
    rare = int((frame["species"][trained] == "rare").sum())

    assert len(folds(IRIS, frame, AS_OF).choosing) == rare < 5


def test_a_fold_that_lacks_a_class_to_train_on_is_left_out() -> None:
    frame = days()
    frame["rain_tomorrow"] &= frame.index > len(frame) - 320

    made = folds(WEATHER, frame, AS_OF)

    assert 0 < len(made.choosing) < len(folds(WEATHER, days(), AS_OF).choosing)
    assert all(frame["rain_tomorrow"].iloc[fold.train].any() for fold in made.choosing)


@pytest.mark.parametrize(
    "use_case, frame",
    [
        (WEATHER, days()[:0]),
        (WEATHER, days()[:1]),
        (IRIS, flowers(0)),
        (IRIS, flowers(3)),
    ],
    ids=["no rows", "one row", "no flowers", "one of each"],
)
def test_too_few_rows_are_refused_in_words(use_case: UseCase, frame: pd.DataFrame) -> None:
    with pytest.raises(DataRefused, match="rows are too few to"):
        folds(use_case, frame, AS_OF)


def test_tells_the_rule_in_words() -> None:
    assert describe(IRIS, AS_OF) == "hash of id: 30% held out for ever, judged by twins"
    assert describe(WEATHER, AS_OF) == (
        f"walk forward (UTC): judged after {Walk.of(WEATHER, AS_OF).start:%Y-%m-%d} 00:00 up to"
        " 2026-08-22 05:00 in 5 blocks of 45 days, each by a fit that ends 2 days before it"
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

    found = folds(replace(plain, kind=kind, gate=gate), rows.assign(kg_per_ha=truth), AS_OF)

    assert len(found.choosing) == 5
    for fold in (*found.choosing, *found.judging):
        assert not set(rows["farm"].iloc[fold.train]) & set(rows["farm"].iloc[fold.test])


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
    assert describe(CROP, AS_OF) == "hash of farm: 30% held out for ever, judged by twins"


def test_folds_of_sorted_rows_share_their_positions() -> None:
    frame = days("2024-01-01").astype({"date": "datetime64[us]"})

    found = folds(WEATHER, frame, AS_OF)

    trains = [fold.train for fold in (*found.choosing, *found.judging)]
    assert all(np.shares_memory(found.newest, train) for train in trains)
    assert all(np.array_equal(train, np.arange(len(train))) for train in trains)

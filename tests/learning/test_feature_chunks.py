"""Features of rows that have not changed are neither computed nor stored again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evergreen import storage
from evergreen.data import chunks, snapshots
from evergreen.data.extraction import extract
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.warehouse import connect
from evergreen.errors import DeclarationError, SnapshotCorrupt
from evergreen.learning import features
from evergreen.learning.feature_code import FeatureCode
from evergreen.refs import FeaturesRef, SnapshotRef
from evergreen.retention.choosing import choose
from evergreen.retention.limits import SETTINGS, Limits
from evergreen.retention.reach import Reached
from evergreen.retention.things import look
from evergreen.settings import Settings
from evergreen.spec import Features, Source, UseCase, Windows
from evergreen.storage import Store
from learning import IRIS, WEATHER

FIRST, LAST = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 8, 20, 23, tzinfo=UTC)
LOOKBACK = timedelta(days=3)
TABLE = f"""
    CREATE TABLE sales AS
    SELECT n AS id, timestamptz '{FIRST.isoformat()}' + n * interval '6 hours' AS at,
           mod(n * 7919, 104729) / 1000.0::float8 AS price, 'kind ' || n % 3 AS kind,
           n % 2 = 0 AS sold
    FROM generate_series(0, 447) AS n
"""
Sql = Callable[[str], None]


def recent(raw: pd.DataFrame) -> pd.DataFrame:
    mean = raw.set_index("at")["price"].rolling("3D").mean()
    return raw.assign(recent=mean.to_numpy())


def recent_and_more(raw: pd.DataFrame) -> pd.DataFrame:
    mean = raw.set_index("at")["price"].rolling("3D").mean()
    return raw.assign(recent=mean.to_numpy() + 1)


def spread(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(recent=raw.set_index("at")["price"].rolling("3D").std().to_numpy())


def numbered(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(recent=raw.index.to_numpy())


def doubled(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(recent=raw["price"] * 2)


def use_case(function: Any = recent, timestamp: str | None = "at") -> UseCase:
    source = Source(table="sales", key=("id",), timestamp=timestamp, target="sold")
    declared = Features(
        numeric=("price", "recent"), categorical=("kind",), function=function,
        inputs=("at", "price", "kind"), lookback=LOOKBACK if timestamp else timedelta(0),
    )  # fmt: skip
    windows = Windows(holdout=timedelta(days=20) if timestamp else 0.2)
    return replace(
        WEATHER,
        name="sales",
        source=source,
        features=declared,
        windows=windows,
        baselines=IRIS.baselines,
    )


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are cut as large ones are."""
    monkeypatch.setattr(chunks, "SMALL", 20)


@pytest.fixture
def sql(database_url: str) -> Sql:
    """Four rows a day are there, and statements change them."""

    def execute(statement: str) -> None:
        with connect(database_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    execute(TABLE)
    return execute


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each call of the feature code got, but for those of checks."""
    calls: list[int] = []
    original = FeatureCode.transform

    def transform(step: FeatureCode, raw: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(raw))
        return original(step, raw)

    monkeypatch.setattr("evergreen.learning.features.check_no_lookahead", lambda *_: None)
    monkeypatch.setattr("evergreen.learning.feature_chunks.check_chunk", lambda *_: None)
    monkeypatch.setattr(FeatureCode, "transform", transform)
    return calls


def taken(settings: Settings, days_before: int = 0, case: UseCase | None = None) -> SnapshotRef:
    as_of = LAST - timedelta(days=days_before)
    return extract(case or use_case(), as_of=as_of, asked_at=LAST, settings=settings)


def build(settings: Settings, days_before: int = 0, case: UseCase | None = None) -> FeaturesRef:
    case = case or use_case()
    return features.build(taken(settings, days_before, case), case, settings)


def files(settings: Settings) -> set[str]:
    return set((Store(str(settings.home)) / "snapshots").list("sales.features/chunks/*"))


def names(settings: Settings, built: FeaturesRef, new: set[str]) -> list[str]:
    """Return the names of the chunks of features whose files are new."""
    group = snapshots.of(settings).groups(built.uri, built.sha256)[0]
    return [chunk.name for chunk in group.chunks if f"sales.features/chunks/{chunk.file}" in new]


@pytest.mark.usefixtures("sql")
def test_one_more_day_costs_the_features_of_one_more_day(
    settings: Settings, computed: list[int]
) -> None:
    build(settings, 1)
    before = files(settings)
    computed.clear()

    second = build(settings)

    new = files(settings) - before
    split = snapshots.of(settings).groups(second.uri, second.sha256)[1].chunks[0]
    assert names(settings, second, new) == ["2026-08-20"]
    assert len(new) == 2  # the features of the day, and the part of every row
    assert computed == [(20 + 3) * 4]  # the month, and three days before it
    assert split.bytes < 2_000


@pytest.mark.usefixtures("sql")
def test_features_made_by_chunk_are_those_of_all_rows(settings: Settings) -> None:
    build(settings, 1)

    frame = features.load(build(settings), settings)

    ref = taken(settings)
    raw = snapshots.of(settings).frame(ref.uri, ref.sha256)
    whole = features.compute(use_case(), raw)
    pd.testing.assert_frame_equal(frame[list(whole)], whole, rtol=1e-9)
    assert list(frame) == ["id", "at", "part", "price", "recent", "kind", "sold"]
    assert frame["id"].tolist() == raw["id"].tolist()
    assert frame["sold"].tolist() == raw["sold"].astype(int).tolist()


def test_days_have_to_the_last_digit_the_features_that_their_month_has(
    settings: Settings, sql: Sql
) -> None:
    sql("UPDATE sales SET price = 1e4 WHERE id = 130")  # sums that it was in are never the same
    spreading = use_case(spread)
    days = features.load(build(settings, 20, spreading), settings)  # in July, June lies in days

    month = features.load(build(settings, 0, spreading), settings)

    june = month["at"].between("2026-06-01", "2026-06-30 23:59")
    assert (days.loc[june.index[june], "recent"] == month.loc[june, "recent"]).all()
    assert june.sum() == 120


@pytest.mark.parametrize(
    ("id", "again"),
    [
        (40, ["2026-05"]),
        (30 * 4, ["2026-05", "2026-06"]),
        (110 * 4, ["2026-08-19", "2026-08-20"]),
    ],
    ids=["early in May", "on the last of May", "yesterday"],
)
def test_a_correction_costs_its_chunk_and_those_that_look_back_at_it(
    settings: Settings, sql: Sql, id: int, again: list[str]
) -> None:
    first = build(settings)
    before = files(settings)
    sql(f"UPDATE sales SET price = 10000 WHERE id = {id}")

    second = build(settings)

    assert names(settings, second, files(settings) - before) == again
    assert second.sha256 != first.sha256
    assert features.load(second, settings)["recent"].max() > 800


@pytest.mark.usefixtures("sql")
def test_other_feature_code_makes_all_chunks_again(settings: Settings) -> None:
    first = build(settings)
    before = files(settings)

    second = build(settings, case=use_case(recent_and_more))

    one, other = (features.load(ref, settings) for ref in (first, second))
    count = len(snapshots.of(settings).groups(second.uri, second.sha256)[0].chunks)
    assert len(files(settings) - before) == count > 40
    assert np.allclose(other["recent"], one["recent"] + 1)


def test_without_a_time_a_change_costs_the_features_of_its_hash(
    settings: Settings, sql: Sql
) -> None:
    timeless = use_case(doubled, timestamp=None)
    build(settings, case=timeless)
    before = files(settings)
    sql("UPDATE sales SET price = 7 WHERE id = 3")

    second = build(settings, case=timeless)

    frame = features.load(second, settings).set_index("id")
    assert len(before) > 10
    assert len(files(settings) - before) == 1
    assert (frame.loc[3, "price"], frame.loc[3, "recent"]) == (7, 14)


def test_other_types_of_the_raw_rows_make_all_chunks_again(settings: Settings, sql: Sql) -> None:
    build(settings)
    before = files(settings)
    sql("ALTER TABLE sales ALTER COLUMN id TYPE bigint")

    second = build(settings)

    assert len(names(settings, second, files(settings) - before)) > 40


@pytest.mark.usefixtures("sql")
def test_what_a_dead_process_left_is_taken_up_and_changes_nothing(
    settings: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, written = SnapshotStore.add, []

    def dies(store: SnapshotStore, use_case: str, *others: Any, **more: Any) -> Any:
        if use_case == "sales.features":
            written.append(use_case)
            if len(written) == 7:
                raise KeyboardInterrupt
        return original(store, use_case, *others, **more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SnapshotStore, "add", dies)
        build(settings)
    left = files(settings)
    second = build(settings)

    elsewhere = replace(settings, home=tmp_path / "elsewhere")
    assert len(left) == 6
    assert build(elsewhere).sha256 == second.sha256
    assert left < files(settings) == files(elsewhere)
    assert not list(settings.home.rglob(".drafts/*"))


@pytest.mark.usefixtures("sql")
def test_a_damaged_chunk_of_features_is_made_again(settings: Settings) -> None:
    first = build(settings)
    path = settings.home / "snapshots" / min(files(settings))
    good = path.read_bytes()
    path.write_bytes(good[:-1])

    second = build(settings)

    assert second == first
    assert path.read_bytes() == good


@pytest.mark.usefixtures("sql")
def test_a_function_that_reads_the_numbers_of_rows_is_refused(settings: Settings) -> None:
    with pytest.raises(DeclarationError, match=r"'recent'.*the same among more rows"):
        build(settings, case=use_case(numbered))

    assert not files(settings)


def test_pruning_takes_the_chunks_that_only_what_goes_was_made_of(
    settings: Settings, sql: Sql
) -> None:
    first, before = build(settings, 1), files(settings)
    sql("UPDATE sales SET price = 10000 WHERE id = 40")
    second = build(settings)
    kept = features.load(second, settings)
    store, reached = storage.of(settings), Reached()
    reached.rows("the champion", second.sha256, second.snapshot.sha256)
    ages = dict.fromkeys(SETTINGS, timedelta(days=90))
    limits = Limits(ages=ages, champions=1, decisions=1)

    shelf = look("sales", store, reached, [])
    chosen = choose(shelf, limits, datetime.now(UTC) + timedelta(days=100))
    for path in (*(path for thing in chosen.going for path in thing.own), *chosen.shared):
        store.delete(path)

    assert len(before - files(settings)) == 2  # the features of May, and the split
    pd.testing.assert_frame_equal(features.load(second, settings), kept)
    with pytest.raises(SnapshotCorrupt):
        features.load(first, settings)


@pytest.mark.usefixtures("sql")
def test_without_a_function_no_more_than_a_chunk_is_held(
    settings: Settings, computed: list[int]
) -> None:
    plain = replace(use_case(), features=Features(numeric=("price",), categorical=("kind",)))

    built = build(settings, case=plain)

    stored = [chunk.rows for chunk in chunks_of(settings, built)]
    assert sorted(computed) == sorted(2 * stored)  # looked through, then written
    raw = snapshots.of(settings).frame(built.snapshot.uri, built.snapshot.sha256)
    made = features.load(built, settings)[["price", "kind"]]
    pd.testing.assert_frame_equal(made, features.compute(plain, raw))


def chunks_of(settings: Settings, built: FeaturesRef) -> Any:
    return snapshots.of(settings).groups(built.uri, built.sha256)[0].chunks

"""Stored features: filled by a training, read by key, the same bits as computed from raw rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from cities import AS_OF, NAMES, USE_CASE, put, rows
from database import query, records_of
from databases import Databases
from evergreen import console, cycle, dossier, scaffold, steps
from evergreen.catalog import Catalog
from evergreen.forgetting.story import forget
from evergreen.learning import features
from evergreen.records.errors import DatabaseAway
from evergreen.records.subjects import Asked
from evergreen.refs import FeaturesRef
from evergreen.scoring.seen import seen
from evergreen.serving.app import create_app
from evergreen.serving.stored import columns
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from serving.conftest import Client, eventually, live

ROWS = rows()
DELAY = timedelta(days=5)
STORED = replace(
    USE_CASE,
    features=replace(USE_CASE.features, stored=True),
    source=replace(USE_CASE.source, label_delay=DELAY),
    schedule=None,
)
LATER = AS_OF + timedelta(days=1)
KEY = {"city": NAMES[3], "day": "2026-10-20"}
YOUNG = {"city": NAMES[3], "day": "2026-10-30"}


def asked_for(key: str, as_of: datetime = AS_OF) -> Run:
    return Run(as_of=as_of, asked_at=LATER, key=key, actor="ada", purpose="backfill")


def prepared(url: str, home: Any, tracking_url: str = "", *statements: str) -> Settings:
    settings = Settings(
        home=home, database_url=url, tracking_uri=tracking_url,
        artifacts_url=str(home / "artifacts"), use_cases_dir=home / "use_cases",
        expectations_dir=home / "expectations",
    )  # fmt: skip
    put(url, ROWS)
    for statement in statements:
        query(url, statement)
    scaffold.new("sales", table="sales", target="sold", time="day", settings=settings)
    return settings


def reading(column: str) -> UseCase:
    """Return the use case whose features get one more column."""
    inputs = (*STORED.features.inputs, column)
    return replace(STORED, features=replace(STORED.features, inputs=inputs))


class House:
    """Rows, and what is stored of them; no model."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.records = settings, records_of(settings)

    def built(self, as_of: datetime = AS_OF, use_case: UseCase = STORED) -> FeaturesRef:
        run = asked_for("t/1", as_of)
        given: Any = {"records": self.records, "settings": self.settings}
        snapshot = steps.extract(use_case, run, **given)
        return steps.build_features(
            use_case, steps.validate(use_case, snapshot, run, **given), run, **given
        )

    def fill(self, as_of: datetime = AS_OF, use_case: UseCase = STORED) -> Any:
        return steps.store_features(
            use_case, self.built(as_of, use_case), asked_for("t/1", as_of),
            records=self.records, settings=self.settings,
        )  # fmt: skip

    def stored(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        found = query(
            self.settings.database_url,
            "SELECT key ->> 'city', left(key ->> 'day', 10), numbers, as_of"
            " FROM evergreen.features",
        )
        return {(city, day): told for city, day, *told in found}


@pytest.fixture
def house(settings: Settings, tmp_path: Any) -> House:
    return House(prepared(settings.database_url, tmp_path, settings.tracking_uri))


def test_what_is_stored_has_the_bits_of_training_and_of_the_young_rows(house: House) -> None:
    ref = house.built()
    kept = features.load(ref, house.settings)
    there = features.compute(STORED, ROWS)[list(STORED.features.columns)]

    filled = house.fill()

    stored = house.stored()
    keys = list(zip(ROWS["city"], ROWS["day"].dt.strftime("%Y-%m-%d"), strict=True))
    places = {key: place for place, key in enumerate(keys)}
    bits = np.array([stored[key][0] for key in stored])
    assert bits.tobytes() == there.iloc[[places[key] for key in stored]].to_numpy().tobytes()
    in_training = kept.set_index(["city", kept["day"].dt.strftime("%Y-%m-%d")])
    both = [key for key in stored if key in in_training.index]
    assert np.array([stored[key][0] for key in both]).tobytes() == (
        in_training.loc[both, list(STORED.features.columns)].to_numpy().tobytes()
    )
    assert len(stored) == filled.rows
    assert (NAMES[3], "2026-10-30") in stored
    assert filled.young == len(stored) - len(both) > 0
    assert (NAMES[3], "2026-07-07") not in stored  # its history is cut off
    assert (NAMES[3], "2026-07-08") in stored


def test_the_same_again_writes_nothing_and_a_correction_replaces_its_row(house: House) -> None:
    url = house.settings.database_url
    first, before = house.fill(), house.stored()
    assert first.written > 1
    assert house.fill().written == 0
    assert house.stored() == before

    query(url, f"UPDATE sales SET visits = 1000 WHERE city = '{NAMES[3]}' AND day = '2026-10-20'")
    house.fill(AS_OF + timedelta(hours=1))

    after = house.stored()
    changed = {key for key in after if after[key][0] != before[key][0]}
    assert {city for city, _ in changed} == {NAMES[3]}
    assert (NAMES[3], "2026-10-20") in changed
    query(url, f"DELETE FROM sales WHERE city = '{NAMES[3]}' AND day = '2026-10-20'")
    house.fill(AS_OF + timedelta(hours=2))
    assert (NAMES[3], "2026-10-20") not in house.stored()


def test_a_database_that_is_away_empties_nothing(
    house: House,
) -> None:
    built, before = house.built(), house.fill().young
    away = replace(house.settings, apart_warehouse_url="postgresql://127.0.0.1:1/nobody")

    with pytest.raises(DatabaseAway):
        steps.store_features(STORED, built, asked_for("t/2"), records=house.records, settings=away)

    assert house.fill().young == before > 0


def test_an_older_moment_overwrites_nothing_newer(house: House) -> None:
    old = house.built(AS_OF - timedelta(days=3))
    house.fill()
    before = house.stored()

    told = steps.store_features(
        STORED, old, asked_for("t/0", AS_OF - timedelta(days=3)), records=house.records,
        settings=house.settings,
    )  # fmt: skip

    assert told.sentence == "Nothing is stored: what is there is of a later moment."
    assert house.stored() == before


def test_a_row_after_one_that_training_left_out_is_not_stored(house: House) -> None:
    url = house.settings.database_url
    query(url, f"UPDATE sales SET sold = NULL WHERE city = '{NAMES[3]}' AND day = '2026-10-10'")

    house.fill()

    stored = house.stored()
    lacking = {f"2026-10-{day}" for day in range(10, 18)}
    assert not lacking & {day for city, day in stored if city == NAMES[3]}
    assert {(NAMES[3], "2026-10-09"), (NAMES[3], "2026-10-18"), (NAMES[4], "2026-10-12")} <= {
        *stored
    }


def test_a_date_that_is_missing_is_stored_as_null(settings: Settings, tmp_path: Any) -> None:
    opened = (
        "ALTER TABLE sales ADD opened date",
        f"UPDATE sales SET opened = day WHERE city <> '{NAMES[3]}'",
    )
    house = House(prepared(settings.database_url, tmp_path, settings.tracking_uri, *opened))

    house.fill(use_case=reading("opened"))

    told = "SELECT DISTINCT raw ->> 'opened' IS NULL FROM evergreen.features WHERE key ->> 'city'"
    assert query(settings.database_url, f"{told} = '{NAMES[3]}'") == [(True,)]
    assert query(settings.database_url, f"{told} = '{NAMES[4]}'") == [(False,)]


def test_a_row_that_training_left_out_may_lack_a_whole_number(
    settings: Settings, tmp_path: Any
) -> None:
    staff = "ALTER TABLE sales ADD staff int DEFAULT 1"
    house = House(prepared(settings.database_url, tmp_path, settings.tracking_uri, staff))
    query(
        settings.database_url,
        f"UPDATE sales SET sold = NULL, staff = NULL WHERE city = '{NAMES[3]}'"
        " AND day = '2026-10-10'",
    )

    house.fill(use_case=reading("staff"))

    assert not {(NAMES[3], f"2026-10-{day}") for day in range(10, 18)} & {*house.stored()}
    assert (NAMES[3], "2026-10-18") in house.stored()


def test_the_newest_of_an_entity_is_found_as_of_a_moment(house: House) -> None:
    filled = house.fill()
    find = house.records.features.newest

    def of(at: datetime | None) -> str:
        found = find("sales", filled.definition, {"city": NAMES[3]}, at)
        assert found is not None
        return f"{found.time:%Y-%m-%d}"

    assert of(None) == "2026-10-31"
    assert of(datetime(2026, 9, 1, 12, tzinfo=UTC)) == "2026-09-01"
    assert (
        find("sales", filled.definition, {"city": NAMES[3]}, datetime(2026, 7, 2, tzinfo=UTC))
        is None
    )
    assert find("sales", "another", {"city": NAMES[3]}) is None
    assert find("sales", filled.definition, {"city": "nowhere"}) is None


def test_a_subject_is_deleted_from_what_is_stored(house: House) -> None:
    house.fill()
    asked = Asked({"city": [NAMES[3]]}, {})

    assert house.records.features.about("sales", asked) > 100
    assert house.records.features.about("weather", asked) == 0
    house.records.features.forget("sales", asked)

    assert house.records.features.about("sales", asked) == 0
    assert {city for city, _ in house.stored()} == {*NAMES} - {NAMES[3]}


def test_a_definition_is_dropped_with_its_rows_and_other_code_is_another(house: House) -> None:
    first = house.fill()
    wider = replace(STORED, features=replace(STORED.features, numeric=("week", "before")))

    second = house.fill(use_case=wider)

    assert first.definition != second.definition
    told = house.records.features.definitions("sales")
    assert {one["sha256"]: one["rows"] for one in told} == {
        first.definition: first.rows,
        second.definition: second.rows,
    }
    house.records.features.drop("sales", first.definition)
    assert [one["sha256"] for one in house.records.features.definitions("sales")] == [
        second.definition
    ]


def test_forgetting_a_subject_forgets_what_is_stored_of_it(house: House) -> None:
    house.fill()
    before, hers = house.stored(), (f"city={NAMES[3]}",)
    query(house.settings.database_url, f"DELETE FROM sales WHERE city = '{NAMES[3]}'")
    given: Any = {
        "reason": "asked to", "actor": "bob", "as_of": LATER,
        "catalog": Catalog({"sales": STORED}), "records": house.records,
        "settings": house.settings,
    }  # fmt: skip

    told = forget("sales", hers, apply=False, **given)
    untouched = house.stored()
    done = forget("sales", hers, apply=True, **given)

    counts = [{one.name: one.things for one in each.places} for each in (told, done)]
    assert untouched == before
    assert house.stored() == {key: row for key, row in before.items() if key[0] != NAMES[3]}
    assert counts[0]["stored features"] == counts[1]["stored features"]
    assert counts[0]["stored features"] == len(before) - len(house.stored()) > 0


@pytest.fixture(scope="module")
def shop(
    databases: Databases, mlflow_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, Client]]:
    home = tmp_path_factory.mktemp("stored")
    with databases.lend() as url, mlflow_databases.lend() as tracking_url:
        tracking = tracking_url.replace("postgresql://", "postgresql+psycopg2://")
        house = House(prepared(url, home, tracking))
        run = replace(asked_for("t/1"), purpose="train")
        done = cycle.run(STORED, run, records=house.records, settings=house.settings)
        assert done.to_json()["promoted"], done.sentence
        fresh(house)
        with live(create_app(house.settings), house.settings) as client:
            yield house, client


def fresh(house: House, until: str = "now() + interval '1 day'") -> None:
    query(
        house.settings.database_url,
        f"UPDATE evergreen.feature_definitions SET good_until = {until}",
    )


def ask(client: Client, *keys: dict[str, str]) -> Any:
    return client.post("/sales/predict/batch", json={"keys": list(keys)}).json()


def test_a_stored_row_is_answered_alike_without_its_history(shop: tuple[House, Client]) -> None:
    house, client = shop
    stored = ask(client, KEY, YOUNG)
    fresh(house, "now() - interval '1 hour'")
    computed = ask(client, KEY, YOUNG)
    fresh(house)

    said = [[one["prediction"] for one in each["predictions"]] for each in (stored, computed)]
    assert said[0] == said[1]
    assert stored["features_as_of"] == "2026-11-01T00:00:00Z"
    assert "notes" not in stored
    assert "features_as_of" not in computed
    assert computed["notes"] == [
        "features computed from raw rows: what is stored is of 2026-11-01 00:00 UTC, too old"
    ]
    metrics = client.get("/metrics").text
    assert 'evergreen_features_total{source="stored",use_case="sales"} 2.0' in metrics
    assert 'evergreen_features_total{source="computed",use_case="sales"} 2.0' in metrics


def test_raw_rows_are_not_read_for_what_is_stored(
    shop: tuple[House, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = shop
    monkeypatch.setattr("evergreen.serving.history.read", lambda *_: pytest.fail("it was read"))

    assert ask(client, KEY)["features_as_of"]


def test_what_is_not_stored_is_computed_and_says_so(shop: tuple[House, Client]) -> None:
    house, client = shop
    early = {"city": NAMES[3], "day": "2026-07-03"}

    told = ask(client, early)

    why = "features computed from raw rows: nothing is stored of the row by this model's definition"
    assert told["notes"][0] == why
    assert "features_as_of" not in told
    query(house.settings.database_url, "UPDATE evergreen.feature_definitions SET sha256 = 'x'")
    other = ask(client, KEY)
    own = dossier.read(house.records.dossiers, "sales", 1).inputs.definition
    query(house.settings.database_url, f"UPDATE evergreen.feature_definitions SET sha256 = '{own}'")
    assert other["notes"] == [why]


def test_the_record_of_an_answer_holds_its_raw_row(shop: tuple[House, Client]) -> None:
    house, client = shop
    key = {"city": NAMES[5], "day": "2026-10-21"}
    ids = [ask(client, key)["predictions"][0]["id"]]
    fresh(house, "now() - interval '1 hour'")
    ids += [ask(client, key)["predictions"][0]["id"]]
    fresh(house)

    def kept() -> list[tuple[Any, ...]]:
        told = "', '".join(ids)
        sql = f"SELECT inputs, key FROM evergreen.predictions WHERE id IN ('{told}')"
        return query(house.settings.database_url, sql)

    first, second = eventually(lambda: len(found := kept()) == 2 and found)
    assert first == second
    assert {*first[0]} == {"day", "city", "visits"}


def test_columns_of_stored_rows_are_those_of_the_code(shop: tuple[House, Client]) -> None:
    house, _ = shop
    inputs = dossier.read(house.records.dossiers, "sales", 1).inputs
    found = house.records.features.newest("sales", inputs.definition, {"city": NAMES[3]})
    assert found is not None

    assert list(columns(inputs, [found])) == ["week", "before", "weekday"]


def test_a_person_sees_what_is_stored_beside_what_is_computed(
    shop: tuple[House, Client], capsys: pytest.CaptureFixture[str]
) -> None:
    house, _ = shop
    given: Any = {"records": house.records, "settings": house.settings}
    url = house.settings.database_url

    alike = seen("sales", KEY, **given)
    query(url, f"UPDATE sales SET visits = 1e6 WHERE city = '{NAMES[3]}' AND day = '2026-10-19'")
    later = seen("sales", KEY, **given)
    console.seen(later, as_json=False)
    none = seen("sales", {"city": NAMES[3], "day": "2026-07-03"}, **given)

    assert alike.stored is not None
    assert alike.stored.features == alike.features
    assert (alike.stored.as_of, alike.stored.run_key) == (AS_OF, "t/1")
    assert later.stored == alike.stored
    assert later.features != alike.features
    assert none.stored is None
    told = capsys.readouterr().out
    assert f"(stored: {alike.features['before']})" in told
    assert "Others are stored, as of 2026-11-01 00:00 UTC, by run t/1 (definition" in told

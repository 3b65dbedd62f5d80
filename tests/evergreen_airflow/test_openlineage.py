"""What OpenLineage is told; that it arrives, `test_existing_airflow` looks at in a real Airflow."""

from dataclasses import replace
from pathlib import Path

import pytest

from bag import USE_CASES
from evergreen.catalog import load
from evergreen.settings import Settings

pytestmark = pytest.mark.usefixtures("airflow")


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        database_url="postgresql://ada:secret@db:5433/shop",
        tracking_uri="http://ml",
        artifacts_url="",
        use_cases_dir=USE_CASES,
        expectations_dir=tmp_path,
    )


@pytest.mark.parametrize(
    ("url", "table", "expected"),
    [
        ("postgresql://ada:secret@db:5433/shop", "orders", ("postgres://db:5433", "public.orders")),
        (
            "postgresql://ada@a:1,b:2/shop?sslmode=require",
            "orders",
            ("postgres://a:1", "public.orders"),
        ),
        ("postgresql+psycopg2://[::1]/shop", "orders", ("postgres://::1:5432", "public.orders")),
        ("postgresql:///shop?host=/run", "orders", ("postgres://localhost:5432", "public.orders")),
        ("postgresql:///shop", "sales.orders", ("postgres://localhost:5432", "sales.orders")),
    ],
)
def test_a_table_is_named_without_its_login(
    known: Settings, url: str, table: str, expected: tuple[str, str]
) -> None:
    from evergreen_airflow.openlineage import in_warehouse

    found = in_warehouse(table, replace(known, apart_warehouse_url=url))

    assert (found.namespace, found.name) == (expected[0], f"shop.{expected[1]}")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://lake/ours/snapshots/a1", ("s3://lake", "ours/snapshots/a1")),
        ("/var/lib/ours/a1", ("file", "/var/lib/ours/a1")),
        ("file:///var/lib/ours/a1", ("file", "/var/lib/ours/a1")),
    ],
)
def test_an_address_of_the_store_is_named_as_openlineage_does(
    uri: str, expected: tuple[str, str]
) -> None:
    from evergreen_airflow.openlineage import in_store

    found = in_store(uri, "a1")

    assert (found.namespace, found.name, found.version) == (*expected, "a1")


def test_what_a_task_moved_is_told_with_where_it_comes_from(
    known: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.lineage import HookLineageCollector

    from evergreen_airflow import openlineage

    collector = HookLineageCollector()
    monkeypatch.setattr(openlineage, "get_hook_lineage_collector", lambda: collector)
    iris = load(USE_CASES).find("iris")

    openlineage.moved(openlineage.table(iris, known), [openlineage.model(iris, 3, known)])

    told = collector.collected_assets
    [table], [model] = told.inputs, told.outputs
    assert table.asset.extra["columns"][:2] == ("id", "sepal_length")
    assert (model.asset.extra["name"], model.asset.extra["version"]) == ("iris", "3")
    assert model.asset.extra["sources"] == [("postgres://db:5433", "shop.public.iris")]
    assert model.asset.extra["made_from"] == {"prediction": iris.features.raw}


def test_a_model_is_named_without_the_login_of_mlflow(known: Settings) -> None:
    from evergreen_airflow.openlineage import model

    iris = load(USE_CASES).find("iris")
    found = model(iris, 3, replace(known, tracking_uri="https://ada:se@cret@ml:5000/path"))

    assert found.namespace == "https://ml:5000/path"
    assert model(iris, 3, known).namespace == "http://ml"


def test_without_the_provider_nothing_is_told() -> None:
    from airflow.sdk.lineage import NoOpCollector, get_hook_lineage_collector

    from evergreen_airflow.openlineage import in_store, moved

    moved([in_store("/a")], [in_store("/b")])

    assert isinstance(get_hook_lineage_collector(), NoOpCollector)
    assert not get_hook_lineage_collector().has_collected


def test_a_query_of_ones_own_names_no_table(known: Settings) -> None:
    from evergreen_airflow.openlineage import table

    iris = load(USE_CASES).find("iris")
    asked = replace(iris, source=replace(iris.source, table=None, query="SELECT 1"), ingest=None)

    assert table(asked, known) == []

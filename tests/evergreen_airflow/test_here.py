"""Where the settings come from inside Airflow."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from evergreen.settings import Variables

RECORDS = {
    "host": "db",
    "port": 5432,
    "login": "me",
    "password": "p@ss/word",
    "schema": "evergreen",
}
MLFLOW = {"conn_type": "http", "host": "mlflow", "port": 5000, "login": "ada", "password": "secret"}


def connection(extra: dict[str, Any] | None = None, **fields: Any) -> Any:
    empty = dict.fromkeys(("conn_type", "host", "port", "login", "password", "schema"))
    return SimpleNamespace(**(empty | fields), extra_dejson=extra or {})


@pytest.fixture
def here(airflow: None) -> ModuleType:
    from evergreen_airflow import here

    return here


@pytest.fixture
def known(here: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Connections by name; whoever asks for another gets none."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(here, "_connection", found.get)
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "before")
    return found


def test_connections_say_what_the_environment_does_not(
    here: ModuleType, known: dict[str, Any]
) -> None:
    known["evergreen_records"] = connection(**RECORDS)
    known["evergreen_warehouse"] = connection({"sslmode": "require"}, host="dw", schema="shop")
    known["evergreen_mlflow"] = connection(**MLFLOW)

    found = here.with_connections(Variables())

    assert found.database_url == "postgresql://me:p%40ss%2Fword@db:5432/evergreen"
    assert found.apart_warehouse_url == "postgresql://dw/shop?sslmode=require"
    assert found.tracking_uri == "http://mlflow:5000"


def test_the_environment_wins(here: ModuleType, known: dict[str, Any]) -> None:
    known["evergreen_records"] = connection(**RECORDS)

    found = here.with_connections(Variables(database_url="postgresql://mine/x"))

    assert found.database_url == "postgresql://mine/x"


def test_mlflows_client_logs_in_as_the_connection_says(
    here: ModuleType, known: dict[str, Any]
) -> None:
    import os

    known["evergreen_mlflow"] = connection(**MLFLOW)

    here.with_connections(Variables())

    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "ada"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "secret"


def test_a_password_without_a_login_is_nobody_s_name(
    here: ModuleType, known: dict[str, Any]
) -> None:
    import os

    known["evergreen_records"] = connection(**RECORDS | {"login": None})
    known["evergreen_mlflow"] = connection(**MLFLOW | {"login": None})

    found = here.with_connections(Variables())

    assert found.database_url == "postgresql://:p%40ss%2Fword@db:5432/evergreen"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "before"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "secret"


@pytest.mark.parametrize("host", ["https://mlflow.example", "mlflow.example"])
def test_the_address_of_a_server_is_read_from_either_way_of_writing_it(
    here: ModuleType, host: str
) -> None:
    assert here.http_url(connection(host=host, schema="https")) == "https://mlflow.example"


@pytest.mark.parametrize(
    ("host", "port", "schema"),
    [
        ("https://tools.example.org/mlflow", 443, None),
        ("https://tools.example.org/mlflow/", 443, "https"),
        ("https://tools.example.org", 443, "mlflow"),
        ("tools.example.org/mlflow", 443, "https"),
    ],
)
def test_a_server_may_lie_behind_a_path(
    here: ModuleType, host: str, port: int, schema: str | None
) -> None:
    said = connection(conn_type="http", host=host, port=port, schema=schema)

    assert here.http_url(said) == "https://tools.example.org:443/mlflow"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:p%40ss@127.0.0.1:5432/warehouse?sslmode=require",
        "postgresql://reader@[::1]:5432/warehouse",
        "postgresql://a,b/warehouse",
        "postgresql:///warehouse",
    ],
)
def test_a_url_that_airflow_read_means_what_it_said(here: ModuleType, url: str) -> None:
    from airflow.sdk import Connection

    said = Connection.from_uri(url, conn_id="w")

    assert here.postgres_url(said) == url


@pytest.mark.parametrize(
    "url", ["https://tools.example.org/mlflow", "http://mlflow:5000/a/b", "http://[::1]:5000"]
)
def test_nor_does_an_address_of_mlflow_change(here: ModuleType, url: str) -> None:
    from airflow.sdk import Connection

    assert here.http_url(Connection.from_uri(url, conn_id="m")) == url

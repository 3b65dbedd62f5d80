"""What the job `init` of docker-compose loads, and where."""

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evergreen_workshop import demo
from evergreen_workshop.stack import container

Init = Callable[..., None]


@pytest.fixture
def init(tmp_path: Path, blank_url: str, monkeypatch: pytest.MonkeyPatch) -> Init:
    """The job, with the records in a database without a table and no Airflow to migrate."""

    def run(command: list[str], **_: Any) -> None:
        assert command == ["airflow", "db", "migrate"]

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(demo, "names", lambda: ["iris"])
    passwords = str(tmp_path / "passwords")
    given = {
        "EVERGREEN_DATABASE_URL": blank_url,
        "EVERGREEN_ADMIN_PASSWORD": "long enough",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords,
    }
    return lambda **more: container.init(given | more, date(2026, 11, 20))


def test_the_demo_tables_lie_beside_the_records(init: Init, blank_url: str) -> None:
    init(EVERGREEN_WAREHOUSE_URL="")

    assert demo.is_loaded("iris", blank_url)


def test_no_demo_table_is_loaded_where_nobody_reads_it_or_into_what_is_somebodys_own(
    init: Init, blank_url: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    init(EVERGREEN_WAREHOUSE_URL=database_url)

    assert not demo.is_loaded("iris", blank_url)
    assert not demo.is_loaded("iris", database_url)
    assert "EVERGREEN_WAREHOUSE_URL is yours" in capsys.readouterr().out


def test_no_demo_table_is_loaded_where_none_is_wanted(init: Init, blank_url: str) -> None:
    init(EVERGREEN_DEMO="false")

    assert not demo.is_loaded("iris", blank_url)

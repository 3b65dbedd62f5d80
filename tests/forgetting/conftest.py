"""One club for all tests of a file; each has its databases and its home as they were."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from club import Club, built

from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.postgres import EmbeddedPostgres

_numbers = count()


@pytest.fixture(scope="module")
def built_club(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Club:
    home = tmp_path_factory.mktemp("club")
    name = home.name
    postgres.create_database(name)
    postgres.create_database(f"{name}_mlflow", template=mlflow_template)
    suites = home / "expectations"
    suites.mkdir()
    settings = Settings(
        home=home,
        database_url=postgres.url(name),
        tracking_uri=_sqlalchemy(postgres.url(f"{name}_mlflow")),
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=suites,
    )
    return built(settings)


@pytest.fixture
def club(built_club: Club, postgres: EmbeddedPostgres) -> Iterator[Club]:
    """A club that Ada is about to leave."""
    home, name = built_club.settings.home, f"club_{next(_numbers)}"
    kept = home.with_name(f"{home.name}_kept")
    shutil.copytree(home, kept)
    for suffix in ("", "_mlflow"):
        postgres.create_database(name + suffix, template=home.name + suffix)
    uri = _sqlalchemy(postgres.url(f"{name}_mlflow"))
    yield Club(replace(built_club.settings, database_url=postgres.url(name), tracking_uri=uri))
    shutil.rmtree(home)
    shutil.move(kept, home)


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://")

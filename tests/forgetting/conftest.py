"""One club for all tests of a file; each has its databases and its home as they were."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from club import Club, built

import worlds
from evergreen_workshop.stack.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def built_club(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Club:
    world = worlds.empty(postgres, mlflow_template, tmp_path_factory.mktemp("club"))
    suites = world.home / "expectations"
    suites.mkdir()
    return built(replace(world, expectations_dir=suites))


@pytest.fixture
def club(built_club: Club, postgres: EmbeddedPostgres) -> Iterator[Club]:
    """A club that Ada is about to leave."""
    with worlds.copied(built_club.settings, postgres) as settings:
        yield Club(settings)

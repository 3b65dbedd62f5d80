"""One club for all tests of a file, which each change a copy of its own."""

from dataclasses import replace
from pathlib import Path

import pytest
from club import Club, built

from evergreen.settings import Settings


@pytest.fixture
def club(settings: Settings, tmp_path: Path) -> Club:
    """A club that Ada is about to leave."""
    suites = tmp_path / "expectations"
    suites.mkdir()
    return built(replace(settings, expectations_dir=suites))

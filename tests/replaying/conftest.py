"""The replays that several tests look at."""

from datetime import timedelta

import pytest

from evergreen.replaying import Replay
from replays import CHANGE, START, run, table


@pytest.fixture(scope="session")
def churned() -> Replay:
    """An abrupt change of concept."""
    return run(table(CHANGE), start=START + timedelta(days=200))

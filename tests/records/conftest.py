"""Records of an empty database."""

from collections.abc import Iterator

import pytest

from evergreen.records import Records


@pytest.fixture
def records(database_url: str) -> Iterator[Records]:
    with Records(database_url) as kept:
        yield kept

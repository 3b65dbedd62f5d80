"""A running stack."""

from collections.abc import Iterator

import pytest

from own_stack import RunningStack, declaring
from shortened import declare


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of the tests' own, brought up and cleaned away by the commands behind `make`.

    It goes with the last test here: while it only stands there it takes a quarter of a core.
    """
    folder = tmp_path_factory.mktemp("end_to_end")
    for name in ("iris", "weather"):
        declare(folder, name)
    with declaring(folder) as started:
        yield started

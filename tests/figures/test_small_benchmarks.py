"""The benchmarks that need no stack give figures, by what `make up` installs.

Those that need one are in tests/end_to_end/test_docs.py, beside which these run.
"""

import os

import pytest

from end_to_end.test_docs import ALONE, figures, installed_by_up

pytestmark = pytest.mark.figures


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(installed_by_up(tmp_path_factory.mktemp("reader")))}


@pytest.mark.parametrize("command", ALONE)
def test_a_benchmark_without_a_stack_gives_figures(command: str, reader: dict[str, str]) -> None:
    assert figures(command, reader)

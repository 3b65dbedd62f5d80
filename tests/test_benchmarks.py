"""The benchmarks are run by hand: at least what they call is to be there."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_what_a_benchmark_imports_exists(path: Path) -> None:
    imports = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
    ]

    for node in imports:
        module = importlib.import_module(str(node.module))
        missing = [alias.name for alias in node.names if not _has(module.__name__, alias.name)]
        assert not missing, f"{path.name}:{node.lineno}: {node.module} has no {missing}"


def _has(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None

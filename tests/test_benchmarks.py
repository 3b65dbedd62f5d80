"""What a benchmark calls is there, and it fails when what it times did not happen.

`make test-figures` runs each of them, small.
"""

import ast
import importlib
import importlib.util
import json
import sys
from argparse import Namespace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import cycle
from common import DidNotHappen, happened, measuring

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


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_every_benchmark_takes_json_and_small(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert path.name in {"common.py", "streams.py"} or {"options", "measuring"} <= calls


def printed(**document: Any) -> CompletedProcess[str]:
    text = json.dumps({"gate": None, "refused": []} | document)
    return CompletedProcess([], 0, stdout=text, stderr="")


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        (printed(refused=["12 of 900 values missing"]), "refused, so no cycle was timed"),
        (CompletedProcess([], 3, stdout="", stderr="stale"), "'stale', exit code: 3 instead of 0"),
    ],
)
def test_a_cycle_that_did_not_reach_its_gate_has_no_figure(
    done: CompletedProcess[str], sentence: str
) -> None:
    with pytest.raises(DidNotHappen, match=sentence):
        cycle.judged(done)

    cycle.judged(printed(gate={"passed": False}))


class Airflow:
    """A run that ends well at once, with tasks in the states given."""

    def __init__(self, **states: list[str]) -> None:
        self.states = states

    def trigger(self, dag_id: str, note: str, conf: object) -> str:
        return "manual"

    def state(self, dag_id: str, run_id: str) -> str:
        return "success"

    def tasks(self, dag_id: str, run_id: str) -> dict[str, list[str]]:
        return self.states


def test_a_run_of_airflow_that_skipped_its_gate_has_no_figure() -> None:
    refused, judged = Airflow(success=["extract"], skipped=["gate"]), Airflow(success=["gate"])

    with pytest.raises(DidNotHappen, match="refused before its gate"):
        cycle.through_airflow(refused, "weather")  # type: ignore[arg-type]

    assert cycle.through_airflow(judged, "weather") > 0  # type: ignore[arg-type]


def test_what_did_not_happen_ends_a_benchmark_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended, measuring(Namespace(json=True)):
        happened("rows", 3, 4)

    assert ended.value.code == "error: rows: 3 instead of 4, so there is no figure"
    assert capsys.readouterr().out == ""


def test_figures_are_told_to_people_or_to_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks/train.py"])
    for as_json in (False, True):
        with measuring(Namespace(json=as_json)) as figures:
            figures.tell("2 s", seconds=2)

    human, machine, _ = capsys.readouterr().out.rsplit("\n", 2)
    assert human.startswith("2 s\n")
    assert json.loads(machine)["figures"] == [{"seconds": 2}]
    assert json.loads(machine)["benchmark"] == "train"

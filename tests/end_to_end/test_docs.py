"""The commands of README and docs do what they say, on a running stack.

They see what `make up` installs, and nothing that only the tests need.
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from evergreen.settings import PROJECT
from forking import forking
from own_stack import RunningStack
from shortened import declare

pytestmark = pytest.mark.end_to_end

OTHERS = {
    "existing-airflow.md": "test_existing_airflow.py",
    "kubernetes.md": "tests/deploy/test_chart.py",
    "delivery.md": "tests/deploy/test_delivery.py",
}
"""Pages whose commands have a test of their own."""
DOCS = [page for page in sorted((PROJECT / "docs").glob("*.md")) if page.name not in OTHERS]
PAGES = [PROJECT / "README.md", *DOCS]
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
RUN_HERE = (".venv/bin/evergreen ", ".venv/bin/python ", "curl ")
RUN_ELSEWHERE = {
    "make up": "the stack of these tests, and .ci/run",
    "make test": ".ci/run",
    "make down": ".ci/run",
    "make demo": ".ci/run",
    "make demo STORY=drift": "tests/end_to_end/test_demonstration.py",
    "cp .env.example .env": "test_compose.py",
    "make secrets >> .env": "test_compose.py",
    'EVERGREEN_COMMIT="$(git rev-parse HEAD)" docker compose up -d': "test_compose.py",
    "docker compose run --rm backup evergreen backup s3://bucket/prefix": "test_compose.py",
    "docker compose run --rm -v /backups:/vault backup evergreen backup /vault": "test_compose.py",
    "make image": "make test-images",
    ".venv/bin/python benchmarks/rush.py": ".ci/nightly",  # a stack of its own
    ".venv/bin/python benchmarks/executors.py": ".ci/nightly",
}


FIGURES = (PROJECT / "docs" / "figures.md").read_text()
ALONE = re.findall(
    r"no stack needed.*`(\.venv/bin/python benchmarks/[^`]+)` \|$", FIGURES, re.MULTILINE
)
"""Benchmarks that tests/figures/ runs, beside these tests."""
BENCHMARKS = [
    command
    for command in re.findall(r"`(\.venv/bin/python benchmarks/[^`]+)`", FIGURES)
    if command not in RUN_ELSEWHERE and command not in ALONE
]


def commands(page: Path) -> list[str]:
    """The commands of a page's shell blocks, one a line, without their comments."""
    lines = "".join(BLOCK.findall(page.read_text())).replace("\\\n", " ").splitlines()
    return [bare for line in lines if (bare := line.split("  #")[0].split(" #")[0].strip())]


def test_every_benchmark_is_on_the_page_of_figures() -> None:
    files = {file.name for file in (PROJECT / "benchmarks").glob("*.py")}
    missing = {file for file in files if file not in FIGURES}
    assert missing == {"common.py", "streams.py"}  # what the others share


def test_what_ci_runs_of_the_docs_it_does_run() -> None:
    script = (PROJECT / ".ci" / "run").read_text().splitlines()

    said = {command for command, where in RUN_ELSEWHERE.items() if ".ci/run" in where}
    assert said <= set(script)


MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"make up does not install {{name}}", name=name)

sys.meta_path.insert(0, Missing())
"""


@dataclass(frozen=True)
class Reader:
    """Runs the commands of a page in a shell, after `make up`."""

    env: dict[str, str]
    """What only tests need cannot be imported with it."""
    evergreen: Path

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person would, but that `evergreen` need not be imported each time."""
        return run(command.replace(".venv/bin/evergreen", str(self.evergreen)), self.env)

    def told(self, command: str) -> str:
        """Return what a command of `evergreen` says that must do what it is for."""
        done = self.run(f".venv/bin/evergreen {command}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def reader(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Who has done what README says, and reads on."""
    folder = tmp_path_factory.mktemp("reader")
    env = stack.env | {"PYTHONPATH": str(installed_by_up(folder))}
    with forking(folder, env) as evergreen:
        yield Reader(env, evergreen)


def installed_by_up(folder: Path) -> Path:
    """Make a folder that a Python on whose path it is imports nothing for that only tests need."""
    (folder / "sitecustomize.py").write_text(MISSING.format(names=set(only_for_tests())))
    return folder


def only_for_tests() -> Iterator[str]:
    """Modules of the packages that requirements-dev.txt has and requirements.txt has not."""
    known, more = (pinned(PROJECT / f"requirements{dev}.txt") for dev in ("", "-dev"))
    for module, names in packages_distributions().items():
        if {normal(name) for name in names} <= more - known:
            yield module


def pinned(file: Path) -> set[str]:
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", file.read_text(), re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_a_reader_has_no_pytest(reader: Reader) -> None:
    done = reader.run(".venv/bin/python -c 'import pytest'")

    assert "make up does not install pytest" in done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_works(page: Path, stack: RunningStack, reader: Reader) -> None:
    prepare(page, stack, reader)

    for command in commands(page):
        if command not in RUN_ELSEWHERE:
            assert command.startswith(RUN_HERE), f"no test runs {command!r}"
            done = reader.run(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.figures
@pytest.mark.parametrize("command", BENCHMARKS)
def test_every_benchmark_of_the_page_of_figures_gives_them(command: str, reader: Reader) -> None:
    assert figures(command, reader.env)


def figures(command: str, env: dict[str, str]) -> list[dict[str, Any]]:
    """Return what a benchmark tells when it is tried out."""
    done = run(f"{command} --small --json", env)

    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])["figures"]
    return found


def run(command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell; `.venv` is the virtual environment of these tests."""
    here = command.replace(".venv/bin", shlex.quote(str(Path(sys.executable).parent)))
    return subprocess.run(
        ["/bin/sh", "-c", here], env=env, cwd=PROJECT,
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def prepare(page: Path, stack: RunningStack, reader: Reader) -> None:
    """Bring about what a page takes for granted."""
    declared = Path(stack.env["EVERGREEN_USE_CASES_DIR"])
    if page.name == "decisions.md":
        two_champions(declared / "iris.py", reader)
    if page.name == "batch.md":
        declare(declared.parent, "churn", more="schedule=None")
        reader.told("db load churn")
        assert '"promoted": true' in reader.told("run churn --json")


def two_champions(file: Path, reader: Reader) -> None:
    """To go back, there must have been two: the second of more flowers."""
    file.write_text(file.read_text().replace("gate=Gate(", "gate=Gate(min_improvement=-1, "))
    reader.told("feed iris --days 30")
    assert '"promoted": true' in reader.told("run iris --force --json")

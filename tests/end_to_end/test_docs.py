"""The commands of README and docs do what they say, on a running stack."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from end_to_end.conftest import RunningStack
from evergreen.settings import PROJECT

pytestmark = pytest.mark.end_to_end

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
RUN_HERE = (".venv/bin/evergreen ", ".venv/bin/python ", "curl ")
RUN_ELSEWHERE = {
    "make up": "the stack of these tests, and .ci/run",
    "make test": ".ci/run",
    "make down": ".ci/run",
    "make demo": ".ci/run",
    "cp .env.example .env": "tests/test_compose.py",
    "make secrets >> .env": "tests/test_compose.py",
    "docker compose up -d": "tests/test_compose.py",
}


def commands(page: Path) -> list[str]:
    """The commands of a page's shell blocks, one a line, without their comments."""
    lines = "".join(BLOCK.findall(page.read_text())).replace("\\\n", " ").splitlines()
    return [bare for line in lines if (bare := line.split("  #")[0].split(" #")[0].strip())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_works(page: Path, stack: RunningStack) -> None:
    prepare(page, stack)

    for command in commands(page):
        if command not in RUN_ELSEWHERE:
            assert command.startswith(RUN_HERE), f"no test runs {command!r}"
            done = run(command, stack)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def run(command: str, stack: RunningStack) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell; `.venv` is the virtual environment of these tests."""
    here = command.replace(".venv/bin", shlex.quote(str(Path(sys.executable).parent)))
    return subprocess.run(
        ["/bin/sh", "-c", here], env=stack.env, cwd=PROJECT,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def prepare(page: Path, stack: RunningStack) -> None:
    """To go back, there must have been two champions: the second of more flowers."""
    if page.name != "decisions.md":
        return
    declared = Path(stack.env["EVERGREEN_USE_CASES_DIR"]) / "iris.py"
    lenient = declared.read_text().replace("gate=Gate(", "gate=Gate(min_improvement=-1, ")
    declared.write_text(lenient)
    for command in ("feed iris --days 30", "run iris --force --json"):
        done = run(f".venv/bin/evergreen {command}", stack)
        assert done.returncode == 0, done.stderr
    assert '"promoted": true' in done.stdout

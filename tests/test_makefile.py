"""The Makefile, as far as it can be run without a network."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evergreen.settings import PROJECT

MAKE = shutil.which("make") or "make"
BASH = shutil.which("bash") or "bash"


def make(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(PROJECT / "Makefile", folder)
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    return subprocess.run(
        [MAKE, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], **env},
    )  # fmt: skip


def fake_python(folder: Path, script: str) -> str:
    file = folder / "fake-python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_help_names_every_command(tmp_path: Path) -> None:
    told = make(tmp_path).stdout

    for command in ("up", "down", "status", "logs", "clean", "test", "check", "lock"):
        assert re.search(rf"^make {command}\b", told, re.MULTILINE), command


def test_an_old_python_is_refused_with_the_way_out(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "awk", "echo"):
        (tools / name).symlink_to(shutil.which(name) or name)
    (tools / "python3").symlink_to(fake_python(tmp_path, "exit 1"))

    answer = make(tmp_path, "up", PATH=str(tools))

    assert answer.returncode != 0
    assert "needs Python 3.11 or newer" in answer.stderr
    assert "make up PYTHON=/path/to/python" in answer.stderr


def test_a_python_that_cannot_make_environments_is_told_with_the_way_out(tmp_path: Path) -> None:
    python = fake_python(tmp_path, "case $1 in --version) echo Python 3.12;; *) exit 1;; esac")

    answer = make(tmp_path, "up", f"PYTHON={python}")

    assert answer.returncode != 0
    assert "apt install python3-venv" in answer.stderr


def test_down_without_an_environment_has_nothing_to_do(tmp_path: Path) -> None:
    answer = make(tmp_path, "down")

    assert answer.returncode == 0
    assert "Nothing runs" in answer.stdout


def test_packages_are_installed_again_only_when_the_requirements_change(tmp_path: Path) -> None:
    stamps = tmp_path / ".venv"
    (stamps / "bin").mkdir(parents=True)
    log = tmp_path / "log"
    for name in ("uv", "python"):
        (stamps / "bin" / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {log}\n')
        (stamps / "bin" / name).chmod(0o755)

    make(tmp_path, "up")
    first = log.read_text()
    log.unlink()
    make(tmp_path, "up")  # the copied files are newer now: they did change
    os.utime(tmp_path / "requirements.txt", (0, 0))
    os.utime(tmp_path / "pyproject.toml", (0, 0))
    log.unlink()
    subprocess.run([MAKE, "up"], cwd=tmp_path, check=True, capture_output=True)
    unchanged = log.read_text()

    assert "--require-hashes -r requirements.txt" in first
    assert "pip install" not in unchanged
    assert "-m evergreen_workshop.stack up" in unchanged


def test_secrets_go_into_a_file_without_what_is_installed_for_them(tmp_path: Path) -> None:
    stamps = tmp_path / ".venv" / "bin"
    stamps.mkdir(parents=True)
    for name in ("uv", "python"):
        (stamps / name).write_text("#!/bin/sh\ncase $* in *secrets) echo SECRET=1;; esac\n")
        (stamps / name).chmod(0o755)

    answer = make(tmp_path, "secrets")

    assert answer.stdout == "SECRET=1\n"
    assert "installing the packages" in answer.stderr


def bring_tools(folder: Path, user: int) -> subprocess.CompletedProcess[str]:
    """Run what `make test-system` brings its tools by, as a user of a machine that lacks one."""
    tools = folder / "bin"
    tools.mkdir()
    for name, said in (
        ("id", f"echo {user}"), ("apt-get", 'echo "apt-get $@" >&2'), ("flock", "exit 0"),
        *((name, "") for name in ("prometheus", "promtool", "pgbouncer")),
    ):  # fmt: skip
        (tools / name).write_text(f"#!/bin/sh\n{said}\n")
        (tools / name).chmod(0o755)
    asked = ("pgbouncer", "prometheus", "ip")
    return subprocess.run(
        ["/bin/sh", PROJECT / "tests" / "system_tools.sh", folder / "venv", *asked],
        capture_output=True, text=True, check=False, env={"PATH": str(tools)},
    )  # fmt: skip


def test_who_may_not_install_is_told_what_the_tests_need(tmp_path: Path) -> None:
    answer = bring_tools(tmp_path, user=1000)

    assert answer.returncode == 1
    assert answer.stderr == (
        "error: these tests need pgbouncer prometheus ip; not all are here: install iproute2"
        " (on Debian, as root: apt install iproute2)\n"
    )
    assert answer.stdout == ""


def test_root_gets_the_missing_tool_and_no_other(tmp_path: Path) -> None:
    answer = bring_tools(tmp_path, user=0)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["installing with apt: iproute2"]
    assert answer.stderr.splitlines() == [
        "apt-get update -qq",
        "apt-get install -qq -y --no-install-recommends iproute2",
    ]


@pytest.mark.parametrize(("user", "told"), [(1000, "run it as root"), (0, "")])
def test_images_are_tried_by_root_only(user: int, told: str, tmp_path: Path) -> None:
    for name, said in (
        ("id", f"echo {user}"), ("apt-get", 'echo "apt-get $1"'), ("flock", "exit 0"),
    ):  # fmt: skip
        (tmp_path / name).write_text(f"#!/bin/sh\n{said}\n")
        (tmp_path / name).chmod(0o755)

    answer = subprocess.run(
        ["/bin/sh", PROJECT / "tests" / "image_tools.sh"],
        capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)},
    )  # fmt: skip

    assert (answer.returncode == 1) == bool(told)
    assert told in answer.stderr
    assert ("installing with apt: buildah mmdebstrap" in answer.stdout) == (user == 0)


def test_ci_asks_for_what_the_readme_asks_for_and_installs_nothing_itself() -> None:
    script = (PROJECT / ".ci" / "run").read_text()
    readme = (PROJECT / "README.md").read_text()

    lines = re.findall(r"^make((?: [a-z][a-z-]*)+)(?: > .+ &.*)?$", script, re.MULTILINE)
    asked = set(" ".join(lines).split())
    tests = {"test", "test-system", "test-deploy"}
    assert tests | {"check", "up", "down", "demo"} <= asked
    assert [each for each in sorted(asked) if not re.search(rf"make {each}\b(?!-)", readme)] == []
    assert not re.search(r"\b(apt|apt-get|pip|npm|curl|wget)\b", script)


@pytest.mark.parametrize("file", [".ci/run", ".ci/nightly"])
def test_no_setting_and_no_other_stack_of_the_machine_decides_what_ci_finds(file: str) -> None:
    script = (PROJECT / file).read_text()
    [forget] = re.findall(r"^unset .*MLFLOW.*$", script, re.MULTILINE)
    names = ("EVERGREEN_WAREHOUSE_URL", "EVERGREEN_UI_PORT", "MLFLOW_TRACKING_URI")
    theirs = dict.fromkeys(names, "theirs")

    left = subprocess.run(
        [BASH, "-euc", f"{forget}; env"], env=theirs | {"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert not re.search("EVERGREEN_|MLFLOW_", left)
    assert script.index(forget) < script.index("export EVERGREEN_HOME") < script.index("make clean")
    assert not re.search(r"127\.0\.0\.1:(?!8765/)\d", script)  # where `chaos` listens


def test_nothing_is_installed_under_tests_that_run_beside_each_other(tmp_path: Path) -> None:
    told = make(tmp_path, "--dry-run", "test-elsewhere", "test-deploy").stdout

    installed = told.index("--extra ray")
    begun = {each: told.index(f"-m {each} ") for each in ("elsewhere", "images", "workers", "ray")}
    assert {each for each, at in begun.items() if at < installed} == set()
    assert "--extra ray" not in make(tmp_path, "--dry-run", "test-elsewhere").stdout


def test_each_target_looks_where_its_tests_are() -> None:
    looks = dict(re.findall(r"-m (\w+) (tests/.+?) [-$]", (PROJECT / "Makefile").read_text()))
    marked = [
        (marker, file)
        for file in (PROJECT / "tests").rglob("test_*.py")
        for marker in re.findall(r"\bmark\.(\w+)", file.read_text())
        if marker in looks
    ]

    assert {marker for marker, _ in marked} == set(looks) >= {"workers", "images", "ray"}
    assert [
        (marker, file)
        for marker, file in marked
        if not any(PROJECT / place in file.parents for place in looks[marker].split())
    ] == []


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", "Dockerfile", "requirements.txt"])
def test_no_package_index_is_named(file: str) -> None:
    text = (PROJECT / file).read_text()

    assert not re.search(r"index-url|find-links|https?://(?!127\.|localhost)", text)

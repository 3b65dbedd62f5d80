"""The pipelines for a repository of use cases: well formed, and their commands do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evergreen.settings import PROJECT, Settings
from learning import iris_rows
from shortened import declare
from tools import tool

DELIVERY = PROJECT / "deploy" / "delivery"
PIPELINES = {"github/evergreen.yml": "github-workflows", "gitlab-ci.yml": "gitlab-ci"}
SCRIPTS = {"check.sh", "dry_run.sh", "release.sh"}
IMAGE = "registry.example.com/evergreen"
HOPELESS = """
USE_CASE = replace(USE_CASE, gate=replace(USE_CASE.gate, floors={"accuracy": 1.0, "f1": 1.0}))
"""


@pytest.mark.parametrize(("file", "schema"), PIPELINES.items())
def test_a_pipeline_follows_its_schema(file: str, schema: str) -> None:
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", DELIVERY / file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", PIPELINES)
def test_both_pipelines_run_the_same_commands(file: str) -> None:
    text = (DELIVERY / file).read_text()

    assert set(re.findall(r"sh deploy/delivery/(\S+)", text)) == SCRIPTS
    assert all((DELIVERY / script).is_file() for script in SCRIPTS)


@pytest.mark.parametrize("file", PIPELINES)
def test_nothing_is_released_that_has_not_passed(file: str) -> None:
    document = yaml.safe_load((DELIVERY / file).read_text())

    if "stages" in document:
        assert document["stages"] == ["check", "dry-run", "release"]
        assert not any("allow_failure" in job for job in document.values() if isinstance(job, dict))
    else:
        needs = {name: job.get("needs") for name, job in document["jobs"].items()}
        assert needs == {"check": None, "dry-run": "check", "release": "dry-run"}


@pytest.mark.parametrize("file", PIPELINES)
def test_a_pipeline_holds_no_secret_and_pins_what_it_runs_in(file: str) -> None:
    text = (DELIVERY / file).read_text()

    assert re.findall(r"image: (\S+)|name: (\S+:\S+)", text)
    assert ":latest" not in text
    for name, value in re.findall(r"(\w*(?:PASSWORD|TOKEN|_USER)\w*): +([^#\s].*)", text):
        assert value == "evergreen" or "$" in value, name


def test_a_release_on_gitlab_has_a_daemon_that_builds_and_the_tools_that_it_calls() -> None:
    job = yaml.safe_load((DELIVERY / "gitlab-ci.yml").read_text())["release"]
    [daemon], told = job["services"], job["variables"]
    script = "\n".join(job["script"])

    assert job["image"].removesuffix("-cli") == daemon["name"].removesuffix("-dind")
    assert told["DOCKER_HOST"] == f"tcp://{daemon['alias']}:2376"  # the port of TLS
    assert told["DOCKER_CERT_PATH"] == f"{told['DOCKER_TLS_CERTDIR']}/client"
    assert script.index("apk add --no-cache git cosign") < script.index("docker info")
    assert script.index("docker info") < script.index("docker login")


class Repository:
    """A repository of a use case, as a pipeline has checked it out."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        declare(folder, "iris")  # one candidate is enough to see what a gate says
        self.declaration = folder / "use_cases" / "iris.py"
        suite = folder / "expectations" / "iris.json"
        landed = suite.read_text().replace('"int32"', '"int64"')  # as whole numbers are landed
        suite.write_text(landed)
        (folder / "snapshots").mkdir()
        shutil.copytree(PROJECT / "deploy", folder / "deploy")
        iris_rows().to_parquet(folder / "snapshots" / "iris.parquet", index=False)
        (folder / "ruff.toml").write_text("line-length = 100\n")
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "EVERGREEN_HOME": str(settings.home / "home"),
            "EVERGREEN_DATABASE_URL": settings.database_url,
            "EVERGREEN_WAREHOUSE_URL": "postgresql://reader@127.0.0.1:1/shop",  # nobody asks it
            "MLFLOW_TRACKING_URI": settings.tracking_uri,
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "ada")
        self.git("config", "user.email", "ada@example.com")
        self.commit()

    def git(self, *words: str) -> str:
        return self.run("git", *words).stdout.strip()

    def commit(self) -> str:
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")
        return self.git("rev-parse", "HEAD")

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )

    def script(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("sh", f"deploy/delivery/{name}", *arguments)


@pytest.fixture
def repository(tmp_path: Path, settings: Settings) -> Repository:
    return Repository(tmp_path / "models", settings)


def test_a_sound_repository_passes_the_check(repository: Repository) -> None:
    (repository.folder / "use_cases" / "iris.py").write_text(
        (PROJECT / "include" / "use_cases" / "iris.py").read_text()
    )

    done = repository.script("check.sh")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ iris" in done.stdout


def test_a_broken_declaration_fails_the_check(repository: Repository) -> None:
    repository.declaration.write_text("USE_CASE = None\n")

    done = repository.script("check.sh")

    assert done.returncode == 3
    assert "USE_CASE is None" in done.stdout


def test_only_what_a_change_touches_is_tried(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    cases = repository.folder / "use_cases"
    assert repository.script("changed.sh", base).stdout == ""

    shutil.copy(cases / "iris.py", cases / "rose.py")
    repository.commit()
    assert repository.script("changed.sh", base).stdout.split() == ["rose"]

    suite = repository.folder / "expectations" / "iris.json"
    suite.write_text(suite.read_text() + "\n")
    repository.commit()
    assert repository.script("changed.sh", base).stdout.split() == ["iris", "rose"]

    base = repository.commit()
    (cases / "_shared.py").write_text("")
    repository.commit()
    assert repository.script("changed.sh", base).stdout.split() == ["iris", "rose"]


@pytest.mark.parametrize("base", ["0" * 40, "origin/main", "1" * 40])
def test_where_nobody_knows_what_changed_everything_is_tried(
    repository: Repository, base: str
) -> None:
    found = repository.script("changed.sh", base)

    assert (found.returncode, found.stdout.split()) == (0, ["iris"])
    assert "every use case" in found.stderr


def test_a_dry_run_that_cannot_tell_what_changed_fails(repository: Repository) -> None:
    (repository.folder / "deploy" / "delivery" / "changed.sh").write_text("exit 9\n")

    assert repository.script("dry_run.sh", "HEAD").returncode == 9


def test_the_check_has_the_packages_that_declarations_import(
    repository: Repository, tmp_path: Path
) -> None:
    called = pretended(repository, tmp_path)
    repository.declaration.write_text((PROJECT / "include/use_cases/iris.py").read_text())
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.0\n")

    done = repository.script("check.sh")

    assert done.returncode == 0, done.stdout + done.stderr
    [installed] = called.read_text().splitlines()
    assert installed.startswith("pip --python ")
    assert installed.endswith("install --quiet --requirement requirements.txt")


def test_a_gate_that_passes_lets_the_change_through(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    with repository.declaration.open("a") as declared:
        declared.write("\n# changed\n")
    repository.commit()

    done = repository.script("dry_run.sh", base)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "=== iris" in done.stdout
    assert "passed" in done.stdout


def test_a_gate_that_refuses_stops_the_pipeline(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    with repository.declaration.open("a") as declared:
        declared.write(HOPELESS)
    repository.commit()

    done = repository.script("dry_run.sh", base)

    assert done.returncode == 3, done.stdout + done.stderr
    assert "failed" in done.stdout


def test_a_commit_that_names_the_new_image_deploys_it(
    repository: Repository, tmp_path: Path
) -> None:
    called = pretended(repository, tmp_path)
    image = IMAGE
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.0\n")
    repository.commit()
    tag = repository.git("log", "-1", "--format=%h", "--abbrev=12")

    done = repository.script("release.sh", image)

    assert done.returncode == 0, done.stderr
    steps = [line.split()[:2] for line in called.read_text().splitlines()]
    one = [["docker", "build"], ["docker", "push"], ["docker", "inspect"], ["cosign", "sign"]]
    assert steps == one * 2  # Airflow's, and the service's
    assert f"cosign sign --yes {image}@sha256:0" in called.read_text()
    built = re.findall(r"--file (\S+) --tag (\S+)", called.read_text())
    assert built == [
        ("deploy/delivery/Dockerfile", f"{image}:{tag}"),
        ("deploy/delivery/Dockerfile.serve", f"{image}-serve:{tag}"),
    ]
    values = yaml.safe_load((repository.folder / "deploy/helm/values.yaml").read_text())
    assert values["defaultAirflowTag"] == tag
    overlay = repository.folder / "deploy/kubernetes/overlays/production/kustomization.yaml"
    tags = {each["name"]: each["newTag"] for each in yaml.safe_load(overlay.read_text())["images"]}
    assert tags == {"evergreen": tag, "evergreen-serve": tag}
    assert f"{image}:0.1.0" not in repository.git("grep", "-h", f"{image}:", "deploy/helm")
    assert repository.git("rev-parse", "HEAD") == repository.git("rev-parse", "origin/main")


def test_what_runs_already_is_not_built_again(repository: Repository, tmp_path: Path) -> None:
    called = pretended(repository, tmp_path)
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.0\n")
    repository.commit()
    repository.script("release.sh", IMAGE)
    called.write_text("")

    done = repository.script("release.sh", IMAGE)

    assert (done.returncode, called.read_text()) == (0, "")
    assert "is what runs" in done.stdout


def test_what_somebody_has_taken_back_is_not_deployed_again(
    repository: Repository, tmp_path: Path
) -> None:
    called = pretended(repository, tmp_path)
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.0\n")
    repository.commit()
    repository.script("release.sh", IMAGE)
    repository.git("revert", "--no-edit", "HEAD")
    called.write_text("")

    done = repository.script("release.sh", IMAGE)

    assert (done.returncode, called.read_text()) == (0, "")
    assert "taken back" in done.stdout
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.1\n")
    repository.commit()
    assert repository.script("release.sh", IMAGE).returncode == 0
    assert "docker push" in called.read_text()


def test_without_packages_of_ones_own_nothing_is_built(
    repository: Repository, tmp_path: Path
) -> None:
    called = pretended(repository, tmp_path)

    done = repository.script("release.sh", IMAGE)

    assert (done.returncode, called.exists()) == (0, False), done.stderr


def test_an_overlay_that_names_digests_is_told_and_left_alone(
    repository: Repository, tmp_path: Path
) -> None:
    pretended(repository, tmp_path)
    overlay = repository.folder / "deploy/kubernetes/overlays/production/kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("newTag: 0.1.0", "digest: sha256:abc"))
    (repository.folder / "requirements.txt").write_text("lightgbm==4.6.0\n")
    before = repository.commit()

    done = repository.script("release.sh", IMAGE)

    assert done.returncode == 1
    assert "names no newTag" in done.stderr
    assert "digest: sha256:abc" in overlay.read_text()
    assert repository.git("rev-parse", "HEAD") == before


def pretended(repository: Repository, folder: Path) -> Path:
    """Let docker and cosign only say that they were called; origin is a folder."""
    called, tools = folder / "called", folder / "tools"
    tools.mkdir()
    for name in ("docker", "cosign", "pip"):
        (tools / name).write_text(
            f'#!/bin/sh\necho "{name} $*" >> {called}\n'
            'case "$1" in inspect) echo registry.example.com/evergreen@sha256:0 ;; esac\n'
        )
        (tools / name).chmod(0o755)
    repository.env["PATH"] = f"{tools}{os.pathsep}{repository.env['PATH']}"
    repository.git("init", "--quiet", "--bare", str(folder / "origin"))
    repository.git("remote", "add", "origin", str(folder / "origin"))
    repository.git("push", "--quiet", "--set-upstream", "origin", "main")
    return called

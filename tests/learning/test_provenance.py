"""A model's commit is that of the code that made it, and says when it is not all of it."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from evergreen.learning import provenance
from evergreen.settings import Settings


@pytest.fixture
def project(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A checkout with one declaration, all of it committed."""
    folder = tmp_path / "project"
    (folder / "use_cases").mkdir(parents=True)
    (folder / "use_cases" / "iris.py").write_text("USE_CASE = None\n")
    monkeypatch.setattr(provenance, "PROJECT", folder)
    for words in (["init", "-q"], ["add", "."], [*ADA, "commit", "-qm", "Begin"]):
        subprocess.run([shutil.which("git") or "git", "-C", str(folder), *words], check=True)
    return replace(
        settings, use_cases_dir=folder / "use_cases", expectations_dir=folder / "expectations"
    )


ADA = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"]


def test_names_the_commit(project: Settings) -> None:
    assert len(provenance.commit(project)) == 40


def test_a_changed_or_a_new_declaration_is_in_no_commit(project: Settings) -> None:
    new = project.use_cases_dir / "churn.py"
    new.write_text("USE_CASE = None\n")
    assert provenance.commit(project).endswith("-dirty")

    new.unlink()
    (project.use_cases_dir / "iris.py").write_text("USE_CASE = 1\n")
    assert provenance.commit(project).endswith("-dirty")


def test_other_new_files_made_no_model(project: Settings) -> None:
    (project.use_cases_dir.parent / "notes.txt").write_text("?")

    assert len(provenance.commit(project)) == 40

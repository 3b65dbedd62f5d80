"""What made a model: the commit of the code, and the versions of the packages."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import version

from evergreen.settings import PROJECT, Settings

PACKAGES = ("scikit-learn", "skops", "numpy", "scipy", "pandas", "mlflow")
"""What a model needs of PyPI. Evergreen itself is not there, so no model asks for it by name."""


DIRTY = "-dirty"
NEW_FILES = ("ls-files", "--others", "--exclude-standard", "--")


@cache
def environment() -> dict[str, str]:
    """Return the versions that a training depends on, Python's first."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in (*PACKAGES, "evergreen")
    }


def commit(settings: Settings) -> str:
    """Return the commit of the project, with `-dirty` when files differ from it.

    They differ, too, when a declaration or a suite is in no commit yet. Outside a git checkout:
    `EVERGREEN_COMMIT`, which an image sets; else `unknown`.
    """
    git = shutil.which("git")
    if git is not None and (PROJECT / ".git").exists():
        said = _git(git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
        if said is not None:
            known = said.endswith(DIRTY) or not _has_new_files(git, settings)
            return said if known else f"{said}{DIRTY}"
    return settings.commit or "unknown"


def _git(git: str, *words: str) -> str | None:
    """Return what git says of the project; None: it does not know it."""
    done = subprocess.run(
        [git, "-C", str(PROJECT), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _has_new_files(git: str, settings: Settings) -> bool:
    """Tell whether a declaration or a suite within the project is in no commit yet."""
    folders = (settings.use_cases_dir, settings.expectations_dir)
    ours = [str(folder) for folder in folders if folder.is_relative_to(PROJECT)]
    return bool(ours and _git(git, *NEW_FILES, *ours))

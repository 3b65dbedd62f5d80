"""What made a model: the commit of the code, and the versions of the packages."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import version

from evergreen.settings import PROJECT, Settings

PACKAGES = ("scikit-learn", "skops", "numpy", "scipy", "pandas", "mlflow")
"""What a model needs of PyPI. Evergreen itself is not there, so no model asks for it by name."""


@cache
def environment() -> dict[str, str]:
    """Return the versions that a training depends on, Python's first."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in (*PACKAGES, "evergreen")
    }


def commit(settings: Settings) -> str:
    """Return the commit of the project, with `-dirty` when files differ from it.

    Outside a git checkout: `EVERGREEN_COMMIT`, which an image sets; else `unknown`.
    """
    git = shutil.which("git")
    if git is not None and (PROJECT / ".git").exists():
        options = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(
            [git, "-C", str(PROJECT), *options], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return settings.commit or "unknown"

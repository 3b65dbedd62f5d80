"""The programs that tests run."""

import os
import shutil
import sys
from pathlib import Path

PATIENCE = 30_000
"""Milliseconds that a page may take; the machine has other things to do."""


def tool(*names: str, of: str = "make test") -> Path:
    """The first of these that the virtual environment or the machine has; `of` installs it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    assert found, f"{names[0]} is not installed: {of} installs it"
    return Path(found)

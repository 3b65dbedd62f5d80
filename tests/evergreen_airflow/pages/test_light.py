"""Whoever opens the first page does not wait for what only trainings need."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bag import HEAVY
from evergreen.settings import PROJECT

IMPORTED = f"""
import json, sys
import evergreen_airflow.pages.app
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def test_pages_are_imported_without_what_costs_seconds(tmp_path: Path) -> None:
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT / "include"),
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=env, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout.splitlines()[-1]) == []

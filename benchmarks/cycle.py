"""One training cycle through Airflow, trigger to success, beside the same cycle in one process.

    make up && .venv/bin/python benchmarks/cycle.py weather --rounds 3

Every round trains anew (`--force`), promotes nothing, and alternates the two, so that both see the
same machine. The cold process pays its imports each time, as cron would; the warm one does not.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from evergreen.settings import environment
from evergreen_workshop.stack.__main__ import stack
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.first_training import dag_id

WARM = """
import sys, time
from evergreen.cli import app
arguments = ["run", sys.argv[1], "--dry-run", "--force", "--json"]
for _ in range(2):
    began = time.perf_counter()
    app(arguments, standalone_mode=False)
    print(f"seconds {time.perf_counter() - began}", file=sys.stderr)
"""


def through_airflow(api: AirflowApi, use_case: str) -> float:
    """Seconds from the request until the run has succeeded."""
    began = time.perf_counter()
    conf = {"dry_run": True, "force_retrain": True}
    run = api.trigger(dag_id(use_case), note="benchmark", conf=conf)
    while (state := api.state(dag_id(use_case), run)) in {"queued", "running"}:
        time.sleep(0.1)
    assert state == "success", state
    return time.perf_counter() - began


def cold(use_case: str, env: dict[str, str]) -> float:
    command = [str(Path(sys.executable).with_name("evergreen")), "run", use_case]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--dry-run", "--force", "--json"], env=env, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def warm(use_case: str, env: dict[str, str]) -> float:
    """Seconds of the second cycle of a process."""
    command = [sys.executable, "-c", WARM, use_case]
    told = subprocess.run(
        command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ).stderr
    return float([line for line in told.splitlines() if line.startswith("seconds ")][-1].split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("use_case", nargs="?", default="weather")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    api, env = stack().airflow, os.environ | environment()
    ways: dict[str, Any] = {
        "through Airflow": lambda: through_airflow(api, arguments.use_case),
        "cold process": lambda: cold(arguments.use_case, env),
        "warm process": lambda: warm(arguments.use_case, env),
    }
    seconds = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, run in ways.items():
            seconds[way].append(run())
    for way, taken in seconds.items():
        ratio = median(seconds["through Airflow"]) / median(taken)
        Console().print(f"{way:16} {median(taken):6.1f} s   Airflow / it: {ratio:.2f}   {taken}")
    Console().print(f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

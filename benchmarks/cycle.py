"""One training cycle through Airflow, trigger to success, beside the same cycle in one process.

    make up && .venv/bin/python benchmarks/cycle.py --rounds 3

Every round trains anew (`--force`), promotes nothing, and alternates the two, so that both see the
same machine. The cold process pays its imports each time, as cron would; the warm one does not.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import DidNotHappen, Figures, happened, measuring, options
from evergreen.settings import environment, variables
from evergreen_workshop.stack.__main__ import stack
from evergreen_workshop.stack.airflow import AirflowApi

WARM = """
import sys, time
from evergreen.cli import app
arguments = ["run", sys.argv[1], "--dry-run", "--force", "--json"]
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    app(arguments, standalone_mode=False)
    print(f"seconds {time.perf_counter() - began}", file=sys.stderr)
"""


def through_airflow(api: AirflowApi, use_case: str) -> float:
    """Seconds from the request until the run has succeeded."""
    began = time.perf_counter()
    conf = {"dry_run": True, "force_retrain": True}
    dag = f"{variables().dag_prefix}{use_case}_training"
    run = api.trigger(dag, note="benchmark", conf=conf)
    while (state := api.state(dag, run)) in {"queued", "running"}:
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    happened("the run through Airflow ended", state, "success")
    if "gate" not in api.tasks(dag, run).get("success", []):
        raise DidNotHappen(f"{run}: refused before its gate, so no cycle was timed")
    return seconds


def cold(use_case: str, env: dict[str, str]) -> float:
    command = [str(Path(sys.executable).with_name("evergreen")), "run", use_case]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--dry-run", "--force", "--json"], env=env, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    judged(done)
    return seconds


def judged(done: subprocess.CompletedProcess[str]) -> None:
    """Check that every cycle that was printed went as far as its gate."""
    happened(f"evergreen run said {done.stderr.strip()!r}, exit code", done.returncode, 0)
    for document in documents(done.stdout):
        if not document["gate"]:
            raise DidNotHappen(
                f"the data was refused, so no cycle was timed: {document['refused']}"
            )


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents that stand one after the other in a text."""
    found, decoder, rest = [], json.JSONDecoder(), text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].strip()
    return found


def warm(use_case: str, env: dict[str, str], cycles: int) -> float:
    """Seconds of the last of some cycles in one process."""
    command = [sys.executable, "-c", WARM, use_case, str(cycles)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    judged(done)
    lines = [line for line in done.stderr.splitlines() if line.startswith("seconds ")]
    return float(lines[-1].split()[1])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("use_case", nargs="?", help="weather; the small iris with --small")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        rounds, cycles = (1, 1) if arguments.small else (arguments.rounds, 2)
        use_case = arguments.use_case or ("iris" if arguments.small else "weather")
        compare(use_case, rounds, cycles, figures)


def compare(use_case: str, rounds: int, cycles: int, figures: Figures) -> None:
    api, env = stack().airflow, os.environ | environment()
    ways: dict[str, Any] = {
        "through Airflow": lambda: through_airflow(api, use_case),
        "cold process": lambda: cold(use_case, env),
        "warm process": lambda: warm(use_case, env, cycles),
    }
    seconds = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            seconds[way].append(run())
    for way, taken in seconds.items():
        ratio = median(seconds["through Airflow"]) / median(taken)
        figures.tell(
            f"{way:16} {median(taken):6.1f} s   Airflow / it: {ratio:.2f}   {taken}",
            way=way, seconds=median(taken), ratio=ratio, rounds=taken,
        )  # fmt: skip


if __name__ == "__main__":
    main()

"""How long Airflow takes to parse the DAG files: for the six use cases, and for 200.

    .venv/bin/python benchmarks/parse.py [--rounds 5]

Processor time of a fresh process after `import airflow.sdk`, as the dag-processor has it; and what
a task pays when it parses the one file of its DAG again.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from common import happened, measuring, options
from evergreen.settings import PROJECT

PARSE = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
began = time.process_time()
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
print(len(bag.dags), time.process_time() - began)
"""
OF_A_TASK = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "churn_training"}
"""What Airflow tells the process of a task."""


def declare(folder: Path, count: int) -> None:
    """Write so many use cases; the shipped ones, over and over."""
    shipped = sorted((PROJECT / "include" / "use_cases").glob("[!_]*.py"))
    for number in range(count):
        source = shipped[number % len(shipped)]
        name = source.stem if number < len(shipped) else f"{source.stem}_{number}"
        text = source.read_text().replace(f'name="{source.stem}"', f'name="{name}"', 1)
        (folder / f"{name}.py").write_text(text)


def parsed(folder: Path, what: str = "", **more: str) -> tuple[int, float]:
    """Parse dags/, or a file of it, in a fresh process; return how many DAGs and the seconds."""
    env = os.environ | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "EVERGREEN_HOME": str(folder),
        "EVERGREEN_USE_CASES_DIR": str(folder),
        **more,
    }
    command = [sys.executable, "-c", PARSE, str(PROJECT / "dags" / what)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    count, seconds = done.stdout.split()[-2:]
    return int(count), float(seconds)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    counts, rounds = ((2,), 1) if arguments.small else ((6, 200), arguments.rounds)
    with measuring(arguments) as figures:
        for count in counts:
            with TemporaryDirectory(dir="/var/tmp") as temporary:
                folder = Path(temporary)
                declare(folder, count)
                all_of_them = [parsed(folder) for _ in range(rounds)]
                of_a_task = [parsed(folder, "use_cases.py", **OF_A_TASK) for _ in range(rounds)]
            dags = all_of_them[0][0]
            happened("each use case has its DAGs", dags >= 2 * count + 3, True)
            happened("the DAG of a task", {found for found, _ in of_a_task}, {1})
            seconds, own = (median(s for _, s in each) for each in (all_of_them, of_a_task))
            figures.tell(
                f"{count} use cases, {dags} DAGs: {seconds:.2f} s; for a task: {own:.2f} s",
                use_cases=count,
                seconds=seconds,
                of_a_task=own,
            )


if __name__ == "__main__":
    main()

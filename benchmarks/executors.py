"""A training by Airflow's executors: LocalExecutor, Celery's workers, and fits on Ray.

python benchmarks/executors.py [--rounds 3] [--use-case weather] [--way CeleryExecutor ...]

Each has a house of its own, as in `make test-workers`, which installs what is needed: Airflow with
PostgreSQL behind PgBouncer, S3 and MLflow on loopback, Redis and two workers. It tells seconds from
the request to the end of the run, of the trainings after the first, and what it is worth that
workers have imported our packages before a task is forked. Ray, by a cluster that stands beside
Airflow and by one that each step starts for itself, is told of where it is installed.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from common import eventually, measuring, options
from cycle import through_airflow
from evergreen.settings import PROJECT
from evergreen_workshop import demo
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres

sys.path.append(str(PROJECT / "tests"))

from s3 import Endpoint
from tools import tool
from workers.fleet import Fleet, running

LOCAL = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}


@contextmanager
def on_standing_ray() -> Iterator[dict[str, str]]:
    """Yield the variables of a house beside which two nodes of Ray stand, one core each."""
    from ray_cluster import two_nodes

    with two_nodes() as nodes:
        token = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
        yield LOCAL | token | {"EVERGREEN_COMPUTE": nodes.address}


WAYS: dict[str, Callable[[], AbstractContextManager[dict[str, str]]]] = {
    "LocalExecutor": lambda: nullcontext(LOCAL),
    "LocalExecutor, fits on Ray that stands": on_standing_ray,
    "LocalExecutor, fits on Ray": lambda: nullcontext(LOCAL | {"EVERGREEN_COMPUTE": "ray"}),
    "CeleryExecutor": lambda: nullcontext({}),
    "CeleryExecutor, nothing imported": lambda: nullcontext(
        {"PYTHONPATH": str(PROJECT / "include")}
    ),
}
"""The variables of each, beside those of the house."""


@contextmanager
def house(use_case: str, variables: dict[str, str]) -> Iterator[Fleet]:
    """Yield a house and its two workers, with the demo's rows of one use case."""
    with TemporaryDirectory(dir="/var/tmp") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        for file in (f"include/use_cases/{use_case}.py", f"expectations/{use_case}.json"):
            into = folder / "declared" / Path(file).parent.name
            into.mkdir(parents=True)
            shutil.copy(PROJECT / file, into)
        postgres, s3 = EmbeddedPostgres(folder / "postgres", free_port()), Endpoint(free_port())
        postgres.start()
        try:
            with running(
                folder, postgres, s3.bucket(), declarations=folder / "declared",
                redis=tool("redis-server"), pgbouncer=tool("pgbouncer"), variables=variables,
            ) as fleet:  # fmt: skip
                yesterday = datetime.now(UTC).date() - timedelta(days=1)
                demo.load(use_case, fleet.env["EVERGREEN_DATABASE_DIRECT_URL"], until=yesterday)
                eventually(fleet.well)
                yield fleet
        finally:
            s3.stop()
            postgres.destroy()


def seconds(use_case: str, variables: dict[str, str], rounds: int) -> list[float]:
    """Return how long each training took, but the first, which finds nothing imported anywhere."""
    with house(use_case, variables) as fleet:
        eventually(lambda: fleet.api.dag(f"{use_case}_training"), 600)
        _, *found = [through_airflow(fleet.api, use_case) for _ in range(rounds + 1)]
        return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--use-case", default="weather")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--way", choices=WAYS, action="append", help="only this one (again for more)"
    )
    arguments = parser.parse_args()
    if arguments.small:
        arguments.use_case, arguments.rounds = "iris", 1
    with measuring(arguments) as figures:
        first: list[float] = []
        for way in arguments.way or WAYS:
            if "Ray" in way and find_spec("ray") is None:
                figures.tell(f"{way}: not installed (make install-ray)")
                continue
            with WAYS[way]() as variables:
                found = seconds(arguments.use_case, variables, arguments.rounds)
            first = first or found
            ratio = median(found) / median(first)
            figures.tell(
                f"{way:38} {median(found):6.1f} s, {ratio:.2f} times the first   "
                + " ".join(f"{one:.1f}" for one in found),
                way=way, seconds=median(found), ratio=ratio, rounds=found,
            )  # fmt: skip


if __name__ == "__main__":
    main()

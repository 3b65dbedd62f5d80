"""Fifty of two hundred use cases due at once, in the real scheduler, beside what was foretold.

python benchmarks/rush.py [--use-cases 200] [--due 50] [--json]

A stack of its own (PostgreSQL, MLflow, Airflow with LocalExecutor, the service) in a folder that
goes away. Every use case is weather's with one candidate. It tells the memory for each use case
(a tenth of them, then all), the scheduler's CPU while nothing is due, and then lets those train
twice that are due: once by hand, so that something is on record, and once by their schedule, all
in the same minute. The machine's other users are told of: cores that were free, and CPU seconds.
"""

import os
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from common import DidNotHappen, Figures, eventually, happened, measuring, options
from evergreen import catalog, planning
from evergreen.records import Records
from evergreen.settings import PROJECT, complete, variables
from evergreen_workshop import demo
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import SERVICES, Stack
from evergreen_workshop.stack.ports import PORTS, free_port
from evergreen_workshop.stack.progress import Progress

QUICK = """

from dataclasses import replace

USE_CASE = replace(
    USE_CASE, schedule="{schedule}", baselines=USE_CASE.baselines[:1],
    candidates=(replace(USE_CASE.candidate("logistic"), search={{}}, windows=(None,)),),
    monitoring=replace(USE_CASE.monitoring, schedule="{never}"),
)
"""
DAGS = """
from datetime import datetime

from evergreen_airflow import use_case_dags

BEGIN = datetime.fromisoformat("{begin}")
made = use_case_dags()
for dag in made.values():  # nothing of before this benchmark is due
    dag.start_date = BEGIN
    for task in dag.tasks:
        task.start_date = BEGIN
globals().update(made)
"""
NEVER = "0 0 1 1 *"
PATIENCE = 3600
PAGE = 100
"""Airflow's API tells of no more at once."""
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def stack_of_its_own() -> Iterator[Stack]:
    """Start a stack with use cases and DAG files of its own; its folder goes away."""
    with TemporaryDirectory(dir="/var/tmp") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        for name in ("use_cases", "expectations", "dags"):
            (folder / name).mkdir()
        for other in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):  # of a stack beside it
            os.environ.pop(other, None)
        begin = datetime.now(UTC).isoformat()
        (folder / "dags" / "rush.py").write_text(DAGS.format(begin=begin))
        os.environ |= {
            "EVERGREEN_HOME": str(folder / "home"),
            "EVERGREEN_USE_CASES_DIR": str(folder / "use_cases"),
            "EVERGREEN_EXPECTATIONS_DIR": str(folder / "expectations"),
            "EVERGREEN_DAGS_DIR": str(folder / "dags"),
            **{port.setting: str(free_port()) for port in PORTS},
        }
        it = Stack(Layout(folder / "home"), Progress(Console(stderr=True)))
        try:
            yield it
        finally:
            it.clean()


def declare(folder: Path, names: list[str], schedule: str = NEVER) -> None:
    """Write use cases that are due by this schedule, or write them anew."""
    suite = (PROJECT / "expectations" / "weather.json").read_text()
    weather = (PROJECT / "include" / "use_cases" / "weather.py").read_text()
    for name in names:
        (folder / "expectations" / f"{name}.json").write_text(suite)
        text = weather.replace('name="weather"', f'name="{name}"', 1)
        quick = QUICK.format(schedule=schedule, never=NEVER)
        (folder / "use_cases" / f"{name}.py").write_text(text + quick)


def load(url: str) -> None:
    """Load the table that all of them read, up to yesterday."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    demo.load("weather", url, until=yesterday)
    demo.deliver("weather", url, yesterday)


def parsed(it: Stack, names: list[str], due: datetime | None = None) -> None:
    """Wait until Airflow knows the trainings of these; with `due`, that they are due then."""

    def known() -> bool:
        for name in reversed(names):
            dag = it.airflow.dag(f"{name}_training")
            if dag is None:
                return False
            following = dag["next_dagrun_run_after"]
            if due and (following is None or datetime.fromisoformat(following) != due):
                return False
        return True

    eventually(known, PATIENCE)


def pids(it: Stack, name: str) -> list[int]:
    """The processes of a service, its own first: those of its session."""
    own = processes.running(it.layout, name)
    if own is None:
        return []
    sessions = {int(path.name): stat(path) for path in Path("/proc").glob("[0-9]*")}
    mine = [pid for pid, fields in sessions.items() if fields and int(fields[3]) == own]
    return [own, *(pid for pid in mine if pid != own)]


def stat(process: Path) -> list[str]:
    """Fields of /proc/PID/stat after the name; none of a process that has gone."""
    try:
        return (process / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def cpu(pids: list[int], children: bool = False) -> float:
    """CPU seconds of processes; with those of the children that they have seen end."""
    fields = [stat(Path(f"/proc/{pid}")) for pid in pids]
    return sum(sum(map(int, each[11 : 15 if children else 13])) for each in fields) / TICKS


def resident(it: Stack) -> int:
    """Bytes of memory of all services but PostgreSQL; what they share is counted once (PSS)."""
    total = 0
    for pid in {pid for name in SERVICES for pid in pids(it, name)}:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:"))
    return 1024 * total


def free_cores(seconds: float = 5.0) -> float:
    """Cores that others leave to processes of ours: CPU seconds that as many busy loops get."""
    count = os.cpu_count() or 1
    children = [child for _ in range(count) if (child := spin(seconds))]
    times = [os.wait4(child, 0)[2] for child in children]
    return sum(each.ru_utime + each.ru_stime for each in times) / seconds


def spin(seconds: float) -> int:
    """Start a process that does nothing else for so long."""
    if child := os.fork():
        return child
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    os._exit(0)


def runs(it: Stack, names: list[str], run_type: str) -> list[dict[str, Any]]:
    """The runs of these trainings of one type, as the API describes them."""
    wanted, found = {f"{name}_training" for name in names}, []
    query = {"limit": PAGE, "run_type": run_type, "order_by": "-run_after"}
    for offset in range(0, 10 * len(names) + PAGE, PAGE):
        asked = query | {"offset": offset}
        page = it.airflow._request("GET", "/dags/~/dagRuns", params=asked).json()["dag_runs"]
        found += [run for run in page if run["dag_id"] in wanted]
        if len(page) < PAGE:
            break
    return found


def ended(it: Stack, names: list[str], run_type: str) -> list[dict[str, Any]]:
    """Wait until a run of each of these trainings has ended well."""

    def all_of_them() -> list[dict[str, Any]]:
        found = runs(it, names, run_type)
        if failed := [run["dag_id"] for run in found if run["state"] == "failed"]:
            raise DidNotHappen(f"runs that failed: {', '.join(failed)}")
        done = [run for run in found if run["state"] == "success"]
        time.sleep(1)
        return done if len(done) >= len(names) else []

    return list(eventually(all_of_them, PATIENCE))


def watchdog_waited(it: Stack, since: datetime) -> float | None:
    """Seconds that the watchdog waited at most for a slot since a moment; None: it was not due."""
    path = "/dags/operations_watchdog/dagRuns/~/taskInstances"
    newest = {"limit": PAGE, "order_by": "-start_date"}
    tasks = it.airflow._request("GET", path, params=newest).json()["task_instances"]
    waited = [
        (datetime.fromisoformat(task["start_date"]) - due).total_seconds()
        for task in tasks
        if task["start_date"] and (due := datetime.fromisoformat(task["run_after"])) >= since
    ]
    return max(waited, default=None)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--use-cases", type=int, default=200)
    parser.add_argument("--due", type=int, default=50)
    arguments = parser.parse_args()
    if arguments.small:
        arguments.use_cases, arguments.due = 4, 2
    with measuring(arguments) as figures, stack_of_its_own() as it:
        measure(it, figures, arguments)


def measure(it: Stack, figures: Figures, arguments: Namespace) -> None:
    """Tell of memory and of the idle scheduler, and then of the rush."""
    folder = it.layout.home.parent
    names = [f"rush_{number:03}" for number in range(arguments.use_cases)]
    few = names[: max(1, len(names) // 10)]
    declare(folder, few)
    it.up(load)
    parsed(it, few)
    idle(it, figures, few, 10 if arguments.small else 60)
    before = resident(it)
    declare(folder, names[len(few) :])
    parsed(it, names)
    idle(it, figures, names, 10 if arguments.small else 60)
    each = (resident(it) - before) / (len(names) - len(few))
    figures.tell(
        f"{before / 1e6:.0f} MB with {len(few)} use cases, and {each / 1e6:.2f} MB for each more",
        bytes=before, bytes_for_each=each,
    )  # fmt: skip
    rush(it, figures, names[: arguments.due])


def idle(it: Stack, figures: Figures, names: list[str], seconds: int) -> None:
    """Tell what the scheduler takes while nothing is due."""
    time.sleep(seconds / 2)  # what came before settles
    services = ("scheduler", "dag-processor", "api-server", "triggerer")
    before = {name: cpu(pids(it, name)[:1]) for name in services}
    time.sleep(seconds)
    cores = {name: (cpu(pids(it, name)[:1]) - before[name]) / seconds for name in services}
    told = ", ".join(f"{name} {share:.2f}" for name, share in cores.items())
    figures.tell(
        f"{len(names)} use cases, nothing is due, {seconds} s: cores of {told}",
        use_cases=len(names), idle_cores=cores,
    )  # fmt: skip


def rush(it: Stack, figures: Figures, names: list[str]) -> None:
    """Let these train by hand, foretell what their schedule will give, and see what it gives."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for name in names:
        it.airflow.trigger(f"{name}_training", note="benchmark", conf={"as_of": yesterday})
    ended(it, names, "manual")
    due = (datetime.now(UTC) + timedelta(seconds=150)).replace(second=0, microsecond=0)
    declare(it.layout.home.parent, names, f"{due.minute} {due.hour} * * *")
    parsed(it, names, due)
    cores = free_cores()
    settings = complete(variables())
    with Records(settings.database_url) as kept:
        asked: dict[str, Any] = {
            "room": planning.Room(slots=slots(it), cores=cores), "records": kept,
            "settings": settings,
        }  # fmt: skip
        every = catalog.load(settings.use_cases_dir)
        soon = timedelta(minutes=30)
        made = planning.foretell_all(every, span=soon, now=datetime.now(UTC), **asked)
        happened("trainings that are foretold", len(made.due), len(names))
        taken = everything(it)
        time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        ended(it, names, "scheduled")
        now = datetime.now(UTC)
        found = planning.last_of_all(every, span=now - due, now=now, **asked)
    waited = watchdog_waited(it, due)
    figures.tell(
        f"{len(names)} due at {due:%H:%M}: done after {found.seconds:.0f} s, foretold"
        f" {made.seconds:.0f} s ({found.seconds / made.seconds:.2f} times) on {cores:.2f} free"
        f" cores and {made.room.slots} slots; {everything(it) - taken:.0f} CPU seconds of"
        f" everything, {sum(one.cpu_seconds or 0 for one in found.ran):.0f} of the steps, foretold"
        f" {made.cpu_seconds:.0f}; {found.peak_bytes / 1e6:.0f} MB of steps at most, foretold"
        f" {made.peak_bytes / 1e6:.0f}; {made.between:.1f} s between tasks; the watchdog waited"
        f" {'not once' if waited is None else f'{waited:.1f} s at most'}",
        due=len(names), seconds=found.seconds, foretold=made.seconds, cores=cores,
        ratio=found.seconds / made.seconds, between=made.between, slots=made.room.slots,
        cpu_seconds=everything(it) - taken, peak_bytes=found.peak_bytes,
        foretold_bytes=made.peak_bytes, watchdog_waited=waited,
    )  # fmt: skip


def slots(it: Stack) -> int:
    """Slots that Airflow gives to trainings."""
    pool = it.airflow._request("GET", "/pools/evergreen_training").json()
    return int(pool["slots"])


def everything(it: Stack) -> float:
    """CPU seconds of all services, and of the tasks that have ended, but PostgreSQL's."""
    return sum(cpu(pids(it, name), children=True) for name in SERVICES)


if __name__ == "__main__":
    main()

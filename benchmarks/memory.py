"""Memory of the running stack, per service: PSS, so that pages shared by forks count once.

make up && .venv/bin/python benchmarks/memory.py
"""

import time
from collections.abc import Iterable

import psutil

from common import DidNotHappen, Figures, measuring, options
from evergreen_workshop.stack import processes
from evergreen_workshop.stack.__main__ import stack
from evergreen_workshop.stack.local import Stack

MB = 1_000_000


def members(it: Stack) -> dict[str, set[psutil.Process]]:
    return {s.name: processes.family(s.pid) for s in it.status() if s.pid}


def pss(group: Iterable[psutil.Process]) -> int:
    total = 0
    for process in group:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def cpu(group: Iterable[psutil.Process]) -> float:
    times = [process.cpu_times() for process in group if process.is_running()]
    return sum(t.user + t.system for t in times)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long to watch the idle CPU")
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        watch(0.5 if arguments.small else arguments.seconds, figures)


def watch(seconds: float, figures: Figures) -> None:
    groups = members(stack())
    if not groups:
        raise DidNotHappen("no stack runs, so there is no memory to measure: make up starts one")
    before = {name: cpu(group) for name, group in groups.items()}
    time.sleep(seconds)
    total = 0
    for name, group in groups.items():
        memory, used = pss(group), (cpu(group) - before[name]) / seconds
        total += memory
        figures.tell(
            f"{name:14} {len(group):3} processes {memory / MB:8.0f} MB  {used:.2f} cores idle,"
            f" {before[name]:.1f} CPU seconds since its start",
            service=name, processes=len(group), mb=memory / MB, idle_cores=used,
            cpu_seconds=before[name],
        )  # fmt: skip
    figures.tell(f"{'total':14} {total / MB:22.0f} MB", service="all", mb=total / MB)


if __name__ == "__main__":
    main()

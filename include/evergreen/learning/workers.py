"""One of the workers that fit together: it learns from its share of the rows.

workers.main()     # in a process whose first argument is the descriptor that it is asked through
"""

import contextlib
import os
import resource
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from evergreen.learning import boosted, provenance, streaming
from evergreen.learning.streaming import Lesson

LOOPBACK = "127.0.0.1"
PATIENCE = 86_400
"""Seconds that workers wait for each other: one that dies is seen at once by who asked them."""
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Learned:
    """What a worker has learned: all have the same."""

    trees: bytes
    rows: int
    """Of its share."""
    peak_bytes: int
    """Resident memory of its process, at most."""
    seconds: float


class Worker:
    """Learns from its share, together with the others."""

    def __init__(self, address: str = LOOPBACK) -> None:
        self._address = address
        self._tracker: Any = None

    def versions(self) -> dict[str, str]:
        """Return the packages that trees depend on."""
        return provenance.environment() | dict([boosted.installed("xgboost")])

    def open(self, size: int) -> dict[str, Any]:
        """Let so many workers meet here; return where."""
        from xgboost.tracker import RabitTracker

        self._tracker = RabitTracker(n_workers=size, host_ip=self._address, sortby="task")
        self._tracker.start()
        found: dict[str, Any] = self._tracker.worker_args()
        return found

    def learn(self, meeting: dict[str, Any], number: int, lesson: Lesson) -> Learned:
        """Meet the others, and learn; who fails never leaves, as that would wait for them."""
        from xgboost import collective

        began = time.perf_counter()
        collective.init(**meeting, dmlc_task_id=f"{number:06}", dmlc_timeout=PATIENCE)
        trees = bytes(streaming.xgboost(lesson).save_raw("ubj"))
        collective.finalize()
        return Learned(trees, len(lesson.truth), _peak_bytes(), time.perf_counter() - began)


def main() -> None:
    """Do what is asked for through a descriptor; end when whoever started this one does."""
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    worker = Worker()
    with Connection(int(sys.argv[1])) as line, contextlib.suppress(EOFError):
        while True:
            line.send(_answer(worker, line))


def _answer(worker: Worker, line: "Connection[Any, Any]") -> tuple[bool, Any]:
    """Return whether what is asked for went well, and what was found or raised."""
    asked = line.recv_bytes()
    try:
        what, given = ForkingPickler.loads(asked)
        del asked  # it is as large as the share
        return True, getattr(worker, what)(*given)
    except Exception as error:  # whatever a fit raises is its asker's
        error.add_note(f"In a worker:\n{traceback.format_exc()}")
        return False, _sendable(error)


def _sendable(error: Exception) -> Exception:
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # one that cannot be made from its message alone
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _peak_bytes() -> int:
    """Return the most resident memory that this process had; `ru_maxrss` begins with its parent's.

    Source: proc(5), VmHWM.
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) * 1024


def _end_with_the_other() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written
    os._exit(1)

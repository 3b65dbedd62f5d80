"""The logs of tasks that a stack of `make up` keeps below the home folder."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from evergreen.records import Pruning
from evergreen.retention.limits import LOGS, Limits
from evergreen.settings import Settings


def logs(
    limits: Limits, *, as_of: datetime, apply: bool, actor: str, settings: Settings
) -> Pruning:
    """Let go of the logs of tasks that a stack of `make up` keeps below the home folder."""
    folder, border = settings.home / "airflow" / "logs", as_of - limits.ages[LOGS]
    found = [(path, known) for path in _logs(folder) if (known := _looked_at(path))]
    old = [(path, known) for path, known in found if known.st_mtime <= border.timestamp()]
    for path, _ in old if apply else ():
        path.unlink(missing_ok=True)
    moments = [datetime.fromtimestamp(known.st_mtime, UTC) for _, known in old]
    return Pruning(
        use_case="", kind=LOGS, things=len(old), bytes=sum(known.st_size for _, known in old),
        oldest=min(moments, default=None), as_of=as_of, actor=actor,
        why=f"logs of tasks, older than {limits.ages[LOGS].days} days",
    )  # fmt: skip


def _logs(folder: Path) -> Iterator[Path]:
    """Yield the logs below a folder; what goes meanwhile is passed over."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if name.endswith(".log"))


def _looked_at(path: Path) -> os.stat_result | None:
    """Return age and size of a file; None: it has gone."""
    with suppress(FileNotFoundError):
        return path.stat()
    return None

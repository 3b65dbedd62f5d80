"""The invariants of what was served: where an answer leads, its bytes, and that none is lost."""

import fcntl
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow.exceptions import MlflowException

from evergreen.invariants import models
from evergreen.invariants.inspection import Found, Scene
from evergreen.learning import tracking
from evergreen.learning.models import digest
from evergreen.records.predictions import Answerer

CHAMPIONS = ("champion", "batch")
"""Variants that only a champion answers as."""
COUNTS = ("accepted", "adopted", "logged", "dropped", "waiting")
ASKED = 100
"""Runs that MLflow is asked for at a time."""
LOOKS, PAUSE = 10, 0.2
"""How often the service and its files are looked at until they agree: both move."""


def predictions_lead_back(scene: Scene) -> Found:
    """3: each prediction names a champion (or a challenger on trial) and the commits behind it."""
    groups = scene.records.predictions.answered()
    champions, trials = _champions(scene), _challengers(scene)
    found = Found(checked=f"{sum(group.times for group in groups)} predictions")
    for one, variant, code, count in groups:
        some = f"{count} predictions of {one.use_case} version {one.version}"
        if one not in (champions if variant in CHAMPIONS else champions | trials):
            found.failed.append(f"{some} ({variant}) lead to no promotion or trial")
        if code in {"", "unknown"}:
            found.failed.append(f"{some} lead to no commit of the service; set EVERGREEN_COMMIT")
    runs = {group.by.run_id for group in groups}
    for run_id in sorted(runs - _with_commit(scene, sorted(runs))):
        found.failed += _without_commit(scene, run_id)
    return found


def _with_commit(scene: Scene, runs: Sequence[str]) -> set[str]:
    """Return those of the runs that name a commit, asked for many at a time."""
    batches = [runs[start : start + ASKED] for start in range(0, len(runs), ASKED)]
    return {
        run.info.run_id
        for batch in batches
        for run in scene.runs(f"attributes.run_id IN ({', '.join(map(repr, batch))})")
        if run.data.tags.get(tracking.COMMIT)
    }


def _without_commit(scene: Scene, run_id: str) -> Iterator[str]:
    try:
        tags = tracking.client(scene.settings).get_run(run_id).data.tags
    except MlflowException as error:
        yield f"predictions lead to the MLflow run {run_id}, which cannot be read: {error}"
        return
    if not tags.get(tracking.COMMIT):
        yield f"predictions lead to the MLflow run {run_id}, which names no commit"


def bytes_are_those_that_were_gated(scene: Scene) -> Found:
    """4: the champions' files, the service's copies and what has answered are what gates judged."""
    found = models.bytes_are_those_that_were_gated(scene)
    judged = {one.sha256 for one in scene.judged}
    answered = {group.by for group in scene.records.predictions.answered()}
    found.failed += [
        f"{by.use_case}: version {by.version} has answered, but no gate judged it"
        for by in sorted(answered)
        if by.sha256 not in judged
    ]
    for file in sorted((scene.settings.home / "models").glob("*/model.skops")):
        if digest(file.read_bytes()) != file.parent.name:
            found.failed.append(f"{file} is not what its folder's name says")
    return found


def accepted_are_logged_or_counted(scene: Scene) -> Found:
    """11: what was accepted is in PostgreSQL (or was pruned), counted as dropped, or on disk.

    And of what was scored in batch, as many rows are logged (or were pruned) as its runs said.
    """
    tally = scene.records.predictions.tally()
    orphans, dropped, logged = tally.orphans, tally.dropped, tally.logged + tally.pruned
    of_batch = tally.of_batch + tally.pruned_of_batch
    counts, waiting = _agreed(scene)
    told = f"{logged} logged, {dropped} dropped, {waiting} waiting"
    told += f"; {tally.pruned} of the logged were pruned since" if tally.pruned else ""
    found = Found(checked=told if counts else f"{told}; no service runs in {scene.settings.home}")
    if of_batch != tally.told_of_batch:
        found.failed.append(
            f"{of_batch} rows scored in batch are logged, their runs told of {tally.told_of_batch}"
        )
    found.failed += [
        f"{one.there} predictions of {one.month:%Y-%m} are on record, and {one.counted} are counted"
        for one in tally.miscounted
    ]
    if tally.outside:
        found.failed.append(
            f"{tally.outside} predictions lie in no month; the watchdog makes those that lack"
        )
    if orphans > dropped:
        found.failed.append(f"{orphans} answers with a shadow are not on record, {dropped} counted")
    if counts and counts["waiting"] != waiting:
        found.failed.append(
            f"the service says that {counts['waiting']} wait, its disk holds {waiting}"
        )
    if counts and counts["logged"] > logged:
        found.failed.append(f"the service has logged {counts['logged']}, {logged} are on record")
    if (refused := _lines(scene, "refused.jsonl")) > dropped + (counts or {}).get("dropped", 0):
        found.failed.append(f"{refused} were refused by PostgreSQL, {dropped} counted as dropped")
    return found


def _agreed(scene: Scene) -> tuple[dict[str, int], int]:
    """Return the service's own counts and the lines on its disk, once they agree."""
    for _ in range(LOOKS):
        counts, waiting = _counts(scene), _lines(scene, "[0-9]*.jsonl")
        if not counts or counts["waiting"] == waiting:
            break
        time.sleep(PAUSE)
    return counts, waiting


def _lines(scene: Scene, pattern: str) -> int:
    files: Iterator[Path] = (scene.settings.home / "spool").glob(f"*/{pattern}")
    return sum(file.read_bytes().count(b"\n") for file in files if file.exists())


def _counts(scene: Scene) -> dict[str, int]:
    """Return what the service of this home counts; nothing when none runs or answers."""
    settings = scene.settings
    if not any(map(_is_held, (settings.home / "spool").glob("*/lock"))):
        return {}
    asked = urllib.request.Request(f"{settings.serve_url}/metrics")  # noqa: S310 (ours)
    for key in settings.api_keys[:1]:
        asked.add_header("X-API-Key", key)
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 (http, see above)
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    told = dict(line.rsplit(" ", 1) for line in lines if line[:1] != "#")
    names = {c: "evergreen_predictions_" + (c if c == "waiting" else f"{c}_total") for c in COUNTS}
    return {c: int(float(told[name])) for c, name in names.items() if name in told}


def _is_held(lock: Path) -> bool:
    with lock.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _champions(scene: Scene) -> set[Answerer]:
    rows = (row for chain in scene.chains.values() for row in chain)
    return {Answerer(*(getattr(row, name) for name in Answerer._fields)) for row in rows}


def _challengers(scene: Scene) -> set[Answerer]:
    trials = scene.records.trials.newest(limit=None)
    return {Answerer(*(row.challenger[name] for name in Answerer._fields)) for row in trials}

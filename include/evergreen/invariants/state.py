"""The invariants of what runs leave behind: snapshots, decisions, runs, incidents, suites."""

import os
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from evergreen import storage
from evergreen.data import manifests
from evergreen.errors import SnapshotCorrupt, SuiteError
from evergreen.invariants.inspection import OUR_DAGS, Found, Scene
from evergreen.learning import tracking
from evergreen.quality import suites
from evergreen.records import Judged, decision_id, reversal_id
from evergreen.refs import Status

if TYPE_CHECKING:
    from mlflow.entities import Run

PURPOSES = ("train", "dry_run", "backfill")
LONGEST_TRAINING = timedelta(hours=24)
LONGEST_ERASURE = timedelta(hours=1)
EVERYTHING = 1_000_000
TELLING = timedelta(minutes=1)
"""How long after its end a failed run may go untold: the callback runs in another process."""
FAILED = f"""
SELECT dag_id || '/' || run_id FROM dag_run
WHERE state = 'failed' AND end_date < %s AND dag_id IN {OUR_DAGS} ORDER BY id
"""

STILL = timedelta(minutes=5)
"""How long a run that is under way may go without the scheduler: it looks at each all the time."""
UNSCHEDULED = f"""
SELECT run.dag_id || '/' || run.run_id, coalesce(run.last_scheduling_decision, run.start_date)
FROM dag_run AS run JOIN dag ON dag.dag_id = run.dag_id
WHERE run.state = 'running' AND NOT dag.is_paused AND dag.dag_id IN {OUR_DAGS}
    AND coalesce(run.last_scheduling_decision, run.start_date) < %s
ORDER BY 2
"""
POSTPONED = f"""
SELECT dag_id || '/' || run_id, task_id, end_date FROM task_instance
WHERE state = 'up_for_retry' AND end_date > %s AND dag_id IN {OUR_DAGS} ORDER BY 3
"""


def snapshots_match_their_manifests(scene: Scene) -> Found:
    """6: the bytes of every snapshot are those of its manifest, and no champion's is missing.

    One that was rewritten, as a subject was forgotten, names an erasure on record for each time.
    """
    uris = scene.store.uris()
    found = Found(checked=f"{len(uris)} snapshots")
    for uri in uris:
        try:
            scene.store.verify(uri)
            found.failed += _unexplained(scene, uri)
        except SnapshotCorrupt as error:
            found.failed.append(str(error))
    for name, (row, *_) in scene.chains.items():
        try:
            scene.store.find(name, row.snapshot_sha256)
        except SnapshotCorrupt:
            found.failed.append(f"{name}: the snapshot of version {row.version} is missing")
    return found


def _unexplained(scene: Scene, uri: str) -> list[str]:
    """Say of which digests nobody put on record that a snapshot replaces them."""
    digests = manifests.names(scene.store.manifest(uri))
    steps = set(pairwise(digests)) - (scene.rewritten if len(digests) > 1 else set())
    return [
        f"{uri} says that it replaces {before[:16]}, of which no erasure is on record"
        for before, _ in sorted(steps)
    ]


def nothing_was_done_twice(scene: Scene) -> Found:
    """7: one decision on each matter, one version of each digest, one run of each training."""
    decisions = scene.judgements
    found = Found(checked=f"{len(decisions)} decisions on recipes and fits, versions and runs")
    for decision in decisions:
        if decision.id not in _expected_ids(decision):
            found.failed.append(
                f"{decision.use_case}: report {decision.report_id} was decided twice"
            )
    for name in scene.chains:
        digests = Counter(scene.registry.versions(name).values())
        found.failed += [f"{name}: {n} versions hold {d[:12]}" for d, n in digests.items() if n > 1]
    found.failed += _trained_twice(scene)
    return found


def _expected_ids(decision: Judged) -> set[str]:
    matters = [
        decision_id(decision.use_case, f"{decision.kind}/{purpose}", decision.report_id)
        for purpose in PURPOSES
    ]
    return {*matters, *(reversal_id(matter, decision.outcome) for matter in matters)}


def _trained_twice(scene: Scene) -> list[str]:
    runs = [run for run in scene.runs("attributes.status = 'FINISHED'") if not _forced(run)]
    keys = Counter(run.data.tags[tracking.KEY] for run in runs if tracking.KEY in run.data.tags)
    return [f"{n} runs did the same training {key[:12]}" for key, n in keys.items() if n > 1]


def _forced(run: "Run") -> bool:
    return run.data.tags.get(tracking.FORCED) == "true"


def nothing_was_left_over(scene: Scene) -> Found:
    """9: no temporary files, no interrupted erasure, no MLflow run without a live process."""
    running = list(scene.runs("attributes.status = 'RUNNING'"))
    found = Found(checked=f"no temporary files; {len(running)} trainings are running")
    found.failed += [f"a crash left {uri}" for uri in storage.of(scene.settings).litter()]
    for run in running:
        started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
        if scene.now - started > LONGEST_TRAINING:
            found.failed.append(f"run {run.info.run_id} has been running since {started:%F %R}")
        elif not _alive(run):
            found.failed.append(f"run {run.info.run_id} is running, but its process is gone")
    found.failed += [
        f"the erasure {one.id} of {one.use_case} by {one.actor} was interrupted: `evergreen forget`"
        " again, with the same key"
        for one in scene.records.erasures.unfinished()
        if scene.now - one.created_at > LONGEST_ERASURE
    ]
    return found


def _alive(run: "Run") -> bool:
    """Tell whether the process of a run lives; one on another machine is taken to live."""
    host, pid = (run.data.tags.get(tag) for tag in (tracking.HOST, tracking.PID))
    if host != socket.gethostname() or pid is None:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def failures_were_told(scene: Scene) -> Found:
    """12: every failed run of ours is an incident; somebody was told of each, and of its end."""
    incidents = scene.records.incidents.newest(limit=EVERYTHING)
    found = Found(checked=f"{len(incidents)} incidents{scene.airflow_told}")
    untold = [incident for incident in incidents if incident.notified_at is None]
    for incident in untold:
        told = found.unknown if incident.delivery.startswith("nobody") else found.failed
        told.append(f"{incident.run_key} ({incident.delivery})")
    found.failed += [
        f"{incident.run_key} is over, but those who were told that it began were not told"
        f" ({incident.resolution_delivery or 'waiting'})"
        for incident in incidents
        if incident.resolved_at and incident.end_is_due
    ]
    known = {incident.run_key for incident in incidents}
    failed = scene.airflow(FAILED, (scene.now - TELLING,))
    found.failed += [f"{key} failed without an incident" for (key,) in failed if key not in known]
    return found


def runs_are_scheduled(scene: Scene) -> Found:
    """16: no run of ours is under way in Airflow that the scheduler does not look at any more."""
    found = Found(checked=f"every run that is under way{scene.airflow_told}")
    found.failed += [
        f"{key} is under way, and the scheduler has not looked at it since {since:%F %H:%M %Z}:"
        " `make up` starts one that died; a session that holds its row is in pg_stat_activity"
        for key, since in scene.airflow(UNSCHEDULED, (scene.now - STILL,))
    ]
    found.failed += [
        f"{key} waits for another try of {task} until {until:%F %H:%M %Z}: the clock of whoever ran"
        " the last one was ahead; clear the task in Airflow to have it tried at once"
        for key, task, until in scene.airflow(POSTPONED, (scene.now + STILL,))
    ]
    return found


def nothing_passes_empty(scene: Scene) -> Found:
    """14: each suite has the mandatory checks, and no gate passed on zero rows or no checks."""
    found = Found(checked=f"{len(scene.catalog.use_cases)} suites and every gate that passed")
    for name, use_case in scene.catalog.use_cases.items():
        try:
            suite = suites.load(Path(scene.settings.expectations_dir), name)
        except SuiteError as error:
            found.failed.append(str(error))
            continue
        found.failed += [f"{name}: {lack}" for lack in suites.check_suite(suite, use_case)]
    found.unknown += [f"{name}: its declaration is broken" for name in scene.catalog.broken]
    for decision in scene.judgements:
        if decision.outcome == Status.PASSED:
            found.failed += _empty(decision)
    return found


def _empty(decision: Judged) -> list[str]:
    report = f"{decision.use_case}: report {decision.report_id} passed"
    problems = [] if decision.checks else [f"{report} without any check"]
    problems += [
        f"{report} although {name} is {status}" for name, status in decision.not_passed.items()
    ]
    return problems if decision.rows > 0 else [*problems, f"{report} on zero rows"]

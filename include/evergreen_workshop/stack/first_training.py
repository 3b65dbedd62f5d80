"""Bring a fresh stack to its first champions: demo data, one training each, what came of it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from evergreen.catalog import Catalog
from evergreen.errors import StackError
from evergreen.records import Decision
from evergreen.records.protocols import Ledger
from evergreen.spec import UseCase
from evergreen_workshop import demo
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.progress import Progress, Step

APPEARANCE = 90.0
"""Seconds until a DAG must have been parsed."""

TRAINING = 900.0
"""Seconds until first trainings must have ended, if nobody grants them more."""

SCHEDULED = 60.0
"""Seconds that the scheduler is given to start a run that is due by itself."""

PAUSE = 2.0
"""Seconds between two looks at trainings: Airflow is asked twice about each of them, which took its
API server a third of a core when a look came every half second."""

SETTLING = ("gate", "fit", "retirement", "approval")
"""Kinds of decisions that say why there is no champion."""

LACKING = (
    "is not trained: EVERGREEN_WAREHOUSE_URL, which is yours, has no table {name};"
    " `evergreen db load {name}` would make it there, and `make up` train on it then"
)


@dataclass(frozen=True)
class FirstOutcome:
    """What became of a use case."""

    use_case: str
    well: bool
    """It has a champion, or there is a reason on record why not."""
    sentence: str
    champion: bool = False

    @property
    def line(self) -> str:
        """What is told of it, behind its mark."""
        mark = "✓" if self.champion else "!" if self.well else "✗"
        return f"{mark} {self.use_case}: {self.sentence}"


def load_demo(catalog: Catalog, database_url: str, yesterday: date) -> list[str]:
    """Load the demo tables, and the days that have passed since; return what was done."""
    done = []
    for name in demo.names():
        rows = demo.load(name, database_url, until=yesterday)
        if name in catalog.use_cases and "demo" in catalog.use_cases[name].tags:
            rows += demo.deliver(name, database_url, yesterday).rows
        if rows:
            done.append(f"{name}: {rows} rows")
    return done


@dataclass
class FirstTraining:
    """Trains, through Airflow, what has no champion and no reason for that; but no draft."""

    api: AirflowApi
    ledger: Ledger
    progress: Progress
    patience: float = TRAINING
    prefix: str = ""
    """What the ids of our DAGs begin with."""
    warehouse_url: str = ""
    """The warehouse, if it is the user's own: no demo table is loaded into it unasked."""

    def run(self, catalog: Catalog) -> list[FirstOutcome]:
        """Train what must be trained, wait for it, and tell what became of each use case.

        Raises:
            StackError: Airflow does not know the DAG, or a training takes too long.
        """
        names = sorted(name for name, one in catalog.use_cases.items() if not one.draft)
        unsettled = [name for name in names if not self._settled(name)]
        lacking = {name for name in unsettled if self._lacks_table(catalog.use_cases[name])}
        waiting = [name for name in unsettled if name not in lacking]
        if waiting:
            with self.progress.step(f"training {', '.join(waiting)}") as step:
                dags = [f"{self.prefix}{name}_training" for name in waiting]
                runs = {dag: self._start(dag, step) for dag in dags}
                self._wait(runs, step)
        outcomes = [
            FirstOutcome(name, True, LACKING.format(name=name))
            if name in lacking
            else self.outcome(name)
            for name in names
        ]
        broken = [
            FirstOutcome(name, False, f"is broken: {error.splitlines()[-1]}")
            for name, error in sorted(catalog.broken.items())
        ]
        return outcomes + broken

    def outcome(self, use_case: str) -> FirstOutcome:
        """Tell what became of a use case: its champion, its refusal or its failure."""
        if promotions := self.ledger.promotions.of(use_case):
            newest = promotions[0]
            sentence = f"champion is version {newest.version}. {newest.reason}"
            return FirstOutcome(use_case, True, sentence, champion=True)
        if decision := self._decision(use_case):
            return FirstOutcome(use_case, True, decision.sentence)
        incidents = self.ledger.incidents.newest(use_case, limit=1)
        why = incidents[0].message if incidents else "its run left no reason; see `make logs`"
        return FirstOutcome(use_case, False, f"no champion: {why}")

    def _lacks_table(self, use_case: UseCase) -> bool:
        """Tell whether it is a demonstration without its table, in a warehouse of the user's."""
        apart = self.warehouse_url and "demo" in use_case.tags
        return bool(apart and not demo.is_loaded(use_case.name, self.warehouse_url))

    def _settled(self, use_case: str) -> bool:
        champion = self.ledger.promotions.champion(use_case)
        return champion is not None or self._decision(use_case) is not None

    def _decision(self, use_case: str) -> Decision | None:
        """Return what was decided last on the recipes, the fit that was to serve, or its end."""
        newest = self.ledger.decisions.newest(use_case)
        return next((one for one in newest if one.kind in SETTLING), None)

    def _start(self, dag: str, step: Step) -> str:
        """Return the run that is under way or that the schedule is about to start, or start one."""
        deadline = time.monotonic() + SCHEDULED
        while True:
            known = self._known(dag, step)
            if (run := self.api.active_run(dag)) is not None:
                return run
            if not _is_due(known) or time.monotonic() > deadline:
                return self.api.trigger(dag, note="First training, started by make up.")
            time.sleep(0.3)

    def _known(self, dag: str, step: Step) -> dict[str, Any]:
        began = step.seconds
        while (known := self.api.dag(dag)) is None:
            if step.seconds - began > APPEARANCE:
                errors = "\n".join(self.api.import_errors().values())
                raise StackError(f"Airflow does not know the DAG {dag}. {errors}")
            step.update(f"waiting for Airflow to read the DAG {dag}")
            time.sleep(0.3)
        if known["is_paused"]:
            raise StackError(f"the DAG {dag} is paused: switch it on in the UI, then `make up`")
        return known

    def _wait(self, runs: dict[str, str], step: Step) -> None:
        began = step.seconds
        while active := [dag for dag, run in runs.items() if self._is_active(dag, run)]:
            if step.seconds - began > self.patience:
                raise StackError(f"{', '.join(active)}: still running after {self.patience:.0f} s")
            step.update(f"{len(runs) - len(active)} done, {self._what_runs(runs, active)}")
            time.sleep(PAUSE)

    def _is_active(self, dag: str, run: str) -> bool:
        return self.api.state(dag, run) in {"queued", "running"}

    def _what_runs(self, runs: dict[str, str], active: list[str]) -> str:
        tasks = {dag: self.api.tasks(dag, runs[dag]).get("running", []) for dag in active}
        working = [
            f"{dag}: {' and '.join(_unique(names))}" for dag, names in tasks.items() if names
        ]
        return ", ".join(working) or "between two tasks"


def _is_due(known: dict[str, Any]) -> bool:
    """Tell whether the scheduler is about to start a run of the last time that a schedule names."""
    following = known["next_dagrun_run_after"]
    return following is not None and datetime.fromisoformat(following) <= datetime.now(UTC)


def _unique(names: Iterable[str]) -> list[str]:
    return sorted(set(names))

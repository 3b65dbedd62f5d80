"""What the invariants are checked on, and how each tells what it found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evergreen import dossier
from evergreen.catalog import OURS, Catalog
from evergreen.champions.registry import ModelRegistry
from evergreen.data import snapshots
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.warehouse import connect
from evergreen.dossier import Dossier
from evergreen.learning import tracking
from evergreen.learning.names import named
from evergreen.records import Decision, Judged, Promotion, Records
from evergreen.refs import PAPER
from evergreen.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities import Run

PASSING = {"gate", "fit"}
"""Kinds of the decisions that let bytes pass."""
OUR_DAGS = f"(SELECT dag_id FROM dag_tag WHERE name = '{OURS}')"
"""For `IN`: an Airflow may run the DAGs of others as well, which tell as they like."""


@dataclass
class Found:
    """What one invariant found."""

    failed: list[str] = field(default_factory=list)
    """Where it is broken, one sentence each."""
    unknown: list[str] = field(default_factory=list)
    """What could not be checked, and why."""
    checked: str = ""
    """What was checked, told when all is well."""


@dataclass(frozen=True)
class Scene:
    """All that the invariants look at."""

    records: Records
    settings: Settings
    catalog: Catalog
    now: datetime

    @cached_property
    def registry(self) -> ModelRegistry:
        """Versions and aliases."""
        return ModelRegistry(self.settings, self.records.locks)

    @cached_property
    def store(self) -> SnapshotStore:
        """Snapshots, of raw rows and of features."""
        return snapshots.of(self.settings)

    @cached_property
    def chains(self) -> dict[str, tuple[Promotion, ...]]:
        """The promotions of each use case that has or had a champion, newest first."""
        return {
            name: self.records.promotions.of(name) for name in self.records.promotions.use_cases()
        }

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """Every decision that let bytes pass or not, also on paper."""
        return self.records.decisions.judged([*sorted(PASSING), PAPER])

    @property
    def judgements(self) -> list[Judged]:
        """The decisions of the gate on recipes, and those on the fits that were to serve."""
        return [one for one in self.judged if one.kind in PASSING]

    @cached_property
    def rewritten(self) -> set[tuple[str, str]]:
        """Digests of snapshots before and after a subject was forgotten."""
        return self.records.erasures.rewritten()

    def dossier_of(self, row: Promotion) -> Dossier | None:
        """Return what belongs to the version of a row."""
        return dossier.find(self.records.dossiers, row.use_case, row.version)

    def gate_of(self, row: Promotion) -> Decision | None:
        """Return the gate's decision behind a row, that of a rollback included."""
        found = self.dossier_of(row)
        decision = found and self.records.decisions.get(found.proof.decision_id)
        return decision if decision and decision.kind in PASSING else None

    def runs(self, query: str = "") -> "Iterator[Run]":
        """Yield the MLflow runs of our use cases, those of the catalog and of the ledger."""
        client = tracking.client(self.settings)
        names = sorted({*self.catalog.use_cases, *self.chains})
        ours = (named(self.settings, name) for name in names)
        found = map(client.get_experiment_by_name, ours)
        experiments = [experiment.experiment_id for experiment in found if experiment]
        token: Any = None
        while experiments and token != "":
            page = client.search_runs(experiments, query, max_results=500, page_token=token)
            yield from page
            token = page.token or ""

    @property
    def airflow_told(self) -> str:
        """What a finding adds to what it checked: whether Airflow was looked at."""
        known = self.settings.airflow_database_url
        return "" if known else "; no Airflow is set, so none was looked at"

    def airflow(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """Return rows of Airflow's database; none where no Airflow is set."""
        if not (url := self.settings.airflow_database_url):
            return []
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()


Rule = Callable[[Scene], Found]

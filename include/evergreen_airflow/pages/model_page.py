"""What the page of one use case shows, its card: read from its declaration and the ledger."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from evergreen import dossier
from evergreen.catalog import recall
from evergreen.dossier import Dossier
from evergreen.fleet import STATES, unmended
from evergreen.fleet.in_words import age
from evergreen.fleet.table import GONE
from evergreen.judging.figures import shorts
from evergreen.records import Decision, Incident, Promotion, Records
from evergreen.records.decisions import ASIDE, TRAINED
from evergreen.settings import Settings
from evergreen.spec import UseCase, is_worse
from evergreen.spec.kinds import attainable
from evergreen_airflow.pages import AIRFLOW, PREFIX
from evergreen_airflow.pages.drift_page import Group
from evergreen_airflow.pages.drift_page import group as watched
from evergreen_airflow.pages.trials import TrialCard, served, trials

WINDOWS = 48
"""How many windows the time line of a card holds."""

TRIGGER = "trigger"
JUDGED = ("gate", "fit")
"""Decisions that leave a report."""


@dataclass(frozen=True)
class Link:
    """A link; one that leads to Airflow's own pages opens in its window."""

    text: str
    href: str
    airflow: bool = False


@dataclass(frozen=True)
class Bar:
    """A metric beside the floor (or, where less is better, the ceiling) of the gate."""

    metric: str
    value: float
    floor: float
    more_is_better: bool

    @property
    def enough(self) -> bool:
        """Tell whether the value is on the right side of the floor."""
        return not is_worse(self.value, self.floor, more_is_better=self.more_is_better)

    @property
    def text(self) -> str:
        """The value for a person."""
        return shorts(self.value, self.floor)[0]

    @property
    def floor_text(self) -> str:
        """The floor for a person."""
        return shorts(self.value, self.floor)[1]

    @property
    def share(self) -> float:
        """Length of the bar, in percent."""
        return self._percent(self.value)

    @property
    def floor_share(self) -> float:
        """Where the floor's tick stands, in percent."""
        return self._percent(self.floor)

    def _percent(self, figure: float) -> float:
        low, (_, high) = min(0.0, self.value, self.floor), attainable(self.metric)
        if math.isinf(high):
            high = max(0.0, self.value, self.floor)
            low, high = 1.25 * low, 1.25 * high or 1.0
        return round(100 * min(max((figure - low) / (high - low), 0.0), 1.0), 1)


@dataclass(frozen=True)
class Champion:
    """The champion, in words."""

    version: int
    since: str


@dataclass(frozen=True)
class Happened:
    """Something that happened, in words."""

    outcome: str
    sentence: str
    cause: str
    at: datetime | None


@dataclass(frozen=True)
class Step:
    """One champion of the past, or the present one."""

    version: int
    kind: str
    actor: str
    reason: str
    at: datetime | None
    current: bool


@dataclass(frozen=True, kw_only=True)
class Card:
    """One use case."""

    name: str
    dag_id: str = ""
    """Of its training."""
    doc: str = ""
    facts: str = ""
    error: str = ""
    draft: bool = False
    retired: str = ""
    """Who ended it, when and why; empty: nobody did."""
    champion: Champion | None = None
    bars: tuple[Bar, ...] = ()
    last: Happened | None = None
    trigger: Happened | None = None
    """What was decided last about a retraining."""
    incident: Happened | None = None
    alerts: tuple[Happened, ...] = ()
    """States that last."""
    history: tuple[Step, ...] = ()
    pinned: str = ""
    """By whom the champion is pinned, since when and why; empty: it is not."""
    waiting: str = ""
    """Which version waits for a person's word, since when and until when; empty: none."""
    served: str = ""
    """How the champion is served, and how often."""
    trials: tuple[TrialCard, ...] = ()
    watched: Group | None = None
    links: tuple[Link, ...] = field(default=())

    @property
    def state(self) -> str:
        """`champion`, `none`, `draft`, `retired` or `broken`."""
        if self.error:
            return "broken"
        if self.retired:
            return "retired"
        if self.draft:
            return "draft"
        return "champion" if self.champion else "none"

    @property
    def status(self) -> str:
        """The state for a person."""
        return STATES[self.state] if self.state in {"champion", "none"} else self.state

    @property
    def dag(self) -> str:
        """Address of the training DAG."""
        return f"{AIRFLOW}/dags/{self.dag_id}"


def card(name: str, records: Records, settings: Settings, now: datetime) -> Card | None:
    """Return the card of a use case; None: it is neither declared nor was it ever.

    Raises:
        DatabaseAway: the ledger does not answer.
    """
    catalog = recall(settings.use_cases_dir)
    retirement = records.retirements.get(name)
    retired = retirement.sentence if retirement else ""
    if use_case := catalog.use_cases.get(name):
        return replace(
            declared_card(use_case, records, now, settings.dag_prefix),
            served=served(records, records.promotions.champion(name), now),
            trials=trials(records, use_case),
            watched=watched(use_case, records, settings.dag_prefix, WINDOWS),
            retired=retired,
        )
    if error := catalog.broken.get(name):
        return Card(name=name, error=error, alerts=alerts(records, name))
    if not (promotions := records.promotions.of(name)):
        return None
    if retired:
        return Card(name=name, retired=retired, history=steps(promotions))
    return Card(name=name, error=GONE, alerts=alerts(records, name))


def alerts(records: Records, about: str, said: str = "") -> tuple[Happened, ...]:
    """Return the states that people were alerted to and that last, but not what is said anyway.

    `about` is a use case, or the house (`records.HOUSE`).
    """
    return tuple(
        Happened(alert.kind, alert.message, "", alert.created_at)
        for alert in records.incidents.newest(about, open=True)
        if alert.kind != "failure" and alert.message != said
    )


def steps(promotions: tuple[Promotion, ...]) -> tuple[Step, ...]:
    """Return the champions of a use case, newest first."""
    return tuple(
        Step(p.version, p.kind, p.actor, p.reason, p.created_at, p is promotions[0])
        for p in promotions
    )


def declared_card(use_case: UseCase, records: Records, now: datetime, prefix: str) -> Card:
    """Return the card of a declared use case, but for what it serves, tries out and is watched."""
    dag_id = f"{prefix}{use_case.name}_training"
    promotions = records.promotions.of(use_case.name)
    decisions = records.decisions.newest(use_case.name, without=ASIDE)
    triggers = [
        each
        for each in records.decisions.newest(use_case.name, limit=1, kind=TRIGGER)
        if not promotions or _came_after(each, promotions[-1])
    ]
    failures = records.incidents.newest(use_case.name, kind="failure", open=True)
    own = (
        dossier.find(records.dossiers, use_case.name, promotions[0].version) if promotions else None
    )
    pin, waiting = records.pins.get(use_case.name), records.approvals.waiting(use_case.name)
    return Card(
        name=use_case.name,
        dag_id=dag_id,
        doc=use_case.doc,
        draft=use_case.draft,
        facts=" · ".join(
            (use_case.kind.value, str(use_case.training_schedule or "by hand"), use_case.owner)
        ),
        champion=_champion(promotions, now),
        pinned=pin.sentence if pin else "",
        waiting=waiting[0].told if waiting else "",
        bars=bars(own) if own else (),
        last=_decision(decisions[0]) if decisions else None,
        trigger=_decision(triggers[0]) if triggers else None,
        incident=_incident(failures, decisions),
        alerts=alerts(records, use_case.name, decisions[0].sentence if decisions else ""),
        history=steps(promotions),
        links=tuple(links(use_case, dag_id, promotions, decisions, own)),
    )


def _came_after(decision: Decision, first: Promotion) -> bool:
    """Tell whether it was decided when there was a champion to decide about."""
    at, since = decision.created_at, first.created_at
    return at is not None and since is not None and at >= since


def bars(own: Dossier) -> tuple[Bar, ...]:
    """Return what the champion reached on the held-out rows, beside the floors that it passed."""
    figures, better = own.proof.figures, own.directions
    return tuple(
        Bar(name, figures[name], floor, better[name])
        for name, floor in own.proof.floors.items()
        if name in figures
    )


def links(
    use_case: UseCase,
    dag_id: str,
    promotions: tuple[Promotion, ...],
    decisions: Sequence[Decision],
    own: Dossier | None,
) -> Iterable[Link]:
    """Yield where to look further: nowhere, where there is nothing yet to look at."""
    name = use_case.name
    yield Link("Training DAG", f"{AIRFLOW}/dags/{dag_id}", airflow=True)
    if run := next(filter(None, (run_address(each.run_key) for each in decisions)), None):
        yield Link("Last run", run, airflow=True)
    if own:
        folder = own.proof.report.removesuffix("report.html")
        yield Link("Report of the champion", f"{PREFIX}/reports/{folder}")
        yield Link("Model card", f"{PREFIX}/cards/{name}/{own.version}/")
    if promotions:
        yield Link("Champion in MLflow", f"{PREFIX}/open-mlflow/#/runs/{promotions[0].run_id}")
        yield Link("What an answer rests on", f"{PREFIX}/lineage/{name}/")
    if len({each.version for each in promotions}) > 1:
        yield Link("Go back to an earlier one", f"{PREFIX}/rollback/{name}/")
    yield Link("Data Docs", f"{PREFIX}/data-docs/")
    if not use_case.draft:  # which nobody watches
        yield Link("Drift", f"{PREFIX}/drift/?use_case={name}")
    if any(each.kind in JUDGED for each in decisions):
        yield Link("Reports", f"{PREFIX}/reports/?use_case={name}")


def run_address(run_key: str) -> str | None:
    """Return the address of the Airflow run that a run key names (None: it names another place).

    >>> run_address("weather_training/manual__2026-11-21")
    '/dags/weather_training/runs/manual__2026-11-21'
    >>> run_address("cli/4711")
    """
    dag_id, _, run_id = run_key.partition("/")
    elsewhere = not run_id or dag_id in {"cli", "notebook"}
    return None if elsewhere else f"{AIRFLOW}/dags/{dag_id}/runs/{run_id}"


def _champion(promotions: tuple[Promotion, ...], now: datetime) -> Champion | None:
    if not promotions:
        return None
    newest = promotions[0].ref
    until = newest.knowledge_until
    knows = f" It knows rows up to {until:%Y-%m-%d}, {age(now - until)} old." if until else ""
    return Champion(newest.version, f"Champion for {age(now - newest.promoted_at)}.{knows}")


def _decision(decision: Decision) -> Happened:
    as_of = f", as of {decision.as_of:%Y-%m-%d %H:%M} UTC" if decision.as_of else ""
    cause = f"{decision.kind.replace('_', ' ').capitalize()}, asked for by {decision.actor}{as_of}"
    return Happened(decision.outcome, decision.sentence, cause, decision.created_at)


def _incident(incidents: tuple[Incident, ...], decisions: Sequence[Decision]) -> Happened | None:
    """Return the newest incident, unless it is mended or a training decided something since."""
    newest = unmended(incidents, next((made for made in decisions if made.kind in TRAINED), None))
    if newest is None:
        return None
    sentence = f"{newest.step} failed: {newest.message}"
    return Happened("incident", sentence, newest.run_key, newest.created_at)

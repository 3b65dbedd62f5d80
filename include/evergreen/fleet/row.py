"""What is on record of one use case, on one line of the table."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from evergreen.records import Approval, Decision, Incident, Pin, Retirement
from evergreen.refs import Band, ChampionRef, Json, WindowRef
from evergreen.spec import UseCase, is_worse
from evergreen.spec.pace import following, spread

UNLABELLED = "without labels"
"""How a sentence begins that is about an estimate."""


@dataclass(frozen=True)
class Need:
    """Something that needs a person."""

    state: str
    """One of `needs.RULES`."""
    why: str
    """In a sentence, or the first line of an error."""
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The gate's metric in service, as of the newest window."""

    name: str
    value: float
    estimated: bool
    """From the answers alone, without labels; else of the labels that have come."""
    extrapolated: bool = False
    """Estimated of rows that lie outside what it was calibrated on: no band is known."""
    low: float | None = None
    """Where it was to be expected: its band. None: nothing tells."""
    high: float | None = None
    limit: float | None = None
    """The gate's floor, or ceiling where less is better; None: it has none."""
    more_is_better: bool
    poor: bool
    """Surely beyond the limit, or surely worse than the walk forward."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One use case, as of a moment."""

    name: str
    now: datetime
    use_case: UseCase | None = None
    """Its declaration; None: it does not load, or is gone."""
    spread: int = 0
    """Minutes over which schedules are spread; see `Settings.spread`."""
    problem: str = ""
    """Why its declaration does not load."""
    champion: ChampionRef | None = None
    window: WindowRef | None = None
    """The newest that was watched."""
    last: Decision | None = None
    """About its champion; without evidence."""
    failure: Incident | None = None
    """Of its last run; None: it went well, or a training has decided something since."""
    alerts: tuple[Incident, ...] = ()
    """That last, newest first."""
    approval: Approval | None = None
    pin: Pin | None = None
    retirement: Retirement | None = None
    needs: tuple[Need, ...] = ()
    """What needs a person, the most urgent first; see `needs.of`."""

    @property
    def state(self) -> str:
        """The most urgent of its needs, else `champion` or `retired`."""
        if self.needs:
            return self.needs[0].state
        return "retired" if self.retirement else "champion"

    @property
    def doc(self) -> str:
        """The question that it answers; empty: its declaration does not load."""
        return self.use_case.doc if self.use_case else ""

    @property
    def owner(self) -> str:
        """Who is told; empty: its declaration does not load."""
        return self.use_case.owner if self.use_case else ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Of its DAGs: teams, for one."""
        return self.use_case.tags if self.use_case else ()

    @property
    def knowledge(self) -> timedelta | None:
        """How old what its champion has learned from is; None: it has none, or rows no time."""
        until = self.champion.knowledge_until if self.champion else None
        return self.now - until if until else None

    @property
    def due(self) -> datetime | None:
        """When its schedule trains it next; None: no clock does."""
        if self.use_case is None or self.retirement:
            return None
        own = spread(self.use_case.training_schedule, self.name, self.spread)
        return following(own, self.now.replace(second=0, microsecond=0))

    @property
    def metric(self) -> Metric | None:
        """What the newest window tells of its quality; None: nothing.

        By what it was judged by, whatever the declaration asks for since: of a metric that is not
        declared any more, nobody knows which way is better.
        """
        if self.window is None or self.use_case is None:
            return None
        more = self.use_case.scale.directions.get(self.window.metric)
        return None if more is None else _metric(self.window, more)

    def to_json(self) -> Json:
        """Return the line as a document of plain JSON types."""
        declared, known = self.use_case, self.knowledge
        schedule = declared and declared.training_schedule
        return {
            "name": self.name,
            "state": self.state,
            "needs": [asdict(each) | {"since": _iso(each.since)} for each in self.needs],
            "doc": self.doc,
            "owner": self.owner,
            "tags": list(self.tags),
            "kind": declared and declared.kind,
            "schedule": schedule and str(schedule),
            "draft": bool(declared and declared.draft),
            "retired": self.retirement and self.retirement.sentence,
            "champion": self.champion and _champion(self.champion),
            "knowledge_days": known and round(known / timedelta(days=1), 2),
            "metric": self.metric and asdict(self.metric),
            "drift": self.window and _drift(self.window),
            "last": self.last and _decision(self.last),
            "next_run": _iso(self.due),
        }


def unmended(failures: Iterable[Incident], trained: Decision | None) -> Incident | None:
    """Return the newest failure that is not mended; None: there is none.

    What a training decided since (`trained`) mends that of a training, and nothing else does: a
    person who lifts a pin has trained nothing. A scoring, an ingest or a monitoring that fails goes
    on failing, whatever is trained meanwhile.
    """
    decided = trained.created_at if trained else None
    lasting = [one for one in failures if not one.resolved_at and not _is_over(one, decided)]
    return max(lasting, key=lambda one: one.id, default=None)


def _is_over(failure: Incident, decided: datetime | None) -> bool:
    dag = failure.run_key.partition("/")[0]
    if dag.endswith(("_scoring", "_ingest", "_monitoring")):
        return False
    return bool(failure.created_at and decided and failure.created_at < decided)


def _metric(seen: WindowRef, more_is_better: bool) -> Metric | None:
    band = seen.estimate if seen.live is None else seen.expected
    value = seen.live if seen.live is not None else band.value if band else None
    if value is None:
        return None
    unlabelled, outside = seen.live is None, bool(band and band.outside)
    beyond = unlabelled and _is_beyond(band, seen.floor, more_is_better)
    return Metric(
        name=seen.metric, value=value, estimated=unlabelled,
        extrapolated=unlabelled and outside, limit=seen.floor,
        low=band.low if band and not outside else None,
        high=band.high if band and not outside else None,
        more_is_better=more_is_better,
        poor=beyond or any(
            seen.metric in sentence.split()
            for sentence in seen.poor
            if unlabelled or not sentence.startswith(UNLABELLED)
        ),
    )  # fmt: skip


def _is_beyond(band: Band | None, limit: float | None, more_is_better: bool) -> bool:
    if band is None or limit is None or band.outside:
        return False
    best = band.high if more_is_better else band.low
    return is_worse(best, limit, more_is_better=more_is_better)


def _champion(found: ChampionRef) -> Json:
    document = found.to_json()
    return document | {"knowledge_until": document["training"]["end"]}


def _drift(seen: WindowRef) -> Json:
    return {
        "outcome": seen.outcome, "share": seen.drift_share, "until": seen.end.isoformat(),
        "sentence": seen.sentence,
    }  # fmt: skip


def _decision(made: Decision) -> Json:
    return {
        "kind": made.kind, "outcome": made.outcome, "sentence": made.sentence,
        "at": _iso(made.created_at),
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None

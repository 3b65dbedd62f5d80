"""One model that is kept fresh: all of its declaration, and what must agree in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from evergreen.errors import DeclarationError, Unconfirmed, did_you_mean
from evergreen.spec.data import Source, Windows
from evergreen.spec.ingest import Ingest
from evergreen.spec.judging import Business, Gate, Release, Slice
from evergreen.spec.kinds import METRICS, PINBALL, Kind, Metric, Scale
from evergreen.spec.learning import Candidate, Features
from evergreen.spec.lengths import spelled
from evergreen.spec.names import check_use_case
from evergreen.spec.numbers import check_numbers
from evergreen.spec.pace import PRESETS, Assets, Schedule, check_schedule
from evergreen.spec.scoring import OURS, START, Labels, Scoring, same_table
from evergreen.spec.serving import Serving
from evergreen.spec.tasks import Task, check_tasks
from evergreen.spec.watching import Monitoring, Retraining

CHAMPION = "champion"
"""The recipe in charge, among the names of those that are walked."""


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """One model that is kept fresh: data, features, candidates and gate, declared."""

    name: str
    """As its file is named: small letters, digits and `_`."""
    doc: str
    """The question that it answers, in a sentence; pages, reports and cards begin with it."""
    owner: str
    """Who is told when it fails."""
    kind: Kind
    """What is predicted."""
    source: Source
    """Where the rows come from."""
    windows: Windows
    """Which rows train and which are held out."""
    features: Features
    """What the model sees."""
    candidates: tuple[Candidate, ...]
    """What competes; one is enough."""
    baselines: tuple[Candidate, ...]
    """What must be beaten: models that have learned next to nothing; one is enough."""
    gate: Gate
    """What a challenger must prove."""
    metrics: tuple[Metric, ...] = ()
    """Of your own, beside those of the kind; the gate may name them."""
    slices: tuple[Slice, ...] = ()
    """Ways to cut the judged rows; no part may be surely worse than before."""
    ingest: Ingest | None = None
    """Where the rows of the table come from, if they do not come by themselves."""
    scoring: Scoring | None = None
    """Which rows are scored in batch, and where the predictions go; None: none are."""
    serving: Serving | None = None
    """By which key a request may name a row; None: by none, unless features look back."""
    labels: Labels | None = None
    """Where labels are read that nobody brings over HTTP; None: nowhere."""
    monitoring: Monitoring = field(default_factory=Monitoring)
    """How the champion is watched in service."""
    business: Business | None = None
    """What the answers are worth."""
    interval: float | None = None
    """Regression: the share of true values that a prediction interval shall hold, such as 0.9;
    split conformal, from errors on rows that no fit had seen. None: no intervals."""
    release: Release = field(default_factory=Release)
    """How a challenger that passed the gate comes to its users."""
    schedule: Schedule = "@daily"
    """Cron expression or preset (`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`) of the
    training DAG, or `Assets(…)` of Airflow that start it; None: only by hand or by request."""
    retraining: Retraining = field(default_factory=Retraining)
    """When it is trained anew, besides the schedule."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """How its tasks run in a scheduler, by the name of the step, or `*` for all of them."""
    draft: bool = False
    """Nobody has confirmed it yet: it is trained by hand only, and nothing of it goes live."""
    seed: int = 0
    """Of every `random_state` that a candidate leaves open, and of every draw."""
    tags: tuple[str, ...] = ()
    """Of its DAGs, to find them by."""

    def __post_init__(self) -> None:
        check_use_case("name", self.name)
        check_numbers("", self)
        check_tasks(self.tasks)
        if len(self.candidates) < 1:
            raise DeclarationError("candidates", self.candidates, "at least one")
        if len(self.baselines) < 1:
            allowed = "at least one, which a challenger must beat: one of scikit-learn's dummies"
            raise DeclarationError("baselines", self.baselines, allowed)
        names = [CHAMPION, *(one.name for one in self.contenders + self.baselines)]
        if len(names) != len(set(names)):
            raise DeclarationError("candidates", names, "names that differ")
        if self.windows.temporal and self.source.timestamp is None:
            raise DeclarationError("source.timestamp", None, "a column, as the holdout is a time")
        faded = [one.name for one in self.candidates + self.baselines if one.half_life]
        if faded and self.source.timestamp is None:
            raise DeclarationError("source.timestamp", None, f"a column, as {faded} have half_life")
        if self.features.entity and self.source.timestamp is None:
            allowed = "a column, as features.entity divides the history of rows"
            raise DeclarationError("source.timestamp", None, allowed)
        if self.source.weight == self.source.target:
            raise DeclarationError("source.weight", self.source.weight, "anything but the target")
        if self.source.target in self.features.raw:
            raise DeclarationError("features", self.source.target, "anything but the target")
        self._check_columns()
        self._check_metrics()
        self._check_rows()
        self._check_scoring()
        self._check_serving()
        self._check_judging()
        self._check_pace()
        self._check_watching()

    def _check_columns(self) -> None:
        known = self.features.columns
        for one in self.candidates + self.baselines:
            if strange := [name for name in one.columns or () if name not in known]:
                hint = did_you_mean(strange[0], known)
                allowed = f"columns of the features: {', '.join(known)}{hint}"
                raise DeclarationError(f"{one.name}: columns", strange, allowed)

    def _check_metrics(self) -> None:
        own = [metric.name for metric in self.metrics]
        taken = {*METRICS[self.kind], *PINBALL}
        if len(set(own)) < len(own) or taken & set(own):
            raise DeclarationError("metrics", own, "names that differ, and none of ours")
        known = [*METRICS[self.kind], *own]
        more = ", pinball_01 to pinball_99" if self.kind is Kind.REGRESSION else ""
        for metric in (self.gate.metric, *self.gate.floors):
            if metric not in known and not (more and metric in PINBALL):
                hint = did_you_mean(metric, known)
                allowed = f"a metric of {self.kind}: {', '.join(known)}{more}{hint}"
                raise DeclarationError("gate", metric, allowed)

    def _check_rows(self) -> None:
        if self.ingest and self.source.table is None:
            raise DeclarationError("ingest", self.ingest, "None, or with source.table=")
        if strange := [name for name in self.windows.group if name not in self.source.key]:
            raise DeclarationError(
                "windows.group", strange, f"columns of the key {self.source.key}"
            )
        if self.interval is not None:
            if self.kind is not Kind.REGRESSION:
                raise DeclarationError("interval", self.interval, f"None, as kind is {self.kind}")
            if not 0.5 <= self.interval < 1:
                raise DeclarationError("interval", self.interval, "at least 0.5, below 1")

    def _check_scoring(self) -> None:
        scoring = self.scoring
        if scoring is None:
            return
        if same_table(scoring.into, self.source.table):
            raise DeclarationError("scoring.into", scoring.into, "a table other than the source")
        if taken := [name for name in self.source.key if name in OURS]:
            raise DeclarationError("source.key", taken, f"with scoring=, none of {', '.join(OURS)}")
        if self.features.lookback and f"%({START})s" not in scoring.query:
            allowed = f"with %({START})s, as features look back {spelled(self.features.lookback)}"
            raise DeclarationError("scoring.query", scoring.query, allowed)

    def _check_serving(self) -> None:
        if self.serving is None:
            return
        if self.features.function and self.features.lookback:
            allowed = "None, as features look back: a request names a row by source.key already"
            raise DeclarationError("serving", self.serving, allowed)
        key, own = self.source.key, self.serving.key
        if strange := [name for name in own if name not in key]:
            hint = did_you_mean(strange[0], key)
            allowed = f"columns of source.key: {', '.join(key)}{hint}"
            raise DeclarationError("serving.key", strange, allowed)
        if self.source.timestamp is None and {*own} != {*key}:
            allowed = f"all of {', '.join(key)}, as no timestamp says which row is the newest"
            raise DeclarationError("serving.key", own, allowed)

    def _check_judging(self) -> None:
        names = [one.name for one in self.slices]
        for cut in self.slices:
            if cut.by in self.source.personal:
                allowed = "a column that is not personal, as reports tell the values of slices"
                raise DeclarationError("slices", cut.by, allowed)
        for fairness in self.gate.fairness:
            if fairness.slice not in names or self.kind is Kind.REGRESSION:
                hint = did_you_mean(fairness.slice, names)
                allowed = f"a slice of a classification: {', '.join(names)}{hint}"
                raise DeclarationError("gate.fairness", fairness.slice, allowed)
        if self.gate.min_business is not None and self.business is None:
            raise DeclarationError("gate.min_business", self.gate.min_business, "with business=")
        if self.business and self.business.choose_threshold and self.kind is not Kind.BINARY:
            raise DeclarationError("business.choose_threshold", True, "with kind BINARY only")

    def _check_pace(self) -> None:
        if not isinstance(self.schedule, Assets):
            check_schedule("schedule", self.schedule)
        schedule = self.schedule if isinstance(self.schedule, str) else ""
        pause, patience = PRESETS.get(schedule), self.retraining.stale_after
        if pause and patience and patience <= pause:
            allowed = f"more than {pause}, as schedule is {self.schedule}, or None"
            raise DeclarationError("retraining.stale_after", patience, allowed)

    def _check_watching(self) -> None:
        for name in self.monitoring.columns:
            if name not in self.features.raw:
                hint = did_you_mean(name, self.features.raw)
                allowed = f"raw columns of the features: {', '.join(self.features.raw)}{hint}"
                raise DeclarationError("monitoring.columns", name, allowed)
        estimable = self.gate.metric in METRICS[self.kind] | PINBALL and self.gate.metric != "r2"
        if self.monitoring.trust_estimate and not estimable:
            allowed = f"False, as {self.gate.metric} of kind {self.kind} cannot be estimated"
            raise DeclarationError("monitoring.trust_estimate", True, allowed)

    @property
    def training_schedule(self) -> Schedule:
        """When it is trained by itself: never, while it is a draft."""
        return None if self.draft else self.schedule

    def purpose(self, *, dry_run: bool) -> str:
        """Return what a training is for, as `Run.purpose` says it: a draft's is always dry."""
        return "dry_run" if dry_run or self.draft else "train"

    def check_confirmed(self) -> None:
        """Refuse to let a draft go live.

        Raises:
            Unconfirmed: it is one.
        """
        if self.draft:
            raise Unconfirmed(self.name)

    @property
    def contenders(self) -> tuple[Candidate, ...]:
        """Every candidate once for each of its training windows: those that compete."""
        return tuple(one for candidate in self.candidates for one in candidate.by_window())

    @property
    def trainings(self) -> tuple[str, ...]:
        """What a training walks, by name: contenders, baselines, and the recipe in charge."""
        return (*(one.name for one in self.contenders + self.baselines), CHAMPION)

    @property
    def embargo(self) -> timedelta:
        """How long before the rows that judge it a fit must end."""
        return max(self.windows.embargo or timedelta(0), self.source.label_delay)

    @property
    def watched(self) -> timedelta:
        """How far back drift check and live metric look at what was answered."""
        return self.monitoring.window + self.labels_reach

    @property
    def labels_reach(self) -> timedelta:
        """How far back answers were given whose labels tell the live quality."""
        return self.monitoring.labels_window + self.source.label_delay

    def compared(self, columns: Iterable[str]) -> list[str]:
        """Return those whose rows the drift check compares: none left out, and none personal.

        Its pages tell values of what is compared.
        """
        return [
            name
            for name in columns
            if not self.monitoring.leaves_out(name) and name not in self.source.personal
        ]

    def candidate(self, name: str) -> Candidate:
        """Return the contender or baseline of that name."""
        return next(c for c in self.contenders + self.baselines if c.name == name)

    @property
    def more_is_better(self) -> bool:
        """Tell the direction of the gate's deciding metric."""
        return self.scale.directions[self.gate.metric]

    @property
    def scale(self) -> Scale:
        """What answers are measured by."""
        named = dict.fromkeys([self.gate.metric, *self.gate.floors])
        return Scale(self.kind, self.metrics, tuple(name for name in named if name in PINBALL))

"""What the card of a version says, gathered from dossier, evidence and ledger."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evergreen import dossier, storage
from evergreen.dossier import Dossier
from evergreen.errors import DossierMissing
from evergreen.judging.evidence import Evidence, ScoredModel, SliceScore
from evergreen.judging.figures import figure, interval, listed, signed
from evergreen.records import Decision, Promotion, Records
from evergreen.refs import Check, Ref, Span, Verdict
from evergreen.settings import Settings
from evergreen.spec import is_worse
from evergreen.spec.lengths import spelled
from evergreen.storage import Damaged, Store

FEW = 30
"""A group of fewer judged rows is named as a limit."""


@dataclass(frozen=True, kw_only=True)
class Figure(Ref):
    """A metric on the judged rows."""

    metric: str
    value: float
    floor: float | None
    """The worst value that passes; None: no limit is declared."""
    more_is_better: bool
    decides: bool = False

    @property
    def limit(self) -> str:
        """The floor in words; empty: none is declared."""
        if self.floor is None:
            return ""
        return f"{'at least' if self.more_is_better else 'at most'} {figure(self.floor)}"

    @property
    def is_beyond(self) -> bool:
        """Tell whether it is worse than the floor."""
        if self.floor is None:
            return False
        return is_worse(self.value, self.floor, more_is_better=self.more_is_better)


@dataclass(frozen=True, kw_only=True)
class Group(Ref):
    """The deciding metric on the rows of one value of a slice."""

    slice: str
    value: str
    rows: int
    metric: float | None
    """None: it is not defined there."""


@dataclass(frozen=True, kw_only=True)
class Event(Ref):
    """Something that a person or a run did with the version."""

    at: datetime
    what: str
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Card(Ref):
    """A model card."""

    use_case: str
    version: int
    state: str
    """`champion`, `earlier champion`, `retired` (with its use case), or `never champion`."""
    pinned: str = ""
    """By whom, since when and why; empty: it is not."""
    doc: str
    """What it is for, as declared."""
    owner: str
    """Empty: unknown, as its evidence is not kept any more."""
    kind: str
    target: str
    classes: tuple[Any, ...]
    threshold: float | None
    half_width: float | None
    recipe: str
    window: str
    """How far back it learns, in words."""
    parameters: dict[str, Any]
    inputs: dict[str, str]
    """Raw column → type."""
    looks_back: str
    """How far before a row its features read; empty: they do not."""
    learned: Span
    """The rows that this fit learned from."""
    judged: Span
    """The rows that its recipe was judged on, by fits that had not seen them."""
    split: str
    blocks: int
    """Fits that answered the judged rows."""
    sentence: str
    """What the gate decided."""
    figures: tuple[Figure, ...]
    comparisons: tuple[str, ...]
    """Against champion and baseline, with intervals."""
    groups: tuple[Group, ...]
    worth: tuple[str, ...]
    checks: tuple[Check, ...]
    limits: tuple[str, ...]
    """What is not known, not asked for, or rests on little."""
    history: tuple[Event, ...]
    """The newest first."""
    lineage: dict[str, str]
    """Digests and ids: enough to find every byte again."""


def card_of(use_case: str, version: int | None, *, records: Records, settings: Settings) -> Card:
    """Return the card of a version; None: of the champion.

    Raises:
        DossierMissing: there is no such version, or no champion.
    """
    rows = records.promotions.of(use_case)
    if version is None and not rows:
        raise DossierMissing(f"{use_case} has no champion; name a version")
    number = rows[0].version if version is None else version
    found = dossier.read(records.dossiers, use_case, number)
    pin, decision = records.pins.get(use_case), records.decisions.get(found.proof.decision_id)
    evidence = _evidence(decision, storage.of(settings, storage.REPORTS)) if decision else None
    model = _own(found, evidence) if evidence else None
    answers, inputs = found.answers, found.inputs
    retired = records.retirements.get(use_case)
    learned = decision.evidence.get("learned") if decision else None
    return Card(
        use_case=use_case, version=number,
        state=_state(rows, number, retired=retired is not None),
        pinned=pin.sentence if pin and pin.version == number else "",
        doc=found.doc, owner=evidence.subject.owner if evidence else "",
        kind=answers.kind, target=answers.target, classes=answers.classes,
        threshold=answers.threshold, half_width=answers.half_width,
        recipe=found.recipe, window=_window(model),
        parameters=model.parameters if model else {},
        inputs={column.name: column.told for column in inputs.columns},
        looks_back=spelled(inputs.lookback) if inputs.looks_back else "",
        learned=Span.from_json(learned) if learned else found.learned.training,
        judged=found.learned.holdout, split=found.learned.split,
        blocks=len(model.blocks) if model else 0,
        sentence=found.proof.sentence, figures=tuple(_figures(found)),
        comparisons=tuple(_comparisons(evidence, model)) if evidence and model else (),
        groups=tuple(_groups(found, model)) if model else (),
        worth=tuple(_worth(evidence, model)) if evidence and model else (),
        checks=tuple(Check.from_json(c) for c in decision.evidence.get("checks", ()))
        if decision else (),
        limits=tuple(_limits(found, evidence, model)),
        history=_history(rows, number), lineage=_lineage(found, evidence),
    )  # fmt: skip


def _state(rows: Sequence[Promotion], version: int, *, retired: bool) -> str:
    if all(row.version != version for row in rows):
        return "never champion"
    if rows[0].version != version:
        return "earlier champion"
    return "retired" if retired else "champion"


def _window(model: ScoredModel | None) -> str:
    if model is None:
        return "a window that is not known any more"
    return f"the newest {spelled(model.window)}" if model.window else "all history"


def _evidence(decision: Decision, store: Store) -> Evidence | None:
    """Return what the gate judged by, if it is kept as it was then."""
    try:
        judged = Verdict.from_json(decision.evidence).evaluation
        return Evidence.from_json(json.loads(store.read(judged.uri, judged.sha256)))
    except (Damaged, FileNotFoundError, ValueError):
        return None


def _own(found: Dossier, evidence: Evidence) -> ScoredModel | None:
    """Return the recipe that the version is a fit of: of a refresh, the one in charge then."""
    return next((one for one in evidence.models if one.run_id == found.model.run_id), None)


def _figures(found: Dossier) -> Iterator[Figure]:
    proof = found.proof
    for metric in sorted(proof.figures, key=lambda name: (name != proof.metric, name)):
        yield Figure(
            metric=metric, value=proof.figures[metric], floor=proof.floors.get(metric),
            more_is_better=found.directions[metric], decides=metric == proof.metric,
        )  # fmt: skip


def _comparisons(evidence: Evidence, model: ScoredModel) -> Iterator[str]:
    if model.recipe != evidence.challenger.recipe:
        return  # they are the challenger's
    for found in (evidence.against_champion, evidence.against_baseline):
        if found:
            yield (
                f"against {found.other}: {signed(found.estimate)} on {found.metric}"
                f" ({interval(found)})"
            )


def _groups(found: Dossier, model: ScoredModel) -> Iterator[Group]:
    for name, values in model.slices.items():
        for value, score in values.items():
            got = score.metrics.get(found.proof.metric)
            yield Group(slice=name, value=value, rows=score.rows, metric=got)


def _worth(evidence: Evidence, model: ScoredModel) -> Iterator[str]:
    for place, (name, value) in enumerate((model.business or {}).items()):
        unit = "" if place else f" {evidence.subject.unit}"  # of the one that decides
        yield f"{name}: {figure(value)}{unit}"


def _limits(found: Dossier, evidence: Evidence | None, model: ScoredModel | None) -> Iterator[str]:
    yield (
        "The figures are those of its recipe, answered by fits that had not seen the judged rows;"
        " this very fit learned from them as well, and nobody has judged it on other labels."
    )
    if beyond := [f"{one.metric} ({one.limit})" for one in _figures(found) if one.is_beyond]:
        yield (
            f"It is beyond what is asked for on {listed(beyond)}. Such a model answers only where"
            " the champion before it was surely worse, where a person forced it, or on paper."
        )
    if evidence is None or model is None:
        yield "The evidence of its gate is not kept any more: groups and comparisons are unknown."
        return
    if not evidence.subject.slices:
        yield "No groups are declared (slices): how it does for some of them was not looked at."
    small = [
        f"{name} {value} ({score.rows} rows)"
        for name, values in model.slices.items()
        for value, score in values.items()
        if _rests_on_few(score)
    ]
    if small:
        yield f"Too few judged rows to tell: {', '.join(small)}."
    if found.answers.classes and model.calibration_error is None:
        yield "It gives no probabilities that could be checked against what happened."
    if found.temporal:
        yield (
            "It was judged on the newest rows before it was made. When the world changes, the"
            " figures do not hold: the live metric and the drift say whether they do."
        )


def _rests_on_few(score: SliceScore) -> bool:
    return score.rows < FEW


def _history(rows: Sequence[Promotion], version: int) -> tuple[Event, ...]:
    events = _events(rows, version)
    return tuple(sorted(events, key=lambda event: event.at, reverse=True))


def _events(rows: Sequence[Promotion], version: int) -> Iterator[Event]:
    for place, row in enumerate(rows):
        if row.version == version and row.created_at:
            what = {"rollback": "became champion again by a rollback"}.get(
                row.kind, f"became champion ({row.kind})"
            )
            yield Event(at=row.created_at, what=what, actor=row.actor, reason=row.reason)
        after = rows[place - 1] if place else None
        if after and row.version == version and after.version != version and after.created_at:
            told = f"was followed by version {after.version}"
            yield Event(at=after.created_at, what=told, actor=after.actor, reason=after.reason)


def _lineage(found: Dossier, evidence: Evidence | None) -> dict[str, str]:
    return {
        "model sha256": found.model.sha256,
        "MLflow run": found.model.run_id,
        "snapshot sha256": found.learned.snapshot.sha256,
        "snapshot as of": f"{found.learned.snapshot.as_of:%Y-%m-%d %H:%M} UTC",
        "features sha256": found.learned.sha256,
        "decision": found.proof.decision_id,
        "report": found.proof.report_id,
        "declaration": found.declaration,
        "code commit": (evidence.origin.code_commit if evidence else "") or "unknown",
    }

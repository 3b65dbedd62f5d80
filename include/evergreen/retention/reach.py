"""What something that is kept leads to: that never goes, however old it is.

    reached = reach("weather", records, roots)
    reached.why(SNAPSHOTS, digest)         # "the champion, version 7"; empty: nothing leads to it

    root                  leads to
    a version             dossier, run and model, the decision that let it serve, what these name
    a decision            snapshot, features, answers, evidence, runs and walks of what it judged
    a training under way  its run, and the rows that it learns from
    a kept training       the answers of its walk
    a kept prediction     the run that made its model: code and lineage

Versions are: the champion, the champions before it (`keep_champions`, and the one that a rollback
goes to), one that is pinned, one on trial or on paper, one that waits for a person's word or as
challenger. Decisions are the newest (`keep_decisions`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from evergreen import dossier
from evergreen.champions.promotion import previous
from evergreen.champions.registry import ModelRegistry
from evergreen.learning.erasing import Past
from evergreen.records import Promotion, Records
from evergreen.refs import CandidateRef, Json
from evergreen.retention.limits import (
    DATA_DOCS,
    DRIFT,
    FEATURES,
    REPORTS,
    SNAPSHOTS,
    TRAININGS,
    WALKS,
    Limits,
)

SHORT, BATCH = 16, 12
"""Digits of a model's digest in the name of what is measured of it, of a snapshot's in a page."""


@dataclass(frozen=True, kw_only=True)
class Roots:
    """Where to begin."""

    use_case: str
    records: Records
    registry: ModelRegistry
    limits: Limits
    running: Sequence[Past]
    """Trainings that are under way."""
    answering: frozenset[str] = frozenset()
    """Runs whose models made predictions that are kept."""


@dataclass
class Reached:
    """What is led to, and from where."""

    _found: dict[tuple[str, str], str] = field(default_factory=dict)

    def why(self, kind: str, name: str) -> str:
        """Return the root that leads to a thing; empty: none does."""
        return self._found.get((kind, name), "")

    def add(self, why: str, kind: str, *names: str) -> None:
        """Note that a root leads to things."""
        for name in filter(None, names):
            self._found.setdefault((kind, name), why)

    def rows(self, why: str, *digests: str) -> None:
        """Note that a root leads to snapshots, and to the pages on them."""
        self.add(why, SNAPSHOTS, *digests)
        self.add(why, DATA_DOCS, *(digest[:BATCH] for digest in digests))

    def candidate(self, why: str, told: Json | None) -> None:
        """Note that a root leads to a recipe that was walked."""
        if not told:
            return
        self.rows(why, told.get("answers_sha256", ""))
        self.add(why, TRAININGS, told.get("run_id", ""))
        self.add(why, WALKS, (told.get("recipe") or {}).get("digest", ""))

    def evidence(self, why: str, told: Json) -> None:
        """Note that a root leads to what a decision (gate, validation, trigger) rests on."""
        evaluation = told.get("evaluation") or {}
        features = evaluation.get("features") or {}
        for holds in (features, told):
            self.rows(why, holds.get("sha256", ""), (holds.get("snapshot") or {}).get("sha256", ""))
        self.add(why, REPORTS, evaluation.get("report_id", ""), _folder(evaluation.get("uri", "")))
        self.add(why, DRIFT, told.get("report_id", ""))
        self.candidate(why, evaluation.get("challenger"))
        self.candidate(why, evaluation.get("in_charge"))


def _folder(uri: str) -> str:
    """Return where an evidence lies: of a forced decision, with the evaluation that it forced."""
    return uri.rpartition("/")[0].rpartition("/")[2]


def reach(roots: Roots) -> Reached:
    """Follow every root."""
    found = Reached()
    for follow in FOLLOWED:
        follow(roots, found)
    return found


def keep_training(found: Reached, document: Json) -> None:
    """Note that a training which is kept leads to the answers of its walk."""
    answers = CandidateRef.from_json(document).answers_sha256
    found.rows("a training that is kept", answers)


def _versions(roots: Roots, found: Reached) -> None:
    rows = roots.records.promotions.of(roots.use_case)
    for version, why in _kept_versions(roots, rows):
        _version(roots, found, rows, version, f"{why}, version {version}")


def _kept_versions(roots: Roots, rows: Sequence[Promotion]) -> Iterator[tuple[int, str]]:
    """Yield the versions that stay, each with what it is."""
    newest = list(dict.fromkeys(row.version for row in rows))[: roots.limits.champions]
    for place, version in enumerate(newest):
        yield version, "a champion of before" if place else "the champion"
    if rows and (before := previous(rows)):
        yield before.version, "the champion to go back to"
    if pin := roots.records.pins.get(roots.use_case):
        yield pin.version, "pinned"
    for trial in roots.records.trials.running(roots.use_case):
        yield int(trial.challenger["version"]), f"on trial ({trial.strategy})"
    for asked in roots.records.approvals.waiting(roots.use_case):
        yield asked.version, "waits for a person's word"
    if waiting := roots.registry.waiting(roots.use_case):
        yield waiting, "the challenger that waits"


def _version(
    roots: Roots, found: Reached, rows: Sequence[Promotion], version: int, why: str
) -> None:
    own = dossier.find(roots.records.dossiers, roots.use_case, version)
    decisions = [row.decision_id for row in rows if row.version == version]
    for row in rows:
        if row.version == version:
            found.rows(why, row.snapshot_sha256)
            found.add(why, TRAININGS, row.run_id)
            found.add(why, DRIFT, row.sha256[:SHORT])
    if own is not None:
        found.rows(why, own.learned.snapshot.sha256, own.learned.sha256, own.proof.answers_sha256)
        found.add(why, REPORTS, own.proof.report_id)
        found.add(why, TRAININGS, own.model.run_id)
        found.add(why, DRIFT, own.model.sha256[:SHORT])
        found.add(why, FEATURES, own.inputs.definition)
        decisions.append(own.proof.decision_id)
    for id in dict.fromkeys(decisions):
        if decision := roots.records.decisions.get(id):
            found.evidence(why, decision.evidence)


def _decisions(roots: Roots, found: Reached) -> None:
    newest = roots.records.decisions.newest(roots.use_case, roots.limits.decisions)
    for decision in newest:
        found.evidence(f"the decision {decision.kind} of {decision.run_key}", decision.evidence)


def _under_way(roots: Roots, found: Reached) -> None:
    for run in roots.running:
        why = f"the training {run.run_id}, which is under way"
        found.rows(why, *run.rows)
        found.add(why, TRAININGS, run.run_id)


def _answered(roots: Roots, found: Reached) -> None:
    found.add("predictions that are kept", TRAININGS, *roots.answering)


FOLLOWED: tuple[Callable[[Roots, Reached], None], ...] = (
    _versions,
    _decisions,
    _under_way,
    _answered,
)

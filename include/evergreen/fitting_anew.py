"""Fit a recipe that was judged anew, on all mature rows: which, as what, and what its bytes show.

chosen, kind = to_serve(use_case, verdict, present)       # None, …: nothing is to be fitted
anew = Anew(use_case, verdict.evaluation, present, records, settings)
fitted, evidence = anew.examined(chosen, kind, usual=usual(records, use_case.name, apart=…))
anew.keep_refused(verdict)
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evergreen import room, storage
from evergreen.champions import refused
from evergreen.judging import fitness
from evergreen.judging import gate as gating
from evergreen.judging.evidence import Evidence
from evergreen.learning import hiccups, training
from evergreen.personal import told
from evergreen.records import Records
from evergreen.refs import (
    CHANGE,
    PAPER,
    REFRESH,
    CandidateRef,
    EvaluationRef,
    InCharge,
    Status,
    Verdict,
)
from evergreen.settings import Settings
from evergreen.spec import UseCase

logger = logging.getLogger(__name__)

LONGEST_TRAINING = 6 * 3600.0
"""Seconds to wait for the same training that somebody else does."""


def to_serve(
    use_case: UseCase, verdict: Verdict, present: InCharge | None
) -> tuple[CandidateRef | None, str]:
    """Return which recipe is to be fitted for service, and as what; None: none."""
    evaluation = verdict.evaluation
    if verdict.passed:
        return evaluation.challenger, CHANGE
    if present is None:
        return (evaluation.challenger if use_case.release.on_paper else None), PAPER
    return to_refresh(evaluation, present), REFRESH


def to_refresh(evaluation: EvaluationRef, present: InCharge) -> CandidateRef | None:
    """Return the recipe in charge, to be fitted anew; None: it would learn nothing new."""
    walked, learned = evaluation.in_charge, present.champion.snapshot_sha256
    known = learned == evaluation.features.snapshot.sha256
    return None if walked is None or walked.problem or known else walked


def put_off(verdict: Verdict, fitted: Verdict) -> Verdict:
    """Return what the gate's verdict says to the recipe in charge: another does not take over yet.

    `fitted` is on the fit of the one that passed. The refresh beside it has a report of its own.
    """
    evaluation = verdict.evaluation
    name = fitted.evaluation.challenger.name
    why = fitted.sentence
    if fitted.passed:
        version = evaluation.champion.version if evaluation.champion else None
        why = f"Kept champion v{version}: {name} passed, and is to be tried or approved first."
    apart = replace(evaluation, report_id=f"{evaluation.report_id}-refresh")
    return replace(verdict, passed=False, sentence=why, evaluation=apart)


def usual(records: Records, use_case: str, *, apart: str) -> list[float]:
    """Return how far those of the newest ten fits that passed were from the fits before them.

    A fit that was refused tells nothing of what is usual; nor does that of the report `apart`,
    which is to be judged again.
    """
    told = [
        decision.evidence for decision in records.decisions.newest(use_case, limit=10, kind="fit")
        if decision.outcome == Status.PASSED
    ]  # fmt: skip
    facts = [one.get("disagreement") for one in told if one["evaluation"]["report_id"] != apart]
    return [float(fact) for fact in facts if fact is not None]


@dataclass(frozen=True)
class Anew:
    """Fits recipes of one evaluation; who asks for the same one meanwhile waits."""

    use_case: UseCase
    evaluation: EvaluationRef
    present: InCharge | None
    records: Records
    settings: Settings

    def fit(self, chosen: CandidateRef) -> CandidateRef:
        """Fit it, if there is room on the disk.

        Raises:
            NoRoom: the disk is too full to begin.
            ModelRefused: it may not be saved, or is not the recipe that was judged.
        """
        room.check(self.settings)
        built = self.evaluation.features
        key = training.training_key(self.use_case, built, chosen.name, self.present)
        with self.records.leases.hold("training", f"{key}/fit", wait=LONGEST_TRAINING):
            return training.fit(
                self.use_case, built, chosen, in_charge=self.present, settings=self.settings
            )

    def examined(
        self, chosen: CandidateRef, kind: str, *, usual: Sequence[float]
    ) -> tuple[CandidateRef, Evidence]:
        """Fit it, and return it with what its bytes show, as `fitness.examine` says."""
        fitted = self.fit(chosen)
        store = storage.of(self.settings, storage.REPORTS)
        judged = gating.read(self.use_case, self.evaluation, store)
        return fitted, fitness.examine(
            self.use_case, self.evaluation, fitted, kind, judged, in_charge=self.present,
            usual=usual, settings=self.settings,
        )  # fmt: skip

    def keep_refused(self, verdict: Verdict) -> None:
        """Make a version of a challenger that was refused; that it cannot be fitted is told."""
        recipe = self.present.recipe if self.present else None
        try:
            refused.keep(verdict, recipe, self.fit, ledger=self.records, settings=self.settings)
        except Exception as error:
            if hiccups.passes(error):
                raise
            said = told(error, self.use_case.source.personal)
            logger.warning("%s: what was refused is no version: %s", self.use_case.name, said)

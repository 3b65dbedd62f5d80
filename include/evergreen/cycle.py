"""The whole training cycle in this process: the same steps as the DAG, in a plain `for` loop."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from evergreen import steps
from evergreen.errors import DataRefused
from evergreen.records import Records
from evergreen.refs import CandidateRef, Json, PromotionRef, SnapshotRef, ValidationRef, Verdict
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run


@dataclass
class Cycle:
    """What a cycle did, as far as it went."""

    use_case: str
    as_of: datetime
    snapshot: SnapshotRef | None = None
    validation: ValidationRef | None = None
    candidates: tuple[CandidateRef, ...] = ()
    verdict: Verdict | None = None
    """The gate's, on the recipes."""
    fit: Verdict | None = None
    """On the fit that is to serve; None: there was nothing to fit."""
    promotion: PromotionRef | None = None
    refused: tuple[str, ...] = ()
    """Why the data was refused, in sentences; empty: it was not."""

    @property
    def passed(self) -> bool:
        """Tell whether the gate let a recipe through, and the fit's checks its newest fit."""
        return all(verdict is not None and verdict.passed for verdict in (self.verdict, self.fit))

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        if self.refused:
            return f"Refused the data: {'; '.join(self.refused)}"
        if self.promotion:
            return self.promotion.sentence
        return self.verdict.sentence if self.verdict else "Nothing was decided."

    def to_json(self) -> Json:
        """Return the document that `evergreen run --json` prints."""
        champion = self.promotion.champion if self.promotion else None
        return {
            "use_case": self.use_case,
            "as_of": self.as_of.isoformat(),
            "snapshot": self.snapshot
            and {key: getattr(self.snapshot, key) for key in ("uri", "sha256", "rows")},
            "validation": self.validation
            and {
                "passed": self.validation.passed,
                "failed": [failed.to_json() for failed in self.validation.failed],
            },
            "refused": list(self.refused),
            "candidates": [{"name": c.name, "metrics": c.metrics} for c in self.candidates],
            "gate": self.verdict
            and {
                "passed": self.verdict.passed,
                "sentence": self.verdict.sentence,
                "checks": [check.to_json() for check in self.verdict.checks],
            },
            "fit": self.fit
            and {
                "kind": self.fit.kind,
                "passed": self.fit.passed,
                "sentence": self.fit.sentence,
                "checks": [check.to_json() for check in self.fit.checks],
            },
            "promoted": bool(self.promotion and self.promotion.promoted),
            "champion": champion and {"version": champion.version, "run_id": champion.run_id},
        }


def run(
    use_case: UseCase,
    run: Run,
    *,
    records: Records,
    settings: Settings,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Cycle:
    """Run every step; `tell` hears the name of each as it begins.

    Refused data ends the cycle early: see `Cycle.refused`. Every other error is raised.
    """
    cycle = Cycle(use_case.name, run.as_of)
    try:
        _run(cycle, use_case, run, records, settings, force, tell)
    except DataRefused as refusal:
        cycle.refused = refusal.reasons
        if isinstance(refusal, steps.ValidationFailed):
            cycle.validation = refusal.validation
        cycle.promotion = steps.keep(use_case, refusal.sentence, records=records)
    return cycle


def _run(
    cycle: Cycle,
    use_case: UseCase,
    run: Run,
    records: Records,
    settings: Settings,
    force: bool,
    tell: Callable[[str], None],
) -> None:
    tell("extract")
    cycle.snapshot = steps.extract(use_case, run, records=records, settings=settings)
    tell("validate")
    cycle.validation = steps.validate(
        use_case, cycle.snapshot, run, records=records, settings=settings
    )
    tell("build_features")
    features = steps.build_features(
        use_case, cycle.validation, run, records=records, settings=settings
    )
    if use_case.features.stored:
        tell("store_features")
        steps.store_features(use_case, features, run, records=records, settings=settings)
    for name in use_case.trainings:
        tell(f"train {name}")
        trained = steps.train(
            use_case, features, name, run, force=force, records=records, settings=settings
        )
        cycle.candidates += (trained,) if trained else ()
    tell("evaluate")
    evaluation = steps.evaluate(
        use_case, features, cycle.candidates, run, records=records, settings=settings
    )
    tell("gate")
    cycle.verdict = steps.gate(use_case, evaluation, run, records=records, settings=settings)
    tell("fit")
    cycle.fit = steps.fit(use_case, cycle.verdict, run, records=records, settings=settings)
    served = cycle.fit or cycle.verdict
    if cycle.fit and cycle.fit.passed and run.may_promote:
        tell("promote")
        cycle.promotion = steps.promote(
            use_case, cycle.fit, run, records=records, settings=settings
        )
    else:
        told = steps.undrafted(use_case, served.sentence)
        cycle.promotion = steps.keep(use_case, told, records=records)

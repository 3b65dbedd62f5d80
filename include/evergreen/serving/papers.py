"""A challenger that no gate has passed answers on paper, for those who ask for it.

begin(use_case, verdict, actor="schedule", describe=…, records=records, settings=settings)
end("stocks", "Version 2 is champion.", records=records)
running(records)["stocks"]      # its row; the service follows it while there is no champion

Where nothing has passed yet, what a model would say, and what that would have been worth, can so be
seen as the days come. Each answer says that it is unproven.
"""

from evergreen.champions.move import Describe
from evergreen.champions.registry import CANDIDATE, ModelRegistry, Registration
from evergreen.records import Records, TrialRow, decision_id
from evergreen.refs import PAPER, PromotionRef, Verdict
from evergreen.serving.model_ref import ModelRef
from evergreen.serving.releases import challenger_of
from evergreen.settings import Settings
from evergreen.spec import UseCase

FITS = 100
"""How many of those that answered on paper are looked at."""


def begin(
    use_case: UseCase,
    verdict: Verdict,
    *,
    actor: str,
    describe: Describe,
    records: Records,
    settings: Settings,
) -> PromotionRef:
    """Register the challenger as a candidate, which answers on paper from now on.

    Doing it again changes nothing. If there is a champion by now, nobody answers on paper.
    """
    champion = records.promotions.champion(use_case.name)
    if champion is not None:
        return PromotionRef(promoted=False, champion=champion, sentence=verdict.sentence)
    evaluation = verdict.evaluation
    snapshot, decided = evaluation.features.snapshot, decision_of(verdict)
    version = ModelRegistry(settings, records.locks).register(
        use_case.name, evaluation.challenger,
        Registration(snapshot_sha256=snapshot.sha256, decision_id=decided,
                     sentence=verdict.sentence, status=CANDIDATE),
    )  # fmt: skip
    describe(verdict, decided, version)
    present = running(records).get(use_case.name)
    if present is None or challenger_of(present).version != version:
        end(use_case.name, f"followed by version {version}", records=records)
        ref = _ref(verdict, version)
        records.trials.start(
            use_case.name, PAPER, 1.0, ref.to_json(), reason=verdict.sentence, actor=actor
        )
    sentence = f"Version {version} answers on paper (?on_paper=true), unproven. {verdict.sentence}"
    return PromotionRef(promoted=False, champion=None, sentence=sentence)


def end(use_case: str, why: str, *, records: Records) -> None:
    """Let nobody answer on paper any more."""
    if row := running(records).get(use_case):
        records.trials.stop(row.id, why)


def running(records: Records) -> dict[str, TrialRow]:
    """Return who answers on paper, by use case."""
    return {row.use_case: row for row in records.trials.running() if row.strategy == PAPER}


def newest(use_case: str, *, records: Records) -> tuple[ModelRef, ...]:
    """Return who answers on paper and who did before it, newest first; empty: nobody does."""
    rows = [row for row in records.trials.newest(use_case, FITS) if row.strategy == PAPER]
    if not rows or rows[0].stopped_at is not None:
        return ()
    return tuple(map(challenger_of, rows))


def decision_of(verdict: Verdict) -> str:
    """Return the id of the decision that lets a challenger answer on paper."""
    about = verdict.evaluation.report_id
    name = verdict.evaluation.features.snapshot.use_case
    return decision_id(name, f"{PAPER}/train", about)


def _ref(verdict: Verdict, version: int) -> ModelRef:
    challenger = verdict.evaluation.challenger
    snapshot = verdict.evaluation.features.snapshot
    return ModelRef(
        use_case=snapshot.use_case,
        version=version,
        run_id=challenger.run_id,
        model_uri=challenger.model_uri,
        sha256=challenger.sha256,
        snapshot_sha256=snapshot.sha256,
    )

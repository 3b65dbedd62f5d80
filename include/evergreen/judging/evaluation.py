"""Score challenger, champion, candidates and baselines on the very same held-out raw rows.

    evaluation = evaluate(use_case, built, trained, champion, settings=settings)
    evaluation.challenger.name                     # the best by cross-validation
    evaluation.uri                                 # evidence.json in the store: facts, no judgement

Each model gets the raw rows and runs its own preprocessing. A champion that cannot be loaded or
asked is evidence too: the reason is written down, and the gate stays shut.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace

from evergreen import storage
from evergreen.errors import EvergreenError
from evergreen.judging import contest
from evergreen.judging.evidence import FORMAT, Evidence
from evergreen.learning import source_code
from evergreen.refs import CandidateRef, ChampionRef, EvaluationRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import Slice, UseCase
from evergreen.storage import Store


def evaluate(
    use_case: UseCase,
    features: FeaturesRef,
    trained: Sequence[CandidateRef],
    champion: ChampionRef | None,
    *,
    settings: Settings,
) -> EvaluationRef:
    """Gather the evidence about the best candidate into `evidence.json`.

    Complete evidence about the same inputs is kept as it is: evaluating again changes nothing.

    Args:
        use_case: the declaration.
        features: features and split, from `features.build`.
        trained: the candidates and baselines, trained on them.
        champion: the present champion, from the ledger; None: there is none.
        settings: where snapshots, models and reports are.

    Raises:
        EvergreenError: no candidate has a cross-validated figure to be chosen by.
    """
    challenger = choose(use_case, trained)
    report_id = identify(features, challenger, champion)
    inputs = digest(use_case, features, trained, champion)
    store = storage.of(settings, storage.REPORTS)
    path = f"{use_case.name}/{report_id}/evidence.json"
    if not _is_done(store, path, inputs):
        evidence = contest.hold(use_case, features, trained, challenger, champion, settings)
        evidence = replace(evidence, inputs=inputs, report_id=report_id)
        store.publish(path, evidence.to_text())
    return EvaluationRef(
        uri=path,
        sha256=hashlib.sha256(store.read(path)).hexdigest(),
        report_id=report_id,
        challenger=challenger,
        champion=champion,
        features=features,
    )


def choose(use_case: UseCase, trained: Sequence[CandidateRef]) -> CandidateRef:
    """Return the candidate that is best by cross-validation; never by the holdout.

    Equals: the one that is declared first.

    Raises:
        EvergreenError: none has a finite figure of the gate's metric.
    """
    metric, sign = use_case.gate.metric, 1 if use_case.more_is_better else -1
    by_name = {ref.name: ref for ref in trained}
    declared = [by_name[c.name] for c in use_case.candidates if c.name in by_name]
    rated = [ref for ref in declared if math.isfinite(ref.cv.get(metric, math.nan))]
    if not rated:
        raise EvergreenError(
            f"no candidate of {use_case.name} has a cross-validated {metric};"
            f" trained: {', '.join(by_name) or 'none'}"
        )
    return max(rated, key=lambda ref: sign * ref.cv[metric])


def identify(features: FeaturesRef, challenger: CandidateRef, champion: ChampionRef | None) -> str:
    """Return the report's id, such as `20261120T000000-3f2a9c01b7de`."""
    contents = (features.sha256, challenger.sha256, champion.sha256 if champion else "")
    digest = hashlib.sha256("".join(contents).encode()).hexdigest()
    return f"{features.snapshot.as_of:%Y%m%dT%H%M%S}-{digest[:12]}"


def digest(
    use_case: UseCase,
    features: FeaturesRef,
    trained: Sequence[CandidateRef],
    champion: ChampionRef | None,
) -> str:
    """Return the digest of all that the evidence depends on."""
    gate = use_case.gate
    depends_on = {
        "format": FORMAT,
        "use_case": [use_case.kind, use_case.seed, use_case.doc, use_case.owner],
        "gate": [gate.metric, gate.confidence, gate.resamples],
        "slices": [_cut(cut) for cut in use_case.slices],
        "fairness": [repr(declared) for declared in gate.fairness],
        "interval": use_case.interval,
        "business": _worth(use_case),
        "windows": repr(use_case.windows),
        "features": [features.sha256, features.snapshot.sha256],
        "trained": sorted([ref.name, ref.run_id, ref.sha256] for ref in trained),
        "champion": [champion.version, champion.sha256] if champion else None,
    }
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()


def _worth(use_case: UseCase) -> tuple[str, str] | None:
    business = use_case.business
    return (business.unit, source_code.closure(business.measure)) if business else None


def _cut(cut: Slice) -> tuple[str, str]:
    return cut.name, cut.by if isinstance(cut.by, str) else source_code.closure(cut.by)


def _is_done(store: Store, path: str, inputs: str) -> bool:
    """Tell whether the file holds complete evidence about the same inputs."""
    try:
        evidence = Evidence.from_json(json.loads(store.read(path)))
    except (FileNotFoundError, ValueError):  # none, or of an older format, or damaged
        return False
    return evidence.inputs == inputs and evidence.complete

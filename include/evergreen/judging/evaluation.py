"""Score every recipe on the very same judged rows, by what it answered before it had seen them.

    evaluation = evaluate(use_case, built, trained, champion, settings=settings)
    evaluation.challenger.name                     # the recipe that most surely is better
    evaluation.uri                                 # evidence.json in the store: facts, no judgement

A recipe that could not be walked is evidence too: the reason is written down.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from evergreen import storage
from evergreen.judging import contest
from evergreen.judging.evidence import FORMAT, Evidence
from evergreen.learning import source_code, training
from evergreen.refs import CandidateRef, ChampionRef, EvaluationRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, Slice, UseCase
from evergreen.storage import Store


def evaluate(
    use_case: UseCase,
    features: FeaturesRef,
    trained: Sequence[CandidateRef],
    champion: ChampionRef | None,
    *,
    settings: Settings,
) -> EvaluationRef:
    """Gather the evidence about the recipes into `evidence.json`.

    Complete evidence about the same inputs is kept as it is: evaluating again changes nothing.

    Args:
        use_case: the declaration.
        features: features and split, from `features.build`.
        trained: the contenders, baselines and the recipe in charge, walked over them.
        champion: the present champion, from the ledger; None: there is none.
        settings: where snapshots, models and reports are.

    Raises:
        EvergreenError: no contender could be walked.
    """
    report_id = identify(features, trained, champion)
    inputs = digest(use_case, features, trained, champion)
    store = storage.of(settings, storage.REPORTS)
    path = f"{use_case.name}/{report_id}/evidence.json"
    evidence = _done(store, path, inputs)
    if evidence is None:
        held = contest.hold(use_case, features, trained, champion, settings)
        evidence = replace(held.evidence, inputs=inputs, report_id=report_id)
        store.publish(path, evidence.to_text())
    by_name = {ref.name: ref for ref in trained}
    return EvaluationRef(
        uri=path,
        sha256=hashlib.sha256(store.read(path)).hexdigest(),
        report_id=report_id,
        challenger=by_name[evidence.challenger.name],
        champion=champion,
        in_charge=by_name.get(CHAMPION) if champion else None,
        features=features,
    )


def identify(
    features: FeaturesRef, trained: Sequence[CandidateRef], champion: ChampionRef | None
) -> str:
    """Return the report's id, such as `20261120T000000-3f2a9c01b7de`."""
    recipes = sorted(_recipe(ref) for ref in trained)
    contents = (features.sha256, *recipes, champion.sha256 if champion else "")
    found = hashlib.sha256("".join(contents).encode()).hexdigest()
    return f"{features.snapshot.as_of:%Y%m%dT%H%M%S}-{found[:12]}"


def _recipe(ref: CandidateRef) -> str:
    return f"{ref.name}{ref.recipe.digest if ref.recipe else ''}{ref.answers_sha256}"


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
        "gate": [gate.metric, gate.confidence, gate.resamples, gate.min_improvement],
        "slices": [_cut(cut) for cut in use_case.slices],
        "fairness": [repr(declared) for declared in gate.fairness],
        "interval": use_case.interval,
        "business": _worth(use_case),
        "metrics": [training.metric_inputs(one) for one in use_case.metrics],
        "floors": dict(gate.floors),
        "windows": repr(use_case.windows),
        "features": [features.sha256, features.snapshot.sha256],
        "trained": sorted([_recipe(ref), ref.run_id, ref.problem] for ref in trained),
        "champion": [champion.version, champion.sha256] if champion else None,
    }
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()


def _worth(use_case: UseCase) -> tuple[str, str] | None:
    business = use_case.business
    return (business.unit, source_code.closure(business.measure)) if business else None


def _cut(cut: Slice) -> tuple[str, str]:
    return cut.name, cut.by if isinstance(cut.by, str) else source_code.closure(cut.by)


def _done(store: Store, path: str, inputs: str) -> Evidence | None:
    """Return complete evidence about the same inputs, if the store holds it."""
    try:
        evidence = Evidence.from_json(json.loads(store.read(path)))
    except (FileNotFoundError, ValueError):  # none, or of an older format, or damaged
        return None
    return evidence if evidence.inputs == inputs and evidence.complete else None

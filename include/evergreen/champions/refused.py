"""What a gate refused, as versions: to be looked at, loaded, and compared with what serves.

    keep(verdict, in_charge, fit, ledger=records, settings=settings)    # 7, or None

A recipe that is refused day by day is fitted and registered once. `settings.refused_versions` of
them stay, the newest; of the others the version goes, and the training stays.
"""

from collections.abc import Callable

from evergreen.champions.registry import REFUSED, ModelRegistry, Registration
from evergreen.records import decision_id
from evergreen.records.protocols import Ledger
from evergreen.refs import CandidateRef, RecipeRef, Verdict
from evergreen.settings import Settings


def keep(
    verdict: Verdict,
    in_charge: RecipeRef | None,
    fit: Callable[[CandidateRef], CandidateRef],
    *,
    ledger: Ledger,
    settings: Settings,
) -> int | None:
    """Register the challenger that the gate refused; its alias, and who serves, stay.

    Args:
        verdict: what the gate said of it.
        in_charge: the champion's recipe, which refuses nothing of itself.
        fit: makes the model of it that could serve.
        ledger: for its locks.
        settings: how many are kept, and where.

    Returns:
        The version; None: it passed, or it is a version already, or none are kept.
    """
    challenger, snapshot = verdict.evaluation.challenger, verdict.evaluation.features.snapshot
    recipe = challenger.recipe.digest if challenger.recipe else ""
    if verdict.passed or not settings.refused_versions or not recipe:
        return None
    if in_charge is not None and in_charge.digest == recipe:
        return None
    name, registry = snapshot.use_case, ModelRegistry(settings, ledger.locks)
    if recipe in registry.refused(name).values():
        return None
    about = Registration(
        snapshot_sha256=snapshot.sha256,
        decision_id=decision_id(name, "gate/train", verdict.evaluation.report_id),
        sentence=verdict.sentence,
        status=REFUSED,
        recipe=recipe,
    )
    version = registry.register(name, fit(challenger), about)
    for older in list(registry.refused(name))[settings.refused_versions :]:
        registry.delete(name, older)
    return version

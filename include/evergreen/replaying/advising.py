"""One sentence on holdout, window and schedule, which says no more than the intervals do."""

from collections.abc import Callable, Mapping, Sequence

from evergreen.judging.differences import SHARES
from evergreen.replaying.outcomes import PolicyOutcome
from evergreen.replaying.policies import DECLARED, NEVER
from evergreen.spec.pace import Schedule

UNGATED = ("no gate", "newest rows")
RHYTHMS = ("daily", "weekly", "monthly", "quality", NEVER)


def recommend(
    outcomes: Sequence[PolicyOutcome], metric: str, schedule: Schedule, holdout: str
) -> str:
    """Recommend a schedule, a window and a holdout."""
    known = {one.name: one for one in outcomes}
    point = 0.01 if metric in SHARES else abs(known[DECLARED].metric or 0.0) / 100
    better = [one for one in outcomes if _surely_better(one, point)]
    parts = (
        _schedule(known, better, str(schedule or "by hand"), point),
        _window(known, better),
        _holdout(known, better, holdout),
        *(f"{one.name} was surely better{_by(one)}: ask why" for one in better
          if one.name in UNGATED),
    )  # fmt: skip
    sentence = "; ".join(part for part in parts if part)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _schedule(
    known: Mapping[str, PolicyOutcome], better: Sequence[PolicyOutcome], declared: str, point: float
) -> str:
    if first := _first(better, lambda name: name in RHYTHMS):
        return f"schedule: {_words(first)} rather than {declared} was surely better{_by(first)}"
    fewer = known[DECLARED].trainings
    rarer = [one for one in known.values() if one.name in RHYTHMS and one.trainings < fewer]
    enough = [
        one for one in rarer if one.difference.low is not None and one.difference.low > -point
    ]
    if not enough:
        if not any(one.difference.low is not None for one in rarer):
            return f"schedule: keep {declared}; what rarer training would cost was not found out"
        return f"schedule: keep {declared}, as rarer training may be worse by more than a point"
    least = min(enough, key=lambda one: one.trainings)
    return (
        f"schedule: {_words(least)} (trainings: {least.trainings} instead of {fewer}) was surely"
        f" not worse by a point{_by(least)}"
    )


def _words(one: PolicyOutcome) -> str:
    return {NEVER: "never to retrain", "quality": "to train when quality falls"}.get(
        one.name, f"to train {one.name}"
    )


def _window(known: Mapping[str, PolicyOutcome], better: Sequence[PolicyOutcome]) -> str:
    windows = [one for one in known.values() if _is_window(one.name)]
    if not windows:
        return ""
    if first := _first(better, _is_window):
        return f"window: {first.name} alone was surely better{_by(first)}"
    worse = [one.name for one in windows if one.difference.high is not None
             and one.difference.high < 0]  # fmt: skip
    told = f", and {' and '.join(worse)} alone surely worse" if worse else ""
    return f"window: none alone was surely better than those declared together{told}"


def _holdout(
    known: Mapping[str, PolicyOutcome], better: Sequence[PolicyOutcome], declared: str
) -> str:
    if first := _first(better, _is_holdout):
        return f"{first.name} rather than {declared} was surely better{_by(first)}"
    asked = any(map(_is_holdout, known))
    return f"holdout: keep {declared}, half of it was not surely better" if asked else ""


def _is_window(name: str) -> bool:
    return name.startswith("window ") or name == "all history"


def _is_holdout(name: str) -> bool:
    return name.startswith("holdout ")


def _first(better: Sequence[PolicyOutcome], asked: Callable[[str], bool]) -> PolicyOutcome | None:
    found = [one for one in better if asked(one.name)]
    return max(found, key=lambda one: one.difference.low or 0.0, default=None)


def _surely_better(one: PolicyOutcome, point: float) -> bool:
    """Tell whether a policy is better beyond doubt, and by so much that it matters."""
    found = one.difference
    return (
        found.low is not None
        and found.estimate is not None
        and found.low > 0
        and found.estimate >= point
    )


def _by(one: PolicyOutcome) -> str:
    found = one.difference
    if found.estimate is None:
        return ""
    return f" ({found.estimate:+.4g}, {found.low:+.4g} to {found.high:+.4g})"

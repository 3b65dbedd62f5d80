"""Replay a use case's history: choose parameters, fit every recipe at every cut, play policies."""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

import pandas as pd

from evergreen.data import splits
from evergreen.errors import DataRefused, EvergreenError
from evergreen.learning import hiccups, searching
from evergreen.learning.computing import LOCAL, Compute
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.personal import failure
from evergreen.refs import Json
from evergreen.replaying.advising import recommend
from evergreen.replaying.history import History, Memories
from evergreen.replaying.outcomes import PolicyOutcome, outcomes
from evergreen.replaying.period import Period, holdout_of
from evergreen.replaying.policies import chosen
from evergreen.replaying.ruling import contending
from evergreen.spec import Candidate, UseCase
from evergreen.spec.lengths import short

logger = logging.getLogger(__name__)
Tell = Callable[[str], None]
WINDOW = re.compile(r"window (\d+)d")
TOLD = ("name", "metric", "difference", "age_days", "trainings", "seconds", "changes",
        "worse_later", "recovery_days")  # fmt: skip
"""What `evergreen replay --json` tells of a policy."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What the policies would have cost and gained."""

    use_case: str
    metric: str
    more_is_better: bool
    policies: tuple[PolicyOutcome, ...]
    recommendation: str
    starts: tuple[datetime, ...]
    """Of the blocks."""
    end: datetime
    fits: int
    """That it looked at, and how many of them no earlier replay had made."""
    fitted: int
    seconds: float
    problems: Mapping[str, str] = field(default_factory=dict)
    """Recipes that could not be fitted, with the reason."""

    def to_json(self) -> Json:
        """Return the document that `evergreen replay --json` prints."""
        return {
            "use_case": self.use_case,
            "metric": self.metric,
            "more_is_better": self.more_is_better,
            "policies": [{name: asdict(one)[name] for name in TOLD} for one in self.policies],
            "recommendation": self.recommendation,
        }

    def document(self) -> Json:
        """Return all of it in plain JSON types: what the page shows."""
        moments = [start.isoformat() for start in self.starts]
        policies = [
            asdict(one)
            | {"refused": {check: [f"{at.isoformat()}" for at in when]
                           for check, when in one.refused.items()}}
            for one in self.policies
        ]  # fmt: skip
        return self.to_json() | {
            "policies": policies,
            "starts": moments,
            "end": self.end.isoformat(),
            "fits": self.fits,
            "fitted": self.fitted,
            "seconds": self.seconds,
            "problems": dict(self.problems),
        }


def replay(
    use_case: UseCase,
    rows: Rows,
    raw: pd.DataFrame,
    *,
    end: datetime,
    start: datetime | None = None,
    step: timedelta | None = None,
    policies: Sequence[str] = (),
    memories: Memories,
    compute: Compute = LOCAL,
    tell: Tell = lambda _: None,
) -> Replay:
    """Play policies over the history of a use case.

    Args:
        use_case: divided by time.
        rows: features, labels and times of all rows known at `end`.
        raw: the raw rows, on the same positions.
        end: rows after it do not count.
        start: of the period; None: the last year, or as much as there is.
        step: between cuts; None: see `period.default_step`.
        policies: names; none: all. `window <days>d` adds the first candidate with that window.
        memories: where the answers of fits are kept, and those of earlier replays found.
        compute: where fits are made.
        tell: hears of every recipe, and how far it is.

    Raises:
        DeclarationError: the period, the step or a policy does not fit the use case.
        EvergreenError: no recipe could be fitted.
    """
    began = time.perf_counter()
    oldest = splits.times_of(use_case, raw).min().to_pydatetime()
    period = Period.of(use_case, oldest, end, start, step)
    recipes = _recipes(use_case, rows, raw, period, policies, memories, compute, tell)
    history = History(use_case, rows, raw, period, recipes, memories, compute)
    asked = chosen(history, policies)
    history, problems = _walked(history, tell)
    played = {}
    for name, policy in asked.items():
        tell(f"play {name}")
        played[name] = policy(history)
    found = outcomes(history, played)
    holdout = f"windows.holdout = {short(holdout_of(use_case))}"
    return Replay(
        use_case=use_case.name,
        metric=use_case.gate.metric,
        more_is_better=use_case.more_is_better,
        policies=found,
        recommendation=recommend(found, use_case.gate.metric, use_case.schedule, holdout),
        starts=tuple(period.cuts[cut] for cut in history.blocks),
        end=period.end,
        fits=len(history.fits),
        fitted=len(history.made),
        seconds=time.perf_counter() - began,
        problems=problems,
    )


def _recipes(
    use_case: UseCase,
    rows: Rows,
    raw: pd.DataFrame,
    period: Period,
    policies: Sequence[str],
    memories: Memories,
    compute: Compute,
    tell: Tell,
) -> dict[str, Recipe]:
    """Return the recipes, their parameters chosen on rows before those that judge any of them."""
    found = {}
    for candidate in (*use_case.contenders, *_extra(use_case, policies)):
        if candidate.search:
            tell(f"choose parameters of {candidate.name}")
        found[candidate.name] = _recipe(
            use_case, candidate, rows, raw, period.cuts[0], memories, compute
        )
    return found


def _recipe(
    use_case: UseCase,
    candidate: Candidate,
    rows: Rows,
    raw: pd.DataFrame,
    as_of: datetime,
    memories: Memories,
    compute: Compute,
) -> Recipe:
    """Search as a training at that moment would; without the history for it, take the defaults."""
    if not candidate.search:
        return Recipe.of(use_case, candidate, {})
    try:
        folds = splits.folds(use_case, raw, as_of)
    except DataRefused:
        return Recipe.of(use_case, candidate, {})
    memory = memories(f"choice/{candidate.name}/{as_of:%Y%m%dT%H%M}")
    return searching.search(use_case, candidate, rows, folds.choosing, memory, compute).recipe


def _extra(use_case: UseCase, policies: Sequence[str]) -> list[Candidate]:
    """Return the first candidate with each window that is asked for and not declared."""
    first, known = use_case.contenders[0], {one.window for one in use_case.contenders}
    asked = [match for name in policies if (match := WINDOW.fullmatch(name))]
    windows = {timedelta(days=int(match[1])): match[1] for match in asked}
    return [
        replace(first, name=f"replayed_{days}d", windows=(window,))
        for window, days in windows.items()
        if window not in {*known, use_case.windows.training}
    ]


def _walked(history: History, tell: Tell) -> tuple[History, dict[str, str]]:
    """Fit every recipe at every cut; one that fails is told, and the others are replayed."""
    problems = {}
    for number, name in enumerate(history.recipes, 1):
        try:
            _walk(history, name, f"{number}/{len(history.recipes)} {name}", tell)
        except Exception as error:  # whatever a candidate raises is its own, and told
            if hiccups.passes(error):
                raise
            personal = history.use_case.source.personal  # a traceback ends with the error's words
            logger.warning("%s: %s failed", history.use_case.name, name, exc_info=not personal)
            problems[name] = failure(error, personal)
    left = {name: one for name, one in history.recipes.items() if name not in problems}
    history = replace(history, recipes=left)
    if not contending(history):
        why = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise EvergreenError(f"no candidate of {history.use_case.name} could be replayed: {why}")
    return history, problems


def _walk(history: History, name: str, title: str, tell: Tell) -> None:
    cuts = len(history.period.cuts)
    tell(f"fit {title}: 0 of {cuts}")
    for _, cut, _ in history.make([(name, cut, False) for cut in range(cuts)]):
        if cut + 1 < cuts and (cut + 1) % max(1, cuts // 10) == 0:
            tell(f"fit {title}: {cut + 1} of {cuts}")

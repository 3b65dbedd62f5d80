"""Policies: which recipe, fitted when, would have served each block. Pure look-ups.

    played = policies(history)["weekly"](history)
    played.served[0]            # the recipe and the cut whose fit answered the first block
    played.changes              # of the recipe in charge

| policy | trains | who serves |
| --- | --- | --- |
| as declared | by `schedule` | the recipe in charge, fitted anew; another takes over by the gate |
| daily, weekly, monthly | that often | the same |
| holdout 14d | by `schedule` | the same, by a gate that looks half as far back |
| quality | when what serves leaves a floor | the same |
| no gate | by `schedule` | the newest fit of what is best on the newest holdout |
| newest rows | at every step | the newest fit of the first candidate |
| all history, window 60d | by `schedule` | as no gate, among the recipes with that window |
| never retrain | once | the first fit |

All begin with the recipe that is best on the holdout before the period (among those they choose
from).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from evergreen.errors import DeclarationError, did_you_mean
from evergreen.learning import metrics, walking
from evergreen.learning.models import Output
from evergreen.replaying.history import History
from evergreen.replaying.period import DAY, WEEK, holdout_of
from evergreen.replaying.ruling import best, contending, rule
from evergreen.spec import pace
from evergreen.spec.lengths import short

DECLARED, NEVER = "as declared", "never retrain"
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Change:
    """Another recipe took over."""

    cut: int
    before: str
    after: str


@dataclass
class Played:
    """What a policy would have done."""

    served: list[tuple[str, int]] = field(default_factory=list)
    """Recipe and cut of the fit that answered each block of the period."""
    trained: list[int] = field(default_factory=list)
    """The cuts at which it trained."""
    fitted: set[tuple[str, int]] = field(default_factory=set)
    """The fits that it made: what served, and what was judged."""
    changes: list[Change] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Name of a check, to the cuts at which it kept another recipe out."""

    def train(self, cut: int, judged: Sequence[str]) -> None:
        """Note a training that fits these recipes."""
        self.trained.append(cut)
        self.fitted |= {(name, cut) for name in judged}

    def move(self, cut: int, before: str, after: str) -> str:
        """Note that a recipe is in charge; return it."""
        if before != after:
            self.changes.append(Change(cut, before, after))
        return after


Policy = Callable[[History], Played]


def policies(history: History) -> dict[str, Policy]:
    """Return all policies that make a difference for this use case, by name."""
    holdout, pause = holdout_of(history.use_case), _pause(history)
    half = holdout / 2
    found: dict[str, Policy] = {DECLARED: lambda h: gated(h, pause, holdout)}
    rhythms = {"daily": DAY, "weekly": WEEK, "monthly": MONTH}
    for name, rhythm in rhythms.items():
        if rhythm >= history.period.step:
            found[name] = lambda h, rhythm=rhythm: gated(h, rhythm, holdout)  # type: ignore[misc]
    found["quality"] = lambda h: by_quality(h, holdout)
    found[f"holdout {short(half)}"] = lambda h: gated(h, pause, half)
    found["no gate"] = lambda h: ungated(h, pause, holdout, contending(h))
    found["newest rows"] = lambda h: ungated(h, h.period.step, holdout, contending(h)[:1])
    for window, names in by_window(history).items():
        found[window] = lambda h, n=names: ungated(h, pause, holdout, n)  # type: ignore[misc]
    return found | {NEVER: never}


def chosen(history: History, names: Sequence[str]) -> dict[str, Policy]:
    """Return "as declared" and the policies that are asked for; none asked for: all.

    Raises:
        DeclarationError: one of the names is no policy.
    """
    known = policies(history)
    if strange := [name for name in names if name not in known]:
        hint = did_you_mean(strange[0], list(known))
        raise DeclarationError("--policy", strange[0], f"{', '.join(known)}, window <days>d{hint}")
    return {name: known[name] for name in known if not names or name in {DECLARED, *names}}


def gated(history: History, pause: timedelta, holdout: timedelta) -> Played:
    """Train every so often: the gate rules, and the recipe in charge is fitted anew."""
    played, present, serving = Played(), _first(history), history.period.first
    for cut in history.blocks:
        if _is_due(history, played, cut, pause):
            present, serving = _trained(history, played, cut, present, holdout), cut
        played.served.append((present, serving))
    return played


def by_quality(history: History, holdout: timedelta) -> Played:
    """Train when what serves is beyond a floor, on labels that have come since it was fitted.

    Looked at are those of the newest `monitoring.window`, at least `gate.min_rows` of them; until
    there are as many, it goes on serving.
    """
    played, present, serving = Played(), _first(history), history.period.first
    for cut in history.blocks:
        if not played.trained or _has_left_floor(history, played, cut, serving):
            present, serving = _trained(history, played, cut, present, holdout), cut
        played.served.append((present, serving))
    return played


def ungated(
    history: History, pause: timedelta, holdout: timedelta, among: tuple[str, ...]
) -> Played:
    """Train every so often, and serve the newest fit of what was best on the newest holdout."""
    played, serving = Played(), history.period.first
    present = best(history, serving, holdout, among)
    for cut in history.blocks:
        if _is_due(history, played, cut, pause):
            played.train(cut, among)
            present = played.move(cut, present, best(history, cut, holdout, among))
            serving = cut
        played.served.append((present, serving))
    return played


def never(history: History) -> Played:
    """Train once."""
    played, first = Played(), history.period.first
    played.train(first, contending(history))
    played.served = [(_first(history), first)] * len(history.blocks)
    return played


def by_window(history: History) -> Mapping[str, tuple[str, ...]]:
    """Return the recipes of each training window."""
    found: dict[str, tuple[str, ...]] = {}
    for name, recipe in history.recipes.items():
        window = recipe.window or history.use_case.windows.training
        label = f"window {short(window)}" if window else "all history"
        found[label] = (*found.get(label, ()), name)
    return found


def _trained(history: History, played: Played, cut: int, present: str, holdout: timedelta) -> str:
    played.train(cut, contending(history))
    ruling = rule(history, cut, present, holdout)
    if ruling.refused:
        played.refused.setdefault(ruling.refused, []).append(cut)
    return played.move(cut, present, ruling.recipe)


def _first(history: History) -> str:
    return best(history, history.period.first, holdout_of(history.use_case))


def _pause(history: History) -> timedelta:
    """From one run to the next; without a schedule it is taken to train at every step."""
    return pace.pause(history.use_case.schedule) or history.period.step


def _is_due(history: History, played: Played, cut: int, pause: timedelta) -> bool:
    """Tell whether so long has passed since the training before, or will have half a step later."""
    if not played.trained:
        return True
    passed = history.period.cuts[cut] - history.period.cuts[played.trained[-1]]
    return passed + history.period.step / 2 > pause


def _has_left_floor(history: History, played: Played, cut: int, since: int) -> bool:
    known, least = history.known(cut, history.use_case.monitoring.window), _least(history)
    first = max(min(known.start, known.stop - least), history.bounds[since])
    if known.stop - first < least:
        return False
    start = history.bounds[history.period.first]
    rows = np.arange(first, known.stop)
    said = walking.joined(list(_said(history, played))).take(rows - start)
    use_case = history.use_case
    found = metrics.score(use_case.scale, history.truth[rows], said, use_case.gate.floors)
    return any(
        value < floor if use_case.scale.directions[metric] else value > floor
        for metric, floor in use_case.gate.floors.items()
        if (value := found.get(metric)) is not None
    )


def _least(history: History) -> int:
    return max(1, history.use_case.gate.min_rows)


def _said(history: History, played: Played) -> Iterator[Output]:
    for block, (name, fit) in zip(history.blocks, played.served, strict=False):
        yield history.said(name, fit, block)

"""From what the steps of earlier trainings cost to what those of the next one will.

| what | from |
| --- | --- |
| rows | those of the newest snapshot, growing as they did between the two newest moments |
| seconds of a step | the median of its newest few, in proportion to the rows |
| seconds of a training | what it took beside its fits, and as much for each fit as each took |
| fits | `folds`: the declaration, and the calendar since the newest walk that is remembered |
| memory | the highest peak of its newest few |

A step that nothing is on record of is unknown; it is not nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from evergreen.planning import folds
from evergreen.planning.folds import Counts
from evergreen.records import Cost
from evergreen.refs import Ref
from evergreen.spec import CHAMPION, UseCase

BEFORE = ("extract", "validate", "build_features")
STORE = "store_features"
"""Of a use case whose features are stored, beside its trainings."""
TRAIN = "train"
AFTER = ("evaluate", "gate", "fit", "promote")
NEWEST = 3
"""So many of the newest figures of a step are looked at."""


@dataclass(frozen=True, kw_only=True)
class Step(Ref):
    """What is foretold of one step."""

    step: str
    name: str = ""
    """Of the recipe that is trained."""
    rows: int | None = None
    """Of the snapshot; None, as everywhere: unknown."""
    seconds: float | None = None
    peak_bytes: int | None = None
    """Resident memory of its process, at most."""
    fits: int | None = None
    """That are made anew; None, too: the step makes none to judge by."""
    kept: int | None = None
    """That are known from before."""
    spread: bool = False
    """Its fits are made by the cluster of EVERGREEN_COMPUTE."""
    workers: int = 1
    """Processes that make each of its fits."""
    runs: int = 0
    """So many runs it is foretold from."""

    @property
    def title(self) -> str:
        """Name it for people."""
        return f"{self.step} {self.name}".strip()


@dataclass(frozen=True)
class Past:
    """What is on record of a use case."""

    costs: Sequence[Cost]
    """Newest first."""
    as_of: datetime
    """Of the training that is foretold."""
    spread: bool = False

    def of(self, step: str, name: str = "") -> list[Cost]:
        """Return the newest few of a step that had something to do."""
        found = (one for one in self.costs if (one.step, one.name) == (step, name))
        return [one for one in found if step != TRAIN or one.fits is not None][:NEWEST]

    def walked(self, name: str, asked: str) -> datetime | None:
        """Return `as_of` of the newest walk of a recipe, as it is declared, that is remembered."""
        moments = (one.as_of for one in self.costs if (one.name, one.asked) == (name, asked))
        return max((moment for moment in moments if moment <= self.as_of), default=None)

    @property
    def rows(self) -> int | None:
        """Return how many rows the snapshot will have."""
        known = {
            one.as_of: one.rows
            for one in reversed(self.costs)
            if one.step == BEFORE[0] and one.rows is not None
        }
        if not known:
            return None
        (newest, rows), *before = sorted(known.items(), reverse=True)
        ahead = self.as_of - newest
        # What minutes have brought tells nothing of a day.
        long_ago = (one for one in before if newest - one[0] >= ahead / 2)
        earlier, fewer = next(long_ago, (None, rows))
        if earlier is None:
            return rows
        grown = (rows - fewer) * (ahead / (newest - earlier))
        return max(0, round(rows + grown))


def steps(
    use_case: UseCase, past: Past, asked: Sequence[tuple[str, str]], in_charge: str | None
) -> tuple[Step, ...]:
    """Foretell every step.

    Args:
        use_case: the declaration.
        past: what earlier trainings cost.
        asked: the recipes that are walked, each with the digest of its declaration.
        in_charge: the name of the champion's recipe; None: there is no champion.
    """
    trainings = [
        _training(use_case, past, name, digest, in_charge)
        for name, digest in asked
        if name != CHAMPION or in_charge is not None
    ]
    first = (*BEFORE, STORE) if use_case.features.stored else BEFORE
    before, after = ([_plain(past, step) for step in part] for part in (first, AFTER))
    return (*before, *trainings, *after)


def _plain(past: Past, step: str) -> Step:
    known = past.of(step)
    foretold = Step(step=step, rows=past.rows, runs=len(known))
    if not known:
        return foretold
    seconds = median(one.seconds * _growth(past, one) for one in known)
    return replace(foretold, seconds=seconds, peak_bytes=max(one.peak_bytes for one in known))


def _training(use_case: UseCase, past: Past, name: str, asked: str, in_charge: str | None) -> Step:
    known = past.of(TRAIN, name)
    counts = _counts(use_case, past, name, asked, in_charge, known)
    foretold = Step(
        step=TRAIN, name=name, rows=past.rows, fits=counts.anew, kept=counts.kept,
        spread=past.spread and counts.anew > 0, runs=len(known),
        workers=_workers(use_case, in_charge if name == CHAMPION else name),
    )  # fmt: skip
    if name == CHAMPION and not known:  # walked for the first time, as the recipe that it is
        known = past.of(TRAIN, in_charge or "")
    if not known:
        return foretold
    each = _seconds_of_a_fit(past, name, in_charge)
    beside = median(max(0.0, one.seconds - (one.fit_seconds or 0.0)) for one in known)
    seconds = None if each is None and counts.anew else beside + counts.anew * (each or 0.0)
    return replace(foretold, seconds=seconds, peak_bytes=max(one.peak_bytes for one in known))


def _counts(
    use_case: UseCase,
    past: Past,
    name: str,
    asked: str,
    in_charge: str | None,
    known: Sequence[Cost],
) -> Counts:
    """Count the fits; those of the recipe in charge are known if it has just been walked."""
    counts = folds.of(use_case, name, past.as_of, past.walked(name, asked))
    names = [one.name for one in use_case.contenders]
    if name == CHAMPION and (in_charge in names or (known and not known[0].fits)):
        return Counts(0, counts.anew + counts.kept)
    return counts


def _workers(use_case: UseCase, name: str | None) -> int:
    """Return by how many workers a recipe's fits are made; of one that is not declared: by one."""
    declared = {one.name: one.num_workers for one in use_case.contenders + use_case.baselines}
    return declared.get(name or "", 1)


def _seconds_of_a_fit(past: Past, name: str, in_charge: str | None) -> float | None:
    """Return what a fit takes, by the newest trainings that made some; None: none has."""
    named = {name, in_charge} if name == CHAMPION else {name}
    made = [one for one in past.costs if one.step == TRAIN and one.name in named and one.fits]
    taken = [
        min(one.fit_seconds or 0.0, one.seconds) / one.fits * _growth(past, one)
        for one in made[:NEWEST]
        if one.fits
    ]
    return median(taken) if taken else None


def _growth(past: Past, one: Cost) -> float:
    return past.rows / one.rows if past.rows and one.rows else 1.0

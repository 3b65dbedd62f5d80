"""Foretell the next training by the records, and hold the last forecast against what happened."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.champions import in_charge
from evergreen.errors import EvergreenError
from evergreen.learning import training
from evergreen.planning import forecasting
from evergreen.planning.forecasting import Past, Step
from evergreen.records import Cost, Foretold, Records
from evergreen.refs import Ref
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.spec.pace import following

logger = logging.getLogger(__name__)

AIM = 0.25
"""What happens shall be off by no more than this share of what was foretold."""


@dataclass(frozen=True, kw_only=True)
class Plan(Ref):
    """What the next training will take."""

    use_case: str
    as_of: datetime
    compute: str
    """Where its fits are made."""
    function: bool
    """It computes features by a function of pandas, in one process."""
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """Of all steps that are known, one after the other."""
        return sum(one.seconds or 0.0 for one in self.steps)

    @property
    def peak_bytes(self) -> int | None:
        """Of the step that needs most; None: unknown."""
        return max((one.peak_bytes for one in self.steps if one.peak_bytes), default=None)

    @property
    def fits(self) -> int:
        """That are made anew to judge by."""
        return sum(one.fits or 0 for one in self.steps)

    @property
    def kept(self) -> int:
        """That are known from before."""
        return sum(one.kept or 0 for one in self.steps)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The steps of which nothing is on record."""
        return tuple(one.title for one in self.steps if one.seconds is None)

    @property
    def spread(self) -> str:
        """Which work the cluster does, and which stays in one process, in a sentence."""
        features = "the features, a function of pandas" if self.function else "the features"
        alone = f"extract, validate, {features}, evaluate and the fit that serves"
        if self.compute == "local":
            return f"Nothing is spread: EVERGREEN_COMPUTE is local.{self._together}"
        told = f"{self.fits} fits are spread by {self.compute}; {alone} stay in one process each."
        return f"{told}{self._together}"

    @property
    def _together(self) -> str:
        """Which fits are made by several workers, and where; empty: none is."""
        sizes = {one.name: one.workers for one in self.steps if one.workers > 1}
        if not sizes:
            return ""
        told = ", ".join(f"{name} by {size}" for name, size in sizes.items())
        where = "this machine" if self.compute == "local" else self.compute
        return (
            f" Workers of {where} make fits together, the one that serves as well: {told} each;"
            " their memory is not in the table."
        )

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        fits = f"{self.fits} fits are made anew and {self.kept} kept"
        if len(self.unknown) == len(self.steps):
            return f"Nothing is on record of {self.use_case} yet: as it is declared, {fits}."
        least = "at least " if self.unknown else ""
        lacking = f"; unknown: {', '.join(self.unknown)}" if self.unknown else ""
        return f"It will take {least}{self.seconds:.1f} s: {fits}{lacking}."


@dataclass(frozen=True, kw_only=True)
class Compared(Ref):
    """A step that was foretold, and that happened."""

    title: str
    foretold: float | None
    """Seconds; None: unknown."""
    seconds: float | None
    """That it took; None: it has not happened, or not yet."""
    foretold_bytes: int | None
    peak_bytes: int | None
    foretold_fits: int | None
    fits: int | None


@dataclass(frozen=True, kw_only=True)
class Happened(Ref):
    """What was foretold of the last training, and what happened."""

    use_case: str
    run_key: str
    as_of: datetime
    steps: tuple[Compared, ...]
    forced: bool
    """It fitted anew what was known: that could not be foretold."""

    @property
    def both(self) -> list[tuple[float, float]]:
        """Return the seconds foretold and taken, of the steps of which both are known."""
        pairs = ((one.foretold, one.seconds) for one in self.steps)
        return [(told, taken) for told, taken in pairs if told is not None and taken is not None]

    @property
    def ratio(self) -> float | None:
        """Seconds that it took by those foretold, of the steps that were; None: nothing was."""
        foretold = sum(told for told, _ in self.both)
        return sum(taken for _, taken in self.both) / foretold if foretold else None

    @property
    def sentence(self) -> str:
        """How well it was foretold, in a sentence."""
        if self.ratio is None:
            return f"Nothing could be foretold of {self.run_key}: it was the first on record."
        told, taken = (sum(part) for part in zip(*self.both, strict=True))
        aim = "within" if abs(self.ratio - 1) <= AIM else "outside of"
        forced = "; it was forced, and fitted anew what was known" if self.forced else ""
        return (
            f"{self.run_key} took {taken:.1f} s where {told:.1f} s were foretold, {self.ratio:.2f}"
            f" times as much: {aim} the {AIM:.0%} that are aimed at{forced}."
        )


def plan(use_case: UseCase, *, as_of: datetime, records: Records, settings: Settings) -> Plan:
    """Foretell a training, from what is on record; nothing is read of the source."""
    spread = settings.compute != "local"
    past = Past(records.costs.newest(use_case.name), as_of, spread)
    present = in_charge.find(records, use_case.name)
    asked = recipes(use_case)
    return Plan(
        use_case=use_case.name,
        as_of=as_of,
        compute=settings.compute,
        function=use_case.features.function is not None,
        steps=forecasting.steps(use_case, past, asked, present.recipe.name if present else None),
    )


def recipes(use_case: UseCase) -> list[tuple[str, str]]:
    """Return each recipe with the digest of how it is declared; empty: it cannot be built.

    Its own training says why, and the others go on without it: nothing fails for being foretold.
    """
    return [(name, _asked(use_case, name)) for name in use_case.trainings]


def _asked(use_case: UseCase, name: str) -> str:
    try:
        return training.asked(use_case, name)
    except Exception:  # whatever the candidate's own code raises
        logger.warning("%s: %s cannot be built", use_case.name, name, exc_info=True)
        return ""


def foretell(
    use_case: UseCase, run_key: str, as_of: datetime, *, records: Records, settings: Settings
) -> None:
    """Put on record what is foretold of a run that begins."""
    made = plan(use_case, as_of=as_of, records=records, settings=settings)
    records.costs.foretell(
        Foretold(use_case=use_case.name, run_key=run_key, as_of=as_of, document=made.to_json())
    )


def last(use_case: UseCase, *, records: Records) -> Happened:
    """Hold what was foretold of the last training against what it took.

    Raises:
        EvergreenError: no training has begun since forecasts are on record.
    """
    foretold = records.costs.foretold(use_case.name)
    if foretold is None:
        raise EvergreenError(
            f"nothing was foretold of {use_case.name} yet: `evergreen run {use_case.name}`"
        )
    costs = records.costs.of(foretold)
    made = Plan.from_json(foretold.document)
    return Happened(
        use_case=use_case.name,
        run_key=foretold.run_key,
        as_of=foretold.as_of,
        steps=tuple(_compared(step, costs) for step in made.steps),
        forced=any(one.fits and not one.asked for one in costs),
    )


A_MOMENT = timedelta(microseconds=1)


def next_moment(use_case: UseCase, today: datetime, *, records: Records) -> datetime:
    """Return `as_of` of the next training: when its schedule is due, or today if it has none."""
    newest = max((one.as_of for one in records.costs.newest(use_case.name)), default=None)
    if newest is None:
        return today
    return following(use_case.training_schedule, max(newest, today - A_MOMENT)) or today


def _compared(step: Step, costs: Sequence[Cost]) -> Compared:
    happened = [one for one in costs if (one.step, one.name) == (step.step, step.name)]
    found = happened[0] if happened else None
    return Compared(
        title=step.title,
        foretold=step.seconds,
        seconds=found.seconds if found else None,
        foretold_bytes=step.peak_bytes,
        peak_bytes=found.peak_bytes if found else None,
        foretold_fits=step.fits,
        fits=found.fits if found else None,
    )

"""The checks of what a use case declares besides metrics: intervals, fairness, worth, leaks."""

import math
from collections.abc import Callable

from evergreen.judging.evidence import Evidence, ScoredModel
from evergreen.judging.facts import (
    Outcome,
    Unknown,
    as_champion,
    because,
    challenger,
    finite,
    limit,
)
from evergreen.judging.figures import figure, figures, listed, plain
from evergreen.spec import Fairness, Gate, Kind


def coverage(gate: Gate, evidence: Evidence) -> Outcome:
    """The prediction intervals hold the share of the true values that they promise."""
    promised = finite(evidence.subject.interval, "the share that the intervals shall hold")
    found = evidence.challenger.interval
    what = f"the coverage of {challenger(evidence)}"
    held = finite(found.coverage if found else None, what, because(evidence))
    least = promised - limit(gate, "coverage_tolerance")
    got, asked = figures(100 * held, 100 * least, 1)
    width = figure(found.half_width if found else None)
    words = f"{got} % of the held-out values (± {width}, promised {plain(100 * promised)} %"
    if held < least:
        return False, f"the intervals hold only {words}, at least {asked} %)"
    return True, f"the intervals hold {words}, at least {asked} %)"


def fairness(gate: Gate, evidence: Evidence, *, declared: Fairness) -> Outcome:
    """The rate differs between the groups of the slice by no more than was declared.

    A group without anything that the rate is a share of (no positives) has none, and is told.
    """
    found = _rates(evidence.challenger, gate, declared)
    rates = _known(found)
    rate, unknown = declared.rate.replace("_", " "), listed(sorted(found.keys() - rates.keys()))
    told = f"{rate} where {declared.slice} = {unknown} is unknown" if unknown else ""
    if len(rates) < 2:
        raise Unknown(
            f"fewer than two groups of {declared.slice} have {gate.min_slice_rows} held-out rows"
            f"{' and a ' + rate if told else ''}{because(evidence)}{'; ' * bool(told)}{told}"
        )
    low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    apart, allowed = figures(rates[high] - rates[low], declared.most)
    words = (
        f"{rate} is {figure(rates[low])} for {declared.slice} = {low} and {figure(rates[high])}"
        f" for {high}: {apart} apart"
    )
    if (gap := rates[high] - rates[low]) > declared.most:
        theirs = _known(_rates(evidence.champion, gate, declared)).values()
        before = max(theirs) - min(theirs) if len(theirs) > 1 else None
        both = as_champion(gate, evidence, gap, before, declared.most, more_is_better=False)
        return bool(both), f"{words}, more than {allowed}{both}"
    return True, f"{words} (at most {allowed}){'; ' * bool(told)}{told}"


def _rates(model: ScoredModel | None, gate: Gate, declared: Fairness) -> dict[str, float]:
    """Return the rate of each group that is large enough; NaN: it is not defined there."""
    groups = model.slices.get(declared.slice, {}) if model else {}
    large = {name: score for name, score in groups.items() if score.rows >= gate.min_slice_rows}
    return {name: score.metrics.get(declared.rate, math.nan) for name, score in large.items()}


def _known(rates: dict[str, float]) -> dict[str, float]:
    return {name: rate for name, rate in rates.items() if math.isfinite(rate)}


def business(gate: Gate, evidence: Evidence) -> Outcome:
    """What the answers are worth is no less than was asked for, nor than it is worth without it.

    Without it: with the best baseline, and with the same answer for all.
    """
    found = evidence.challenger.business
    if not found:
        raise Unknown(f"what {challenger(evidence)} is worth is unknown{because(evidence)}")
    name, unit = next(iter(found)), evidence.subject.unit
    value = finite(found[name], f"{name} of {challenger(evidence)}")
    words = f"{name.replace('_', ' ')} is {{}} {unit}{_threshold(evidence)}"
    least = limit(gate, "min_business")
    champion = (evidence.champion.business or {}).get(name) if evidence.champion else None
    got, allowed = figures(value, least)
    if value < least:
        both = as_champion(gate, evidence, value, champion, least, more_is_better=True)
        return bool(both), f"{words.format(got)}, less than {allowed}{both}"
    rivals = _without(evidence, name)
    best = max(rivals, key=rivals.__getitem__, default="")
    if best and value < rivals[best]:
        got, theirs = figures(value, rivals[best])
        both = as_champion(gate, evidence, value, champion, rivals[best], more_is_better=True)
        return bool(both), f"{words.format(got)}, less than the {theirs} of {best}{both}"
    beside = f"; {best}: {figure(rivals[best])}" if best else ""
    return True, f"{words.format(got)} (at least {allowed}{beside})"


def _without(evidence: Evidence, name: str) -> dict[str, float]:
    """Return what it is worth to do without the model, by who answers instead."""
    given = evidence.constants
    if given is None and evidence.subject.kind is not Kind.REGRESSION:
        raise Unknown(f"what it is worth to answer the same for all is unknown{because(evidence)}")
    worth = {
        f"the baseline {one.name}": (one.business or {}).get(name) for one in evidence.baselines
    } | {f"answering {answer} for all": value for answer, value in (given or {}).items()}
    return {who: finite(value, f"{name} of {who}") for who, value in worth.items()}


def _threshold(evidence: Evidence) -> str:
    cut = evidence.challenger.threshold
    return "" if cut is None else f", saying positive from a probability of {figure(cut)} on"


def own(_gate: Gate, evidence: Evidence, *, declared: Callable[[Evidence], Outcome]) -> Outcome:
    """What the use case's own function says of the evidence."""
    found = declared(evidence)
    if not (isinstance(found, tuple) and list(map(type, found)) == [bool, str]):
        raise TypeError(f"{declared.__name__}() returned {found!r}, not (passed, reason)")
    return found


def leak(gate: Gate, evidence: Evidence) -> Outcome:
    """No feature alone tells the label so well that it must have been known with it."""
    found, target = evidence.single, evidence.subject.target
    if found is None:
        raise Unknown(f"how well one feature alone tells {target} is unknown{because(evidence)}")
    score = finite(found.score, f"how well {found.feature} alone tells {target}")
    got, most = figures(score, limit(gate, "max_single_feature"))
    words = f"{found.feature} alone tells {target}: {found.metric} {got}"
    if score > limit(gate, "max_single_feature"):
        return False, (
            f"{words}, more than {most}: is it known only when the label is? Leave it out of"
            " features, or raise gate.max_single_feature"
        )
    return True, f"no feature tells too much: {words} (at most {most})"

"""The checks of what a use case declares besides metrics: intervals, fairness, worth."""

from evergreen.judging.evidence import Evidence
from evergreen.judging.facts import Outcome, Unknown, because, challenger, finite, limit
from evergreen.judging.figures import figure, figures
from evergreen.spec import Fairness, Gate


def coverage(gate: Gate, evidence: Evidence) -> Outcome:
    """The prediction intervals hold the share of the true values that they promise."""
    promised = finite(evidence.subject.interval, "the share that the intervals shall hold")
    found = evidence.challenger.interval
    what = f"the coverage of {challenger(evidence)}"
    held = finite(found.coverage if found else None, what, because(evidence))
    least = promised - limit(gate, "coverage_tolerance")
    width = figure(found.half_width if found else None)
    words = f"{held:.1%} of the held-out values (± {width}, promised {promised:.0%}"
    if held < least:
        return False, f"the intervals hold only {words}, at least {least:.0%})"
    return True, f"the intervals hold {words})"


def fairness(gate: Gate, evidence: Evidence, *, declared: Fairness) -> Outcome:
    """The rate differs between the groups of the slice by no more than was declared."""
    groups = evidence.challenger.slices.get(declared.slice, {})
    large = {name: s for name, s in groups.items() if s.rows >= gate.min_slice_rows}
    if len(large) < 2:
        raise Unknown(
            f"fewer than two groups of {declared.slice} have {gate.min_slice_rows} held-out rows"
            f"{because(evidence)}"
        )
    rates = {
        name: finite(score.metrics.get(declared.rate), f"{declared.rate} where {name}")
        for name, score in large.items()
    }
    low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    apart, allowed = figures(rates[high] - rates[low], declared.most)
    rate = declared.rate.replace("_", " ")
    words = (
        f"{rate} is {figure(rates[low])} for {declared.slice} = {low} and {figure(rates[high])}"
        f" for {high}: {apart} apart"
    )
    if rates[high] - rates[low] > declared.most:
        return False, f"{words}, more than {allowed}"
    return True, f"{words} (at most {allowed})"


def business(gate: Gate, evidence: Evidence) -> Outcome:
    """What the answers are worth is no less than what was asked for."""
    found = evidence.challenger.business
    if not found:
        raise Unknown(f"what {challenger(evidence)} is worth is unknown{because(evidence)}")
    name = next(iter(found))
    value = finite(found[name], f"{name} of {challenger(evidence)}")
    least = limit(gate, "min_business")
    got, allowed = figures(value, least)
    unit = evidence.subject.unit
    label = name.replace("_", " ")
    if value < least:
        return False, f"{label} is {got} {unit}, less than {allowed}"
    return True, f"{label} is {got} {unit} (at least {allowed})"

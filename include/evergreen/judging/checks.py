"""The checks of the gate: small rules over the evidence, each pure.

A rule returns whether it passed, and the reason in words with its figures. It raises `Unknown`
when a fact is missing or is no number; unknown is not passed.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial

from evergreen.judging import promises, refreshing
from evergreen.judging.evidence import Difference, Evidence, Role, ScoredModel, SliceScore
from evergreen.judging.facts import (
    Outcome,
    Rule,
    Unknown,
    as_champion,
    because,
    challenger,
    finite,
    limit,
)
from evergreen.judging.figures import figure, figures, interval, listed, plain, signed
from evergreen.judging.influence import OF_CLASSES
from evergreen.judging.units import FEWEST
from evergreen.learning.models import TOLERANCE
from evergreen.refs import REFRESH
from evergreen.spec import Gate, Kind, bound, is_worse

MODEL_TESTS = ("shape", "valid_values", "probabilities", "one_row", "extreme_values", "same_twice")
"""The tests of the model that must have been done; `model_tests` does them."""


def rules(gate: Gate, evidence: Evidence) -> Iterator[tuple[str, Rule]]:
    """Yield the checks of the recipes that the declaration asks for."""
    yield "holdout_size", holdout_size
    yield "overlap", overlap
    if gate.max_single_feature is not None and not evidence.subject.sentences:
        yield "leak", promises.leak
    for metric in gate.floors:
        yield f"floor_{metric}", partial(floor, metric=metric)
    yield "beats_baseline", beats_baseline
    yield "better_than_champion", better_than_champion
    if evidence.subject.slices:
        yield "slices", slices
    if gate.max_calibration_error is not None:
        yield "calibration", calibration
    if evidence.subject.interval is not None:
        yield "coverage", promises.coverage
    for declared in gate.fairness:
        name = f"fairness_{declared.slice}_{declared.rate}"
        yield name, partial(promises.fairness, declared=declared)
    if gate.min_business is not None:
        yield "business", promises.business
    for own in gate.checks:
        yield f"own_{own.__name__}", partial(promises.own, declared=own)


def fit_rules(gate: Gate, evidence: Evidence) -> Iterator[tuple[str, Rule]]:
    """Yield the checks of the fit that is to serve, which need no unseen label."""
    yield "schema", schema
    yield "golden", golden
    yield "model_quality", model_quality
    yield "latency", latency
    yield "size", size
    if (
        evidence.fit is not None
        and evidence.fit.kind == REFRESH
        and gate.max_disagreement is not None
    ):
        yield "agreement", refreshing.agreement
    if (
        evidence.fit is not None
        and evidence.fit.label is not None
        and gate.max_label_shift is not None
    ):
        yield "labels", refreshing.labels


def holdout_size(gate: Gate, evidence: Evidence) -> Outcome:
    """Few held-out rows prove nothing."""
    rows, least = evidence.holdout.rows, max(1, int(limit(gate, "min_rows")))
    if rows < least:
        return False, f"the holdout has {rows:,} rows, fewer than {least:,}"
    return True, f"the holdout has {rows:,} rows (at least {least:,})"


def overlap(_gate: Gate, evidence: Evidence) -> Outcome:
    """No judged row was seen by the fits that answered it, the challenger's or the champion's."""
    known = {found.model: found for found in evidence.overlap}
    champion = evidence.champion
    roles = [Role.CHALLENGER] + [Role.CHAMPION] * bool(champion and not champion.problem)
    for role in roles:
        if role not in known or known[role].rows is None:
            why = known[role].how if role in known else "nobody looked"
            raise Unknown(f"whether the {role} was trained on held-out rows is unknown: {why}")
        if known[role].rows:
            return False, f"the {role} was trained on {known[role].rows:,} of the held-out rows"
    return True, f"no held-out row was in the training of the {listed(roles)}"


def schema(_gate: Gate, evidence: Evidence) -> Outcome:
    """The data still has every column that the challenger takes, of the same type."""
    found = evidence.schema
    if found is None or not found.takes:
        raise Unknown(f"which columns {challenger(evidence)} takes is unknown{because(evidence)}")
    missing = [name for name in found.takes if name not in found.offered]
    if missing:
        return False, f"{challenger(evidence)} takes {listed(missing)}, which the data lacks"
    for name, kind in found.takes.items():
        if found.offered[name] != kind:
            return False, f"column {name} is {found.offered[name]}, the challenger learned {kind}"
    return True, f"the data has all {len(found.takes)} columns that the challenger takes"


def floor(gate: Gate, evidence: Evidence, *, metric: str) -> Outcome:
    """The metric is no worse than its threshold."""
    value = _metric(evidence.challenger, metric)
    threshold = finite(gate.floors[metric], f"the floor of {metric}")
    found, allowed = figures(value, threshold)
    more = _more_is_better(evidence, metric)
    name, side = bound(more), "below" if more else "above"
    if is_worse(value, threshold, more_is_better=more):
        who = challenger(evidence)
        theirs = evidence.champion.metrics.get(metric) if evidence.champion else None
        both = as_champion(gate, evidence, value, theirs, threshold, more_is_better=more)
        if both:
            return True, f"{who} is {side} the {name} on {metric}, {found} against {allowed}{both}"
        return False, f"{who} is {side} the {name} on {metric}: {found} against {allowed}"
    return True, f"{metric} is {found}, not {side} the {name} {allowed}"


def beats_baseline(gate: Gate, evidence: Evidence) -> Outcome:
    """The challenger is better than the best baseline.

    Beyond doubt, unless the gate asks for no more than the estimate; the doubt is told.
    """
    if not evidence.baselines:
        raise Unknown("no baseline was scored; declare one in baselines=")
    sign = 1 if _more_is_better(evidence, gate.metric) else -1
    best = max(evidence.baselines, key=lambda model: sign * _metric(model, gate.metric))
    found = _judged(evidence.against_baseline, evidence, gate, f"the baseline {best.name}")
    if found.other != best.name:
        raise Unknown(f"compared with {found.other}, but the best baseline is {best.name}")
    words = f"{signed(found.estimate)} ({interval(found)}{_doubt(found)})"
    who = challenger(evidence)
    if found.estimate <= 0:
        return False, f"{who} is not better than the baseline {best.name} on {gate.metric}: {words}"
    if gate.beat_baseline_surely and found.low <= 0:
        return False, f"{who} may be no better than {best.name} on {gate.metric}: {words}"
    return True, f"better than the best baseline, {best.name}, on {gate.metric}: {words}"


def _doubt(found: Difference) -> str:
    if found.high < 0:
        return ", all of it worse"
    return "" if found.low > 0 else ", which includes 0"


def better_than_champion(gate: Gate, evidence: Evidence) -> Outcome:
    """The interval of challenger − champion lies above the improvement asked for."""
    version, champion = evidence.champion_version, evidence.champion
    if version is None:
        return True, "first champion: only the floors count"
    if champion is None:
        raise Unknown(f"champion v{version} was not scored")
    who = challenger(evidence)
    if champion.problem:
        raise Unknown(
            f"the recipe of champion v{version} could not be walked: {champion.problem}; a person"
            " may let the challenger take over (evergreen promote --force --reason)"
        )
    if champion.recipe == evidence.challenger.recipe:
        return False, f"{who} is the recipe in charge, and there is no other"
    found = _judged(evidence.against_champion, evidence, gate, f"champion v{version}")
    least = limit(gate, "min_improvement")
    range_, bar = interval(found, least), plain(least)
    words = f"on {gate.metric}: {signed(found.estimate)} ({range_} must lie above {bar})"
    if found.low <= least:
        return False, f"{who} is not better {words}"
    return True, f"better than champion v{version} {words}"


def slices(gate: Gate, evidence: Evidence) -> Outcome:
    """No slice is surely much worse than with the champion (without one: than the floor).

    What has too few rows is shown, not judged; what may be much worse or not is told.
    """
    tolerance, judged, unclear, few = limit(gate, "slice_tolerance"), 0, [], []
    for where, score in _values(evidence):
        compared = _in_slice(evidence, where, score)
        if score.rows < gate.min_slice_rows or not compared:
            few.append(where)
        for metric, found in compared.items() if where not in few else ():
            judged += 1
            if found.high < -tolerance:
                return False, _worse(evidence, where, score, metric, found, tolerance)
            if found.low < -tolerance:
                unclear.append(where)
    words = [f"no slice is surely worse by more than {tolerance:g} (compared: {judged})"]
    words += [f"too few rows to tell: {listed(unclear)}"] * bool(unclear)
    words += [f"not judged, as nothing can be told: {listed(few)}"] * bool(few)
    return True, "; ".join(words)


def _values(evidence: Evidence) -> Iterator[tuple[str, SliceScore]]:
    for name in evidence.subject.slices:
        scores = evidence.challenger.slices.get(name)
        if not scores:
            raise Unknown(f"the slices of {name} are unknown{because(evidence)}")
        yield from ((f"{name} = {value}", score) for value, score in scores.items())


def _in_slice(evidence: Evidence, where: str, score: SliceScore) -> Mapping[str, Difference]:
    """Return the differences by metric that have an interval."""
    if score.against is None:
        other = "the floor" if evidence.champion_version is None else "the champion"
        raise Unknown(f"the comparison with {other} in {where} is unknown{because(evidence)}")
    return {m: d for m, d in score.against.items() if math.isfinite(d.low + d.high)}


def _worse(
    evidence: Evidence, where: str, score: SliceScore, metric: str, found: Difference, most: float
) -> str:
    ours = figure(score.metrics.get(metric))
    return (
        f"{challenger(evidence)} is much worse than {found.other} in {where} ({score.rows} rows):"
        f" {metric} {ours}, {signed(found.estimate)} ({interval(found, -most)}, all of it below"
        f" {plain(-most)})"
    )


def calibration(gate: Gate, evidence: Evidence) -> Outcome:
    """A probability means what it says."""
    what = f"the calibration error of {challenger(evidence)}"
    error = finite(evidence.challenger.calibration_error, what, because(evidence))
    most = limit(gate, "max_calibration_error")
    found, allowed = figures(error, most)
    if error > most:
        theirs = evidence.champion.calibration_error if evidence.champion else None
        both = as_champion(gate, evidence, error, theirs, most, more_is_better=False)
        return bool(both), (
            f"the probabilities of {challenger(evidence)} are off by {found} on average,"
            f" more than {allowed}{both}"
        )
    return True, f"the probabilities are off by {found} on average (at most {allowed})"


def golden(_gate: Gate, evidence: Evidence) -> Outcome:
    """The bytes in the store answer as the model did on the day it was trained."""
    if evidence.golden_difference == math.inf:
        return False, "the stored model knows other classes than its golden predictions"
    why = f": {evidence.golden_problem}" if evidence.golden_problem else because(evidence)
    off = finite(evidence.golden_difference, "whether it reproduces its golden predictions", why)
    if off > TOLERANCE:
        return False, f"the stored model is off its golden predictions by {figure(off)}"
    return True, f"the stored model reproduces its golden predictions (off by {off:.1g})"


def model_quality(_gate: Gate, evidence: Evidence) -> Outcome:
    """The model behaves: on one row, on extreme values, twice the same ..."""
    tests = {test.name: test for test in evidence.model_tests}
    for test in evidence.model_tests:
        if test.passed is False:
            return False, f"{challenger(evidence)} fails {test.name}: {test.detail}"
    for name in MODEL_TESTS:
        if name not in tests or tests[name].passed is not True:
            why = tests[name].detail if name in tests else f"not done{because(evidence)}"
            raise Unknown(f"test {name} of the model: {why}")
    return True, f"passed {len(tests)} tests: {listed(tests)}"


def latency(gate: Gate, evidence: Evidence) -> Outcome:
    """One answer is quick enough."""
    found = finite(evidence.latency_ms, "the time of one answer", because(evidence))
    return _at_most(found, limit(gate, "max_latency_ms"), "one answer takes", "ms", 1)


def size(gate: Gate, evidence: Evidence) -> Outcome:
    """The model file is small enough to be served."""
    found = finite(evidence.size_bytes, "the size of the model", because(evidence)) / 1e6
    return _at_most(found, limit(gate, "max_size_mb"), "the model takes", "MB", 3)


def _at_most(found: float, most: float, what: str, unit: str, digits: int) -> Outcome:
    got, allowed = figures(found, most, digits)
    if found > most:
        return False, f"{what} {got} {unit}, more than {allowed} {unit}"
    return True, f"{what} {got} {unit} (at most {allowed} {unit})"


def _more_is_better(evidence: Evidence, metric: str) -> bool:
    return evidence.subject.directions[metric]


def _metric(model: ScoredModel, metric: str) -> float:
    why = f" (could not be scored: {model.problem})" if model.problem else ""
    return finite(model.metrics.get(metric), f"{metric} of {model.name}", why)


def _judged(found: Difference | None, evidence: Evidence, gate: Gate, other: str) -> Difference:
    """Return the comparison, if it is the one that the gate asks for."""
    if found is None:
        raise Unknown(f"the comparison with {other} is unknown")
    asked = (gate.metric, gate.confidence, gate.resamples)
    if (found.metric, found.confidence, found.resamples) != asked:
        raise Unknown(f"the comparison with {other} was made for another gate: {found.metric}")
    finite(found.estimate, f"the {gate.metric} against {other}")
    if not math.isfinite(found.low + found.high):
        raise Unknown(_unsure(evidence, gate, other))
    return found


def _unsure(evidence: Evidence, gate: Gate, other: str) -> str:
    """Say that how far a difference may be off is unknown, why, and what a person can do."""
    words = f"how far the {gate.metric} against {other} may be off is unknown"
    if evidence.subject.kind is Kind.BINARY and gate.metric in OF_CLASSES:
        rare = "called positive" if gate.metric == "precision" else "of the rarer class"
        words += (
            f", as the {evidence.holdout.rows:,} judged rows have fewer than {FEWEST} {rare},"
            f" or on fewer than {FEWEST} days or in fewer groups: judge more of them by a"
            " longer windows.holdout, or wait for more"
        )
    return (
        f"{words}; a person may let the challenger take over (evergreen promote --force --reason)"
    )

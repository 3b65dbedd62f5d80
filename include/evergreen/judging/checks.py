"""The checks of the gate: small rules over the evidence, each pure.

A rule returns whether it passed, and the reason in words with its figures. It raises `Unknown`
when a fact is missing or is no number; unknown is not passed.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial

from evergreen.judging import promises
from evergreen.judging.evidence import Difference, Evidence, Role, ScoredModel
from evergreen.judging.facts import Outcome, Rule, Unknown, because, challenger, finite, limit
from evergreen.judging.figures import figure, figures, interval, listed, signed
from evergreen.spec import METRICS, Gate, bound

GOLDEN_TOLERANCE = 1e-6
"""Far above what another order of summation does, far below what another model does."""
MODEL_TESTS = ("shape", "valid_values", "probabilities", "one_row", "extreme_values", "same_twice")
"""The tests of the model that must have been done; `model_tests` does them."""


def rules(gate: Gate, evidence: Evidence) -> Iterator[tuple[str, Rule]]:
    """Yield the checks that the declaration asks for: all of them but slices and calibration."""
    yield "holdout_size", holdout_size
    yield "overlap", overlap
    yield "schema", schema
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
    yield "golden", golden
    yield "model_quality", model_quality
    yield "latency", latency
    yield "size", size


def holdout_size(gate: Gate, evidence: Evidence) -> Outcome:
    """Few held-out rows prove nothing."""
    rows, least = evidence.holdout.rows, max(1, int(limit(gate, "min_rows")))
    if rows < least:
        return False, f"the holdout has {rows:,} rows, fewer than {least:,}"
    return True, f"the holdout has {rows:,} rows (at least {least:,})"


def overlap(_gate: Gate, evidence: Evidence) -> Outcome:
    """No held-out row was in the training of the challenger or of the champion."""
    known = {found.model: found for found in evidence.overlap}
    roles = [Role.CHALLENGER] + [Role.CHAMPION] * (evidence.champion_version is not None)
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
    if value < threshold if more else value > threshold:
        who = challenger(evidence)
        return False, f"{who} is {side} the {name} on {metric}: {found} against {allowed}"
    return True, f"{metric} is {found}, not {side} the {name} {allowed}"


def beats_baseline(gate: Gate, evidence: Evidence) -> Outcome:
    """The challenger is better than the best baseline.

    By the estimate, unless the gate asks to be sure: a first champion on few rows need not be
    better beyond doubt, as it has the floors to pass too. The doubt is told.
    """
    if not evidence.baselines:
        raise Unknown("no baseline was scored; declare one in baselines=")
    sign = 1 if _more_is_better(evidence, gate.metric) else -1
    best = max(evidence.baselines, key=lambda model: sign * _metric(model, gate.metric))
    found = _judged(evidence.against_baseline, gate, f"the baseline {best.name}")
    if found.other != best.name:
        raise Unknown(f"compared with {found.other}, but the best baseline is {best.name}")
    doubt = "" if found.low > 0 else ", which includes 0"
    words = f"{signed(found.estimate)} ({interval(found)}{doubt})"
    if found.estimate <= 0:
        who = challenger(evidence)
        return False, f"{who} is not better than the baseline {best.name} on {gate.metric}: {words}"
    if gate.beat_baseline_surely and found.low <= 0:
        who = challenger(evidence)
        return False, f"{who} may be no better than {best.name} on {gate.metric}: {words}"
    return True, f"better than the best baseline, {best.name}, on {gate.metric}: {words}"


def better_than_champion(gate: Gate, evidence: Evidence) -> Outcome:
    """The interval of challenger − champion lies above the improvement asked for."""
    version, champion = evidence.champion_version, evidence.champion
    if version is None:
        return True, "first champion: only the floors count"
    if champion is None:
        raise Unknown(f"champion v{version} was not scored")
    who = challenger(evidence)
    if champion.sha256 == evidence.challenger.sha256:
        return False, f"{who} is champion v{version} already: nothing new to promote"
    if champion.problem:
        raise Unknown(f"champion v{version} could not be scored: {champion.problem}")
    found = _judged(evidence.against_champion, gate, f"champion v{version}")
    least = limit(gate, "min_improvement")
    words = (
        f"on {gate.metric}: {signed(found.estimate)} ({interval(found)} must lie above {least:g})"
    )
    if found.low <= least:
        return False, f"{who} is not better {words}"
    return True, f"better than champion v{version} {words}"


def slices(gate: Gate, evidence: Evidence) -> Outcome:
    """No slice is much worse than with the champion (without one: than the floor)."""
    judged, tolerance = 0, limit(gate, "slice_tolerance")
    for name in evidence.subject.slices:
        scores = evidence.challenger.slices.get(name, {})
        large = {value: s for value, s in scores.items() if s.rows >= gate.min_slice_rows}
        if not large:
            raise Unknown(
                f"no slice of {name} has {gate.min_slice_rows} held-out rows"
                f"{because(evidence)}; lower min_slice_rows or cut less finely"
            )
        for value, metric, reference, whose in _references(gate, evidence, name, list(large)):
            where = f"in {name} = {value} ({large[value].rows} rows)"
            ours = finite(large[value].metrics.get(metric), f"{metric} {where}")
            judged += 1
            sign = 1 if _more_is_better(evidence, metric) else -1
            if sign * (reference - ours) > tolerance:
                found, expected = figures(ours, reference)
                return False, (
                    f"{challenger(evidence)} is much worse {where}: {metric} {found} against"
                    f" {expected} of {whose}, tolerance {tolerance:g}"
                )
    return True, f"no slice is worse by more than {tolerance:g} (compared: {judged})"


def _references(
    gate: Gate, evidence: Evidence, name: str, values: Sequence[str]
) -> Iterator[tuple[str, str, float, str]]:
    """Yield (value, metric, what it must reach, whose figure that is) of each slice."""
    version, champion, metric = evidence.champion_version, evidence.champion, gate.metric
    if version is None:
        metrics = [metric] if metric in gate.floors else list(gate.floors)
        floors = {m: finite(gate.floors[m], f"the floor of {m}") for m in metrics}
        yield from ((v, m, floors[m], "the floor") for v in values for m in metrics)
        return
    for value in values:
        score = champion.slices.get(name, {}).get(value) if champion else None
        what = f"{metric} of champion v{version} in {name} = {value}"
        reference = finite(score.metrics.get(metric) if score else None, what)
        yield value, metric, reference, f"champion v{version}"


def calibration(gate: Gate, evidence: Evidence) -> Outcome:
    """A probability means what it says."""
    what = f"the calibration error of {challenger(evidence)}"
    error = finite(evidence.challenger.calibration_error, what, because(evidence))
    most = limit(gate, "max_calibration_error")
    found, allowed = figures(error, most)
    if error > most:
        return False, (
            f"the probabilities of {challenger(evidence)} are off by {found} on average,"
            f" more than {allowed}"
        )
    return True, f"the probabilities are off by {found} on average (at most {allowed})"


def golden(_gate: Gate, evidence: Evidence) -> Outcome:
    """The bytes in the store answer as the model did on the day it was trained."""
    if evidence.golden_difference == math.inf:
        return False, "the stored model knows other classes than its golden predictions"
    why = f": {evidence.golden_problem}" if evidence.golden_problem else because(evidence)
    off = finite(evidence.golden_difference, "whether it reproduces its golden predictions", why)
    if off > GOLDEN_TOLERANCE:
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
    most = limit(gate, "max_latency_ms")
    if found > most:
        return False, f"one answer takes {found:.1f} ms, more than {most:g} ms"
    return True, f"one answer takes {found:.1f} ms (at most {most:g} ms)"


def size(gate: Gate, evidence: Evidence) -> Outcome:
    """The model file is small enough to be served."""
    found = finite(evidence.size_bytes, "the size of the model", because(evidence)) / 1e6
    most = limit(gate, "max_size_mb")
    if found > most:
        return False, f"the model takes {found:.2f} MB, more than {most:g} MB"
    return True, f"the model takes {figure(found)} MB (at most {most:g} MB)"


def _more_is_better(evidence: Evidence, metric: str) -> bool:
    return METRICS[evidence.subject.kind][metric]


def _metric(model: ScoredModel, metric: str) -> float:
    why = f" (could not be scored: {model.problem})" if model.problem else ""
    return finite(model.metrics.get(metric), f"{metric} of {model.name}", why)


def _judged(found: Difference | None, gate: Gate, other: str) -> Difference:
    """Return the comparison, if it is the one that the gate asks for."""
    if found is None:
        raise Unknown(f"the comparison with {other} is unknown")
    asked = (gate.metric, gate.confidence, gate.resamples)
    if (found.metric, found.confidence, found.resamples) != asked:
        raise Unknown(f"the comparison with {other} was made for another gate: {found.metric}")
    for name in ("estimate", "low", "high"):
        finite(getattr(found, name), f"the {gate.metric} against {other} ({name} of the interval)")
    return found

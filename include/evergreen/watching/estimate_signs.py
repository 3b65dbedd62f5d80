"""What estimates mean that were made without labels: notes, or as good as labels if trusted."""

from collections.abc import Iterator

from evergreen.judging.figures import figure
from evergreen.refs import Band, Outcome
from evergreen.spec import Monitoring, bound
from evergreen.watching.estimate_facts import EstimateFacts
from evergreen.watching.facts import Facts, MetricFacts
from evergreen.watching.sign import NOTE, Sign


def estimates(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """What the live metrics probably are, without labels; and where labels told otherwise."""
    found = facts.estimate
    if found is None:
        return
    if found.problem and monitoring.trust_estimate:
        yield Sign(Outcome.UNKNOWN, f"no metric can be estimated: {found.problem}")
    if found.outside:
        severity = Outcome.UNKNOWN if monitoring.trust_estimate else NOTE
        yield Sign(severity, f"what was estimated without labels is {found.outside.sentence}")
    severity = Outcome.CRITICAL if monitoring.trust_estimate else NOTE
    for sentence in estimated_shortfalls(facts):
        yield Sign(severity, sentence)
    for metric in facts.quality.metrics if facts.quality else ():
        yield from _otherwise(metric, found, facts.alpha)


def _otherwise(metric: MetricFacts, found: EstimateFacts, alpha: float) -> Iterator[Sign]:
    """Labels told otherwise than was estimated of the same answers."""
    told = found.of_labelled(metric.name)
    if told is None or metric.live is None:
        return
    if abs(metric.live - told.estimate.value) <= told.estimate.room(alpha / 2):
        return
    why = "what rows mean may have changed, which no estimate sees"
    if told.outside and told.extrapolated:
        why = f"{told.outside.sentence}, or {why}"
    yield Sign(
        NOTE,
        f"{metric.name} is {figure(metric.live)} by labels, and without them the same answers would"
        f" have it at {_banded(told.band)}: {why}",
    )


def estimated_shortfalls(facts: Facts) -> list[str]:
    """Return the metrics that probably are beyond their floors, by the band of the estimate."""
    return [
        f"without labels, {metric.name} is estimated at {_banded(metric.band)}; the gate's"
        f" {bound(metric.more_is_better)} is {figure(metric.floor)}"
        for metric in (facts.estimate.metrics if facts.estimate else ())
        if metric.is_beyond(facts.alpha)
    ]


def _banded(band: Band) -> str:
    return f"{figure(band.value)} ({figure(band.low)} to {figure(band.high)})"

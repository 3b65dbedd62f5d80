"""What estimates mean that were made without labels: notes, or as good as labels if trusted."""

from collections.abc import Iterator

from evergreen.judging.figures import figure
from evergreen.refs import Band, Outcome
from evergreen.spec import Monitoring, bound
from evergreen.watching.facts import Facts
from evergreen.watching.sign import NOTE, Sign


def estimates(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """What the live metrics probably are, without labels; and where labels told otherwise."""
    found = facts.estimate
    if found is None:
        return
    if found.problem and monitoring.trust_estimate:
        yield Sign(Outcome.UNKNOWN, f"no metric can be estimated: {found.problem}")
    severity = Outcome.CRITICAL if monitoring.trust_estimate else NOTE
    for sentence in estimated_shortfalls(facts):
        yield Sign(severity, sentence)
    for metric in facts.quality.metrics if facts.quality else ():
        told = found.of_labelled(metric.name)
        if told is None or metric.live is None:
            continue
        if abs(metric.live - told.estimate.value) > told.estimate.room(facts.alpha / 2):
            yield Sign(
                NOTE,
                f"{metric.name} is {figure(metric.live)} by labels, and by the probabilities of the"
                f" same answers it would be {_banded(told.band)}: what rows mean may have changed,"
                " which no estimate sees",
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

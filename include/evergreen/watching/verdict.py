"""What the facts mean: calm, warning, critical or unknown, each alarm in a sentence.

    judged = judge(facts, use_case.monitoring, metric="roc_auc")
    judged.outcome, judged.sentence, judged.alarms

A tuple of small predicates, each from facts to findings. The worst finding decides; a window in
which something essential could not be measured is unknown, unless something else alarms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

from evergreen.judging.figures import figure, listed
from evergreen.refs import Outcome
from evergreen.spec import Monitoring, bound
from evergreen.watching.facts import ColumnFacts, Facts, MetricFacts

NOTE = "note"
"""Told, and without a say in the outcome."""
ORDER = (Outcome.CRITICAL, Outcome.WARNING, Outcome.UNKNOWN, NOTE)


@dataclass(frozen=True)
class Sign:
    """One thing that a person should know."""

    severity: str
    sentence: str


@dataclass(frozen=True)
class Judged:
    """The outcome of a window."""

    outcome: str
    sentence: str
    findings: tuple[Sign, ...]

    @property
    def alarms(self) -> tuple[str, ...]:
        """What alarms, the worst first."""
        return self._told(Outcome.CRITICAL, Outcome.WARNING)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """What could not be measured."""
        return self._told(Outcome.UNKNOWN, NOTE)

    def _told(self, *severities: str) -> tuple[str, ...]:
        return tuple(f.sentence for f in self.findings if f.severity in severities)


Predicate = Callable[[Facts, Monitoring], Iterator[Sign]]


def judge(facts: Facts, monitoring: Monitoring) -> Judged:
    """Judge the facts of a window."""
    found = [finding for rule in RULES for finding in rule(facts, monitoring)]
    found.sort(key=lambda finding: ORDER.index(finding.severity))
    severities = {finding.severity for finding in found} - {NOTE}
    outcome = min(severities, key=ORDER.index, default=Outcome.CALM)
    return Judged(outcome, _sentence(outcome, facts, found), tuple(found))


def nothing_compared(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """No champion, no reference, or too few rows."""
    if facts.problem:
        yield Sign(Outcome.UNKNOWN, facts.problem)


def columns_drift(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """The share of drifted columns decides how bad it is."""
    share = facts.drift_share
    if not share:
        return
    critical = share > monitoring.critical_share
    names = listed(f"{c.name} ({figure(c.distance)}, limit {figure(c.threshold)})"
                   for c in facts.drifted)  # fmt: skip
    weighted = facts.weighted_share
    weight = "" if weighted is None else f"; {weighted:.0%} by their importance to the champion"
    yield Sign(
        Outcome.CRITICAL if critical else Outcome.WARNING,
        f"{len(facts.drifted)} of {len(facts.compared)} columns drifted ({share:.0%}{weight}):"
        f" {names}",
    )


def columns_unmeasured(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """A column that is missing or empty is not "no drift"."""
    for column in facts.columns:
        if column.problem:
            yield Sign(Outcome.UNKNOWN, column.problem)


def nulls(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """More values are missing than in training."""
    for column in facts.columns:
        if not column.rows or column.absent == column.rows:
            continue
        rate, was = column.nulls / column.rows, _share(column)
        if rate - was > monitoring.max_nulls and column.more_nulls < facts.alpha:
            yield Sign(
                Outcome.WARNING,
                f"{column.name} is null in {rate:.1%} of the rows; in training {was:.1%}",
            )


def infinities(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """Infinite values are not compared, so they are told."""
    for column in facts.columns:
        if column.infinite:
            yield Sign(Outcome.WARNING, f"{column.name} is infinite in {column.infinite} rows")


def unseen_categories(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Categories that the champion has never seen."""
    for column in facts.columns:
        if not column.unseen:
            continue
        rate = column.unseen / column.rows
        if rate > monitoring.max_unseen and column.more_unseen < facts.alpha:
            yield Sign(
                Outcome.WARNING,
                f"{column.name} holds categories that training never saw in {rate:.1%} of the"
                f" rows, such as {listed(repr(value) for value in column.unseen_values)}",
            )


def answers_drift(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """The champion answers otherwise than it did on its snapshot."""
    outputs = facts.outputs
    if outputs and outputs.drifted:
        yield Sign(
            Outcome.WARNING,
            f"the predictions drifted (distance {figure(outputs.distance)},"
            f" limit {figure(outputs.threshold)})",
        )
    if outputs and outputs.problem:
        yield Sign(Outcome.UNKNOWN, outputs.problem)


def answers_few(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Just after a promotion most answers are the predecessor's."""
    if facts.origin and not facts.problem and facts.champion_rows < monitoring.min_rows:
        yield Sign(
            NOTE,
            f"version {facts.origin.version} gave only {facts.champion_rows} of the"
            f" {facts.rows} answers: its predictions were not compared",
        )


def confidence(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Less sure than allowed, and than it was: a model that is never sure does not alarm always."""
    outputs, least = facts.outputs, monitoring.min_confidence
    if outputs is None or least is None or outputs.confidence is None:
        return
    usual = outputs.usual_confidence
    if usual is None or outputs.confidence >= least:
        return
    fallen = outputs.confidence + _z(facts) * outputs.confidence_error < usual
    sentence = f"mean top probability {figure(outputs.confidence)}, limit {figure(least)}"
    if fallen:
        yield Sign(Outcome.WARNING, f"{sentence}; on its snapshot it was {figure(usual)}")
    else:
        yield Sign(NOTE, f"{sentence}, but the champion was never surer ({figure(usual)})")


def volume(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Far more or fewer requests than usual."""
    usual, factor = facts.usual_rows, monitoring.volume_factor
    if not usual or factor is None or not facts.origin:
        return
    if facts.rows * factor < usual or facts.rows > usual * factor:
        yield Sign(
            Outcome.UNKNOWN if facts.problem else Outcome.WARNING,
            f"{facts.rows:,} predictions were logged; in the windows before, {usual:,.0f}",
        )


def drops(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """What was answered and not logged cannot be watched."""
    if facts.dropped:
        yield Sign(
            NOTE, f"{facts.dropped:,} predictions of the service were answered and not logged"
        )


def quality(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """The live metric against the gate's floor and against the holdout's."""
    if facts.quality is None:
        return
    for metric in facts.quality.metrics:
        yield from _metric(metric, facts)
    if facts.quality.problem:
        yield Sign(NOTE, facts.quality.problem)


def _metric(metric: MetricFacts, facts: Facts) -> Iterator[Sign]:
    if metric.live is None or facts.quality is None:
        return
    sign, z = (1 if metric.more_is_better else -1), _z(facts)
    said = f"{metric.name} is {figure(metric.live)} on {facts.quality.labelled:,} labels"
    if metric.floor is not None and sign * (metric.live - metric.floor) + z * metric.error < 0:
        word = bound(metric.more_is_better)
        yield Sign(Outcome.CRITICAL, f"{said}; the gate's {word} is {figure(metric.floor)}")
    elif metric.holdout is not None:
        error = (metric.error**2 + metric.holdout_error**2) ** 0.5
        if sign * (metric.live - metric.holdout) + z * error < 0:
            yield Sign(Outcome.WARNING, f"{said}; on the holdout it was"
                                           f" {figure(metric.holdout)}")  # fmt: skip


RULES: tuple[Predicate, ...] = (
    nothing_compared, quality, columns_drift, columns_unmeasured, nulls, infinities,
    unseen_categories, answers_drift, confidence, volume, drops, answers_few,
)  # fmt: skip


def _z(facts: Facts) -> float:
    """Return how many standard errors a difference must have, for one false alarm in 1/alpha."""
    return NormalDist().inv_cdf(1 - facts.alpha) if facts.alpha else 0.0


def _share(column: ColumnFacts) -> float:
    return column.reference_nulls / column.reference_rows if column.reference_rows else 0.0


def _sentence(outcome: str, facts: Facts, findings: list[Sign]) -> str:
    told = [f.sentence for f in findings if f.severity == outcome]
    if outcome != Outcome.CALM:
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        return f"{outcome.capitalize()}: {told[0]}{more}."
    live = next((m for m in (facts.quality.metrics if facts.quality else ()) if m.live), None)
    quality = f"; live {live.name} {figure(live.live)}" if live else ""
    return (
        f"Calm: none of {len(facts.compared)} columns drifted in"
        f" {facts.rows:,} predictions{quality}."
    )

"""What the facts mean: calm, warning, critical or unknown, each alarm in a sentence.

    judged = judge(facts, use_case.monitoring, metric="roc_auc")
    judged.outcome, judged.sentence, judged.alarms

A tuple of small predicates, each from facts to findings. The worst finding decides; a window in
which something essential could not be measured is unknown, unless something else alarms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

from scipy.stats import t

from evergreen.judging.differences import LATELY
from evergreen.judging.figures import figure, listed
from evergreen.refs import Outcome
from evergreen.spec import Monitoring, bound
from evergreen.watching.calibration import LEAST_BLOCKS
from evergreen.watching.estimate_signs import estimated_shortfalls, estimates
from evergreen.watching.facts import ColumnFacts, Facts, MetricFacts
from evergreen.watching.sign import NOTE, Sign

ORDER = (Outcome.CRITICAL, Outcome.WARNING, Outcome.UNKNOWN, NOTE)


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
    """No champion, no reference, too few rows; or neither a column, answers nor labels."""
    if facts.problem:
        yield Sign(Outcome.UNKNOWN, facts.problem)
        return
    answers = facts.outputs and facts.outputs.distance is not None
    labels = any(
        metric.live is not None for metric in (facts.quality.metrics if facts.quality else ())
    )
    if not (facts.compared or answers or labels):
        yield Sign(Outcome.UNKNOWN, "no column, no answers and no labels could be compared")


def columns_drift(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """The share of drifted columns decides how bad it is."""
    share = facts.drift_share
    if not share:
        return
    severity = Outcome.CRITICAL if share > monitoring.critical_share else Outcome.WARNING
    names = [
        f"{c.name} ({figure(c.distance)}, limit {figure(c.threshold)}{_against(c.basis)})"
        for c in facts.drifted
    ]
    weighted = facts.weighted_share
    weight = "" if weighted is None else f"; {weighted:.0%} by their importance to the champion"
    basis = _against(facts.together.basis if facts.together else "")
    only = [f"only together {pair.sentence}{basis}" for pair in facts.pairs]
    yield Sign(
        severity,
        f"{len(facts.changed)} of {len(facts.compared)} columns drifted ({share:.0%}{weight}):"
        f" {'; '.join([*([listed(names)] if names else []), *only])}",
    )


def drift_is_critical(facts: Facts, monitoring: Monitoring) -> bool:
    """Tell whether the drift of columns and answers alone is critical, whatever else is."""
    signs = [*columns_drift(facts, monitoring), *answers_drift(facts, monitoring)]
    return any(map(_is_critical, signs))


def pairs_unmeasured(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """How columns go together is told, or why it is not."""
    if facts.together and facts.together.problem:
        yield Sign(NOTE, f"how columns go together was not compared: {facts.together.problem}")


def perhaps_drift(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """Further than windows of the past, of which there are too few of the season to call it so."""
    usual = facts.usual
    if facts.perhaps and usual:
        yield Sign(
            Outcome.UNKNOWN,
            f"whether {listed(facts.perhaps)} drifted is not known: further from the reference than"
            f" usual, but history holds {usual.blocks} such windows, {usual.of_season} of this"
            f" season, and it takes {usual.needed}, {LEAST_BLOCKS} of this season",
        )


def independent_rows(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """Without a history to tell what is usual, rows are taken for independent."""
    if facts.usual and facts.usual.problem:
        yield Sign(NOTE, f"drift was judged as if rows were independent: {facts.usual.problem}")


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
    """The champion answers otherwise than it did on its snapshot, whatever single columns do."""
    outputs = facts.outputs
    if outputs and outputs.drifted:
        yield Sign(
            Outcome.CRITICAL,
            f"the predictions drifted (distance {figure(outputs.distance)},"
            f" limit {figure(outputs.threshold)}{_against(outputs.basis)})",
        )
    if outputs and outputs.problem:
        yield Sign(Outcome.UNKNOWN, outputs.problem)


def answers_few(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Just after a promotion most answers are the predecessor's."""
    if facts.origin and not facts.problem and facts.champion_rows < monitoring.min_rows:
        yield Sign(
            NOTE,
            f"version {facts.origin.version} and those that it refreshed gave only"
            f" {facts.champion_rows} of the {facts.rows} answers: its predictions were not"
            " compared",
        )


def confidence(facts: Facts, monitoring: Monitoring) -> Iterator[Sign]:
    """Less sure than allowed, and than it was: a model that is never sure does not alarm always."""
    outputs, least = facts.outputs, monitoring.min_confidence
    if outputs is None or least is None or outputs.confidence is None:
        return
    usual = outputs.usual_confidence
    if usual is None or outputs.confidence >= least:
        return
    sentence = f"mean top probability {figure(outputs.confidence)}, limit {figure(least)}"
    if _has_fallen(facts):
        yield Sign(Outcome.WARNING, f"{sentence}; on its snapshot it was {figure(usual)}")
    else:
        yield Sign(NOTE, f"{sentence}, but the champion was never surer ({figure(usual)})")


def unsure(facts: Facts) -> str:
    """Say that the champion is surely less sure than it usually was, however sure; empty: no."""
    outputs = facts.outputs
    if outputs is None or not outputs.sure or not _has_fallen(facts):
        return ""
    return (
        f"mean top probability {figure(outputs.confidence)}; it usually was"
        f" {figure(outputs.usual_confidence)}"
    )


def _has_fallen(facts: Facts) -> bool:
    outputs = facts.outputs
    if outputs is None or outputs.confidence is None or outputs.usual_confidence is None:
        return False
    room = _z(facts) * outputs.confidence_error
    return outputs.confidence + room < outputs.usual_confidence


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
    """The live metrics against every floor of the gate and the band of the walk forward."""
    yield from shortfalls(facts)
    if facts.quality and facts.quality.problem:
        yield Sign(NOTE, facts.quality.problem)


def poor(facts: Facts, monitoring: Monitoring) -> list[str]:
    """Return what speaks for a retraining: live metrics, and estimates if they are trusted."""
    told = [sign.sentence for sign in shortfalls(facts)]
    return told + (estimated_shortfalls(facts) if monitoring.trust_estimate else [])


def labels_asked_for(facts: Facts, _: Monitoring) -> Iterator[Sign]:
    """Labels that could not be read leave the live quality unknown; odd ones are told."""
    given = facts.given
    if given is None:
        return
    if given.problem:
        yield Sign(Outcome.UNKNOWN, given.problem)
    if given.conflicts:
        yield Sign(NOTE, f"{given.conflicts:,} labels differ from those given first, which stay")
    if given.odd:
        yield Sign(NOTE, f"{given.odd:,} labels are none that the answers could have")


def shortfalls(facts: Facts) -> list[Sign]:
    """Return the live metrics that are surely too poor, by the intervals of both sides.

    On all labels, or else on their newest half: the chance to err is shared out between the two as
    the gate does it (`judging.differences`).
    """
    found = facts.quality
    if found is None:
        return []
    if not found.newest:
        return [sign for metric in found.metrics for sign in _short(metric, found.told, facts)]
    whole, part = (replace(facts, alpha=facts.alpha * x) for x in (1 - LATELY, LATELY))
    half = f"the newest {(found.scored or found.labelled) // 2:,} of {found.told}"
    pairs = zip(found.metrics, found.newest, strict=True)
    told = [[*_short(one, found.told, whole), *_short(late, half, part)] for one, late in pairs]
    return [max(signs, key=_is_critical) for signs in told if signs]


def _is_critical(sign: Sign) -> bool:
    return sign.severity == Outcome.CRITICAL


def _short(metric: MetricFacts, labels: str, facts: Facts) -> Iterator[Sign]:
    if metric.live is None:
        return
    sign = 1 if metric.more_is_better else -1
    said = f"{metric.name} is {figure(metric.live)} on {labels}"
    room = _t(facts, metric.freedom) * metric.error
    if metric.floor is not None and sign * (metric.live - metric.floor) + room < 0:
        word = bound(metric.more_is_better)
        yield Sign(Outcome.CRITICAL, f"{said}; the gate's {word} is {figure(metric.floor)}")
    elif metric.holdout is not None:
        error = (metric.error**2 + metric.holdout_error**2) ** 0.5
        room = _t(facts, min(metric.freedom, metric.holdout_freedom)) * error
        if sign * (metric.live - metric.holdout) + room < 0:
            yield Sign(
                Outcome.WARNING, f"{said}; in the walk forward it was {figure(metric.holdout)}"
            )


RULES: tuple[Predicate, ...] = (
    nothing_compared, quality, estimates, labels_asked_for, columns_drift, answers_drift,
    perhaps_drift, pairs_unmeasured, columns_unmeasured, nulls, infinities, unseen_categories,
    confidence, volume, drops, answers_few, independent_rows,
)  # fmt: skip


def _z(facts: Facts) -> float:
    """Return how many standard errors a difference must have, for one false alarm in 1/alpha."""
    return NormalDist().inv_cdf(1 - facts.alpha) if facts.alpha else 0.0


def _t(facts: Facts, freedom: float) -> float:
    """Return the same for an error of so many degrees of freedom, by Student's distribution."""
    return float(t.ppf(1 - facts.alpha, freedom)) if facts.alpha else 0.0


def _against(basis: str) -> str:
    return f", against {basis}" if basis else ""


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

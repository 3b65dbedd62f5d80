"""Challengers on trial beside the champion: shadow, canary and A/B. Light to import.

Usage::

    challenger = ModelRef.of(gated(records, "weather", version=7))
    start(records.trials, "weather", "canary", 0.1, challenger, reason="new features", actor="ann")
    records.trials.stop(id, "looks good; promote it")
    compare(records.trials, id, kind)      # what the labels say, with a p-value
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evergreen import dossier
from evergreen.dossier import Dossier
from evergreen.errors import DeclarationError, ModelRefused
from evergreen.records import Records, Side, TrialRow, Trials
from evergreen.records.trials import Pairs
from evergreen.refs import PAPER
from evergreen.serving.model_ref import ModelRef
from evergreen.spec import Kind

if TYPE_CHECKING:  # the Models page reads the trials, and should not load scikit-learn for it
    from evergreen.serving.desk import Trial

STRATEGIES = ("shadow", "canary", "ab")
JUDGED_FROM, MOST_ERRORS = 20, 3
SLOWER, SLOWER_MS, TIMED_FROM = 3.0, 5.0, 50
"""A canary is stopped when its p95 is 3 times the champion's and 5 ms more, of 50 requests each."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Champion and challenger on the labels that came back."""

    champion: Side
    challenger: Side
    p_value: float | None
    """Two-sided; None: too few labels."""
    test: str
    sentence: str


def gated(records: Records, use_case: str, version: int) -> Dossier:
    """Return the dossier of a version whose very bytes a gate on record has passed.

    Raises:
        ModelRefused: there is none.
    """
    found = dossier.find(records.dossiers, use_case, version)
    if found is None:
        raise ModelRefused(f"{use_case} has no version {version} that a gate has passed")
    gate = records.decisions.get(found.proof.decision_id)
    judged = gate.evidence["evaluation"]["challenger"]["sha256"] if gate else None
    if gate is None or gate.outcome != "passed" or judged != found.model.sha256:
        raise ModelRefused(
            f"no gate on record has passed the bytes of {use_case} version {version}"
        )
    return found


def check_answerable(champion: Dossier, challenger: Dossier) -> None:
    """Refuse a trial of a version that reads what requests to the champion do not hold.

    Raises:
        ModelRefused: it names what is lacking.
    """
    if lacking := challenger.inputs.beyond(champion.inputs):
        name, version = challenger.use_case, challenger.version
        raise ModelRefused(
            f"version {version} of {name} cannot be tried beside version {champion.version}, whose"
            f" requests do not hold {', '.join(lacking)}; promote it without a trial:"
            f" `evergreen release {name} --promote --version {version} --reason …`"
        )


def start(
    trials: Trials, use_case: str, strategy: str, share: float, challenger: ModelRef, *,
    reason: str, actor: str,
) -> TrialRow:  # fmt: skip
    """Put a challenger on trial; the service follows within two seconds.

    Raises:
        DeclarationError: the strategy or the share is not allowed.
        EvergreenError: another trial of the use case runs.
    """
    if strategy not in STRATEGIES:
        raise DeclarationError("strategy", strategy, ", ".join(STRATEGIES))
    if not 0 < share <= 1:
        raise DeclarationError("share", share, "more than 0, at most 1")
    for row in trials.running(use_case):
        if row.strategy == PAPER:
            trials.stop(row.id, "there is a champion")
    return trials.start(use_case, strategy, share, challenger.to_json(), reason=reason, actor=actor)


def challenger_of(trial: TrialRow) -> ModelRef:
    """Return the model that is on trial."""
    return ModelRef.from_json(trial.challenger)


def verdict(trial: "Trial") -> str:
    """Say why a canary must be stopped, or nothing: errors of its own, or answers much slower."""
    champion, challenger = trial.sides["champion"], trial.sides["challenger"]
    if challenger.requests < JUDGED_FROM:
        return ""
    expected = challenger.requests * champion.errors / max(champion.requests, 1)
    if challenger.errors >= MOST_ERRORS and challenger.errors > 2 * expected:
        return f"{challenger.errors} of {challenger.requests} requests failed"
    if min(len(side.latencies) for side in trial.sides.values()) < TIMED_FROM:
        return ""
    slow, fast = challenger.p95, champion.p95
    if slow > SLOWER * fast and slow > fast + SLOWER_MS:
        return f"its p95 is {slow:.1f} ms, the champion's {fast:.1f} ms"
    return ""


def compare(trials: Trials, id: int, kind: Kind) -> Comparison:
    """Compare both sides on the labels given since the trial began.

    Classification: two-proportion z-test with pooled variance (Fleiss, Levin and Paik, Statistical
    Methods for Rates and Proportions, 2003, 4.2). Regression: Welch's t-test of absolute errors
    (Welch, Biometrika 34, 1947). A shadow answers the very requests of the champion, so that pairs
    are tested: McNemar's test (Psychometrika 12, 1947), exactly, or a paired t-test.
    """
    figures = kind is Kind.REGRESSION
    found = trials.sides(id, figures=figures)
    empty = Side(labelled=0, mean=None)
    champion, shadow = found.get("champion", empty), found.get("shadow")
    if shadow is not None:
        p_value = _paired(trials.pairs(id, figures=figures), kind)
        test = "paired t-test" if figures else "McNemar's test"
        return _comparison(champion, shadow, kind, p_value, test)
    challenger = found.get("challenger", empty)
    test = "Welch's t-test" if figures else "two-proportion z-test"
    return _comparison(champion, challenger, kind, _p_value(champion, challenger, kind), test)


def _comparison(
    champion: Side, challenger: Side, kind: Kind, p_value: float | None, test: str
) -> Comparison:
    figure = "mean absolute error" if kind is Kind.REGRESSION else "share of right answers"
    sides = f"champion {_told(champion)}, challenger {_told(challenger)}"
    end = "too few labels to tell" if p_value is None else f"{_chance(p_value)}, {test}"
    return Comparison(
        champion=champion, challenger=challenger, p_value=p_value, test=test,
        sentence=f"{figure}: {sides} ({end})",
    )  # fmt: skip


def _paired(found: Pairs, kind: Kind) -> float | None:
    from scipy.special import bdtr, stdtr  # all of scipy.stats takes a second to load

    if found.labelled < 2 or found.mean is None:
        return None
    if kind is not Kind.REGRESSION:
        apart = found.more + found.less
        return min(1.0, 2 * float(bdtr(min(found.more, found.less), apart, 0.5)))
    if not found.variance:
        return None if found.mean else 1.0
    error = math.sqrt(found.variance / found.labelled)
    return float(2 * stdtr(found.labelled - 1, -abs(found.mean) / error))


def _p_value(champion: Side, challenger: Side, kind: Kind) -> float | None:
    a, b = champion, challenger
    if min(a.labelled, b.labelled) < 2 or a.mean is None or b.mean is None:
        return None
    if kind is Kind.REGRESSION:
        return _welch(a.mean - b.mean, *((s.variance or 0.0, s.labelled) for s in (a, b)))
    pooled = (a.mean * a.labelled + b.mean * b.labelled) / (a.labelled + b.labelled)
    error = math.sqrt(pooled * (1 - pooled) * (1 / a.labelled + 1 / b.labelled))
    return math.erfc(abs(a.mean - b.mean) / error / math.sqrt(2)) if error else 1.0


def _welch(difference: float, a: tuple[float, int], b: tuple[float, int]) -> float | None:
    from scipy.special import stdtr  # all of scipy.stats takes a second to load

    parts = [variance / labelled for variance, labelled in (a, b)]
    if not sum(parts):
        return None if difference else 1.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (labelled - 1) for part, (_, labelled) in zip(parts, (a, b), strict=True)
    )
    return float(2 * stdtr(freedom, -abs(difference) / math.sqrt(sum(parts))))


def _chance(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _told(side: Side) -> str:
    return "without labels" if side.mean is None else f"{side.mean:.3f} of {side.labelled} labels"

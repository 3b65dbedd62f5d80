"""Challengers on trial beside the champion: shadow, canary and A/B. Light to import.

Usage::

challenger = ModelRef.of(gated(settings, "weather", version=7))
    start(url, "weather", "canary", 0.1, challenger, reason="new features", actor="ann")
    stop(url, release_id, "looks good; promote it")
    compare(url, release_id)      # what the labels say, with a p-value
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extras import RealDictCursor

from evergreen import dossier
from evergreen.champions.ledger import Ledger
from evergreen.dossier import Dossier, kept_in
from evergreen.errors import DeclarationError, EvergreenError, ModelRefused
from evergreen.serving.model_ref import ModelRef
from evergreen.serving.store import connect
from evergreen.settings import Settings
from evergreen.spec import Kind

if TYPE_CHECKING:  # the Models page reads the trials, and should not load scikit-learn for it
    from evergreen.serving.desk import Trial

STRATEGIES = ("shadow", "canary", "ab")
JUDGED_FROM, MOST_ERRORS = 20, 3
SLOWER, SLOWER_MS, TIMED_FROM = 3.0, 5.0, 50
"""A canary is stopped when its p95 is 3 times the champion's and 5 ms more, of 50 requests each."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A trial as the database has it."""

    id: int
    use_case: str
    strategy: str
    share: float
    challenger: ModelRef
    reason: str
    actor: str
    started_at: datetime
    stopped_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True)
class Side:
    """What the labels say of one side of a trial."""

    labelled: int
    mean: float | None
    """Share of right answers (classification), mean absolute error (regression)."""
    variance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Champion and challenger on the labels that came back."""

    champion: Side
    challenger: Side
    p_value: float | None
    """Two-sided; None: too few labels."""
    test: str
    sentence: str


def gated(settings: Settings, use_case: str, version: int) -> Dossier:
    """Return the dossier of a version whose very bytes a gate on record has passed.

    Raises:
        ModelRefused: there is none.
    """
    found = dossier.find(kept_in(settings.database_url), use_case, version)
    if found is None:
        raise ModelRefused(f"{use_case} has no version {version} that a gate has passed")
    gate = Ledger(settings.database_url).decision(found.proof.decision_id)
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
    url: str, use_case: str, strategy: str, share: float, challenger: ModelRef, *,
    reason: str, actor: str,
) -> Release:  # fmt: skip
    """Put a challenger on trial; the service follows within two seconds.

    Raises:
        DeclarationError: the strategy or the share is not allowed.
        EvergreenError: another trial of the use case runs.
    """
    if strategy not in STRATEGIES:
        raise DeclarationError("strategy", strategy, ", ".join(STRATEGIES))
    if not 0 < share <= 1:
        raise DeclarationError("share", share, "more than 0, at most 1")
    values = (use_case, strategy, share, json.dumps(challenger.to_json()), reason, actor)
    try:
        rows = _rows(
            url,
            "INSERT INTO evergreen.releases (use_case, strategy, share, challenger, reason, actor)"
            " VALUES (%s, %s, %s, %s, %s, %s) RETURNING *",
            values,
        )
    except psycopg2.errors.UniqueViolation:
        raise EvergreenError(f"{use_case} has a trial already; stop it first") from None
    return rows[0]


def stop(url: str, release_id: int, outcome: str) -> Release:
    """End a trial; the first outcome stays.

    Raises:
        EvergreenError: there is no such trial.
    """
    rows = _rows(
        url,
        "UPDATE evergreen.releases SET stopped_at = coalesce(stopped_at, clock_timestamp()),"
        " outcome = coalesce(outcome, %s) WHERE id = %s RETURNING *",
        (outcome, release_id),
    )
    if not rows:
        raise EvergreenError(f"there is no release {release_id}")
    return rows[0]


def running(url: str, use_case: str | None = None) -> tuple[Release, ...]:
    """Return the trials that run, of one use case or all."""
    return _rows(
        url,
        "SELECT * FROM evergreen.releases WHERE stopped_at IS NULL"
        " AND use_case = coalesce(%s, use_case) ORDER BY id",
        (use_case,),
    )


def releases(url: str, use_case: str, limit: int = 20) -> tuple[Release, ...]:
    """Return the trials of a use case, newest first."""
    sql = "SELECT * FROM evergreen.releases WHERE use_case = %s ORDER BY id DESC LIMIT %s"
    return _rows(url, sql, (use_case, limit))


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


def compare(url: str, release_id: int, kind: Kind) -> Comparison:
    """Compare both sides on the labels given since the trial began.

    Classification: two-proportion z-test with pooled variance (Fleiss, Levin and Paik, Statistical
    Methods for Rates and Proportions, 2003, 4.2). Regression: Welch's t-test of absolute errors
    (Welch, Biometrika 34, 1947).
    """
    error = (
        "abs((p.output)::float8 - (l.label)::float8)"
        if kind is Kind.REGRESSION
        else "(p.output = l.label)::int::float8"
    )
    with connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(
            f"SELECT p.variant, count(*), avg({error}), var_samp({error})"
            " FROM evergreen.predictions p"
            " JOIN evergreen.labels l ON l.prediction_id = p.request_id"
            " WHERE p.release_id = %s GROUP BY p.variant",
            (release_id,),
        )
        found = {variant: Side(labelled=n, mean=m, variance=v) for variant, n, m, v in cursor}
    empty = Side(labelled=0, mean=None)
    challenger = found.get("challenger") or found.get("shadow") or empty
    return _comparison(found.get("champion", empty), challenger, kind)


def answers(url: str, release_id: int) -> dict[str, int]:
    """Return how many predictions of a trial each variant made."""
    with connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "SELECT variant, count(*) FROM evergreen.predictions WHERE release_id = %s GROUP BY 1",
            (release_id,),
        )
        return dict(cursor.fetchall())


def _comparison(champion: Side, challenger: Side, kind: Kind) -> Comparison:
    test = "Welch's t-test" if kind is Kind.REGRESSION else "two-proportion z-test"
    p_value = _p_value(champion, challenger, kind)
    figure = "mean absolute error" if kind is Kind.REGRESSION else "share of right answers"
    sides = f"champion {_told(champion)}, challenger {_told(challenger)}"
    end = "too few labels to tell" if p_value is None else f"{_chance(p_value)}, {test}"
    return Comparison(
        champion=champion, challenger=challenger, p_value=p_value, test=test,
        sentence=f"{figure}: {sides} ({end})",
    )  # fmt: skip


def _p_value(champion: Side, challenger: Side, kind: Kind) -> float | None:
    a, b = champion, challenger
    if min(a.labelled, b.labelled) < 2 or a.mean is None or b.mean is None:
        return None
    if kind is Kind.REGRESSION:
        return _welch(a.mean - b.mean, *((s.variance or 0.0, s.labelled) for s in (a, b)))
    pooled = (a.mean * a.labelled + b.mean * b.labelled) / (a.labelled + b.labelled)
    error = math.sqrt(pooled * (1 - pooled) * (1 / a.labelled + 1 / b.labelled))
    return math.erfc(abs(a.mean - b.mean) / error / math.sqrt(2)) if error else None


def _welch(difference: float, a: tuple[float, int], b: tuple[float, int]) -> float | None:
    from scipy.special import stdtr  # all of scipy.stats takes a second to load

    parts = [variance / labelled for variance, labelled in (a, b)]
    if not sum(parts):
        return None
    freedom = sum(parts) ** 2 / sum(
        part**2 / (labelled - 1) for part, (_, labelled) in zip(parts, (a, b), strict=True)
    )
    return float(2 * stdtr(freedom, -abs(difference) / math.sqrt(sum(parts))))


def _chance(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _told(side: Side) -> str:
    return "without labels" if side.mean is None else f"{side.mean:.3f} of {side.labelled} labels"


def _rows(url: str, sql: str, values: Sequence[Any]) -> tuple[Release, ...]:
    with connect(url) as opened, opened.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(sql, values)
        return tuple(
            Release(**dict(row) | {"challenger": ModelRef.from_json(row["challenger"])})
            for row in cursor.fetchall()
        )

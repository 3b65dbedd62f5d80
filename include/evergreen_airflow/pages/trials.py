"""What the Models page says of serving: who answers, and the challengers on trial."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.refs import ChampionRef
from evergreen.serving import releases, store
from evergreen.serving.releases import Release
from evergreen.settings import Settings
from evergreen.spec import UseCase

SHOWN = 3
ENGINES = {"onnx": "ONNX", "sklearn": "scikit-learn"}
STRATEGIES = {
    "shadow": "answers nobody sees",
    "canary": "of the requests",
    "ab": "of the subjects",
}
"""What the share of a trial is a share of."""


@dataclass(frozen=True)
class Trial:
    """A trial of a challenger, in words."""

    status: str
    """`runs`, `ended`, or `aborted` (by the service itself)."""
    title: str
    about: str
    answers: str
    comparison: str
    outcome: str
    at: datetime


def served(settings: Settings, champion: ChampionRef | None, now: datetime) -> str:
    """Say how the champion is served, and how often in the last day; empty: not yet."""
    if champion is None:
        return ""
    with store.connect(settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "WITH answered AS NOT MATERIALIZED (SELECT time, engine FROM evergreen.predictions"
            " WHERE use_case = %s AND time > %s AND version = %s AND variant = 'champion')"
            " SELECT count(*), (SELECT engine FROM answered ORDER BY time DESC LIMIT 1)"
            " FROM answered",
            (champion.use_case, now - timedelta(days=1), champion.version),
        )
        [(count, engine)] = cursor.fetchall()
    if not count:
        return "Has answered no request in the last day."
    times = "once" if count == 1 else f"{count:,} times"
    return f"Served by {ENGINES.get(engine, engine)}; has answered {times} in the last day."


def trials(settings: Settings, use_case: UseCase) -> tuple[Trial, ...]:
    """Return the newest trials of a use case, newest first."""
    url = settings.database_url
    return tuple(
        _trial(url, use_case, release) for release in releases.releases(url, use_case.name, SHOWN)
    )


def _trial(url: str, use_case: UseCase, release: Release) -> Trial:
    counts = releases.answers(url, release.id)
    outcome = release.outcome or ""
    share = STRATEGIES[release.strategy]
    if release.strategy != "shadow":
        share = f"{release.share:.0%} {share}"
    status = "aborted" if outcome.startswith("aborted") else "ended" if outcome else "runs"
    return Trial(
        status=status,
        title=f"Version {release.challenger.version} as {_name(release.strategy)}, {share}",
        about=f"{release.actor}: {release.reason}",
        answers=", ".join(f"{who} {count:,}" for who, count in sorted(counts.items())),
        comparison=releases.compare(url, release.id, use_case.kind).sentence if counts else "",
        outcome=outcome,
        at=release.stopped_at or release.started_at,
    )


def _name(strategy: str) -> str:
    return {"ab": "A/B test"}.get(strategy, strategy)

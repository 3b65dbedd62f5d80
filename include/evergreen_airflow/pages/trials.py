"""What the Models page says of serving: who answers, and the challengers on trial."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.records import Records, TrialRow
from evergreen.refs import ChampionRef
from evergreen.serving import releases
from evergreen.spec import UseCase
from evergreen.spec.lengths import percent

SHOWN = 3
ENGINES = {"onnx": "ONNX", "sklearn": "scikit-learn"}
STRATEGIES = {
    "shadow": "answers nobody sees",
    "canary": "of the requests",
    "ab": "of the subjects",
    "paper": "for those who ask for what is unproven",
}
"""What the share of a trial is a share of."""


@dataclass(frozen=True)
class TrialCard:
    """A trial of a challenger, in words."""

    status: str
    """`runs`, `ended`, or `aborted` (by the service itself)."""
    title: str
    about: str
    answers: str
    comparison: str
    outcome: str
    at: datetime


def served(records: Records, champion: ChampionRef | None, now: datetime) -> str:
    """Say how the champion is served, how often in the last day, and what it scored last in batch.

    Empty: there is none.
    """
    if champion is None:
        return ""
    newest = records.scorings.newest(champion.use_case, 1)
    return " ".join([_asked(records, champion, now), *(scored.sentence for scored in newest)])


def _asked(records: Records, champion: ChampionRef, now: datetime) -> str:
    since = now - timedelta(days=1)
    count, engine = records.predictions.of_champion(champion.use_case, champion.version, since)
    if not count:
        return "Has answered no request in the last day."
    times = "once" if count == 1 else f"{count:,} times"
    return f"Served by {ENGINES.get(str(engine), engine)}; has answered {times} in the last day."


def trials(records: Records, use_case: UseCase) -> tuple[TrialCard, ...]:
    """Return the newest trials of a use case, newest first."""
    newest = records.trials.newest(use_case.name, SHOWN)
    return tuple(_trial(records, use_case, row) for row in newest)


def _trial(records: Records, use_case: UseCase, release: TrialRow) -> TrialCard:
    counts = records.trials.answers(release.id)
    outcome = release.outcome or ""
    share, version = STRATEGIES[release.strategy], releases.challenger_of(release).version
    if release.strategy in {"canary", "ab"}:
        share = f"{percent(release.share)} {share}"
    status = "aborted" if outcome.startswith("aborted") else "ended" if outcome else "runs"
    return TrialCard(
        status=status,
        title=f"Version {version} {_name(release.strategy)}, {share}",
        about=f"{release.actor}: {release.reason}",
        answers=", ".join(f"{who} {count:,}" for who, count in sorted(counts.items())),
        comparison=releases.compare(records.trials, release.id, use_case.kind).sentence
        if counts and release.strategy != "paper"
        else "",
        outcome=outcome,
        at=release.stopped_at or release.started_at,
    )


def _name(strategy: str) -> str:
    return {"ab": "as A/B test", "paper": "answers on paper"}.get(strategy, f"as {strategy}")

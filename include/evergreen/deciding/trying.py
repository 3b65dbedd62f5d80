"""A trial ends by itself: promoted when the labels surely say so, withdrawn when they do not.

    told = conclude(use_case, run, records=records, settings=settings)   # "": nothing to look at

The challenger answers all that was asked since the trial began and has a label by now, and is held
against the answers that were given: paired, by the metric of the gate, with days as units, whoever
was asked at the time (shadow, canary and A/B alike).

It is looked at three times at most, when labels of 14, 28 and 56 days have come. The chance to err,
5 %, is shared out evenly between the looks (Bonferroni; as Pocock, Biometrika 64, 1977, but without
his assumption that rows are independent), so that looking often promotes nobody by luck. A look
that was unknown has seen nothing, and is taken again. And where days go on from one another, few of
them tell nothing: they must be worth ten independent ones.
`benchmarks/trials.py` shows how often luck promotes all the same.
"""

from datetime import UTC, timedelta

from evergreen import dossier
from evergreen.deciding.situation import MONITOR
from evergreen.errors import DossierMissing, EvergreenError, ModelRefused
from evergreen.judging.evidence import Difference
from evergreen.judging.figures import figure, interval
from evergreen.learning import hiccups
from evergreen.records import Decision, Records, Reviewed, TrialRow, decision_id
from evergreen.records.errors import StatementRefused
from evergreen.refs import PAPER, Json, Window
from evergreen.serving import releases, trials
from evergreen.serving.contract import Refused
from evergreen.settings import Settings
from evergreen.spec import Scale, UseCase
from evergreen.steps import Run
from evergreen.watching import instead
from evergreen.watching.instead import Held

LOOKS = (14, 28, 56)
"""Days with labels at which a trial is looked at."""
CONFIDENCE = 1 - 0.05 / len(LOOKS)
"""Of the interval of each look."""
LEAST_DAYS = 10
"""Fewer, counted as what they are worth, promote and refuse nobody."""
PATIENCE = timedelta(days=7)
"""A trial whose last look stays unknown for so long is withdrawn."""
PROMOTED, WITHDRAWN, GOES_ON, UNKNOWN = "promoted", "withdrawn", "goes on", "unknown"


def conclude(use_case: UseCase, run: Run, *, records: Records, settings: Settings) -> str:
    """Look at the trial of a use case when enough labels have come, and end it if it is clear.

    Each look is taken until it is known, and on record; what a crash interrupted, the next call
    ends. Once it is over, whoever ended it, a challenger that waits begins. Empty: nobody waits,
    and no trial runs, a person ends it (`Release(by_hand=True)`), or there is nothing new to look
    at.

    Raises:
        DatabaseAway: the database is away.
    """
    running = [row for row in records.trials.running(use_case.name) if row.strategy != PAPER]
    told = ""
    if running and not use_case.release.by_hand:
        told = _conclude(use_case, running[0], run, records, settings)
    begun = trials.begin_waiting(use_case, actor=MONITOR, records=records)
    return " ".join(filter(None, (told, begun)))


def looks(days: int) -> int:
    """Return how many looks are due when labels of so many days have come.

    >>> [looks(days) for days in (13, 14, 30, 400)]
    [0, 1, 2, 3]
    """
    return sum(days >= least for least in LOOKS)


def _conclude(
    use_case: UseCase, trial: TrialRow, run: Run, records: Records, settings: Settings
) -> str:
    name, asked = use_case.name, Window(start=trial.started_at, end=run.as_of)
    if not looks((asked.end - asked.start).days + 2):  # it touches no more days than that
        return ""
    told = records.predictions.reviewed(name, asked, use_case.monitoring.sample)
    due = looks(len({moment.astimezone(UTC).date() for moment in told.times}))
    if not due or len(told.labels) < use_case.monitoring.min_labels:
        return ""
    id = decision_id(name, f"{trials.KIND}/{trial.id}", str(due))
    taken = _taken(id, records)
    decided = taken or _decide(id, use_case, trial, told, due, run, records, settings)
    if decided.outcome in {PROMOTED, WITHDRAWN}:
        return _carry_out(use_case, trial, decided, records, settings)
    return "" if taken else decided.sentence


def _taken(id: str, records: Records) -> Decision | None:
    """Return how a look ended; None: it is still to be taken, or was unknown."""
    known = (records.decisions.get(id, outcome) for outcome in (PROMOTED, WITHDRAWN, GOES_ON))
    return next(filter(None, known), None)


def _decide(
    id: str,
    use_case: UseCase,
    trial: TrialRow,
    told: Reviewed,
    due: int,
    run: Run,
    records: Records,
    settings: Settings,
) -> Decision:
    outcome, sentence, evidence = _look(use_case, trial, told, due, records, settings)
    since = records.decisions.get(id, UNKNOWN)
    if outcome == UNKNOWN and due == len(LOOKS) and since and _is_long_ago(since, run):
        outcome, sentence = WITHDRAWN, f"{sentence} It stayed so, and is withdrawn."
    return records.decisions.record(
        Decision(
            id=id, use_case=use_case.name, kind=trials.KIND, outcome=outcome, sentence=sentence,
            evidence=evidence, as_of=run.as_of, run_key=run.key, actor=MONITOR,
        )
    )  # fmt: skip


def _is_long_ago(since: Decision, run: Run) -> bool:
    return since.as_of is not None and run.as_of - since.as_of >= PATIENCE


def _look(
    use_case: UseCase,
    trial: TrialRow,
    told: Reviewed,
    due: int,
    records: Records,
    settings: Settings,
) -> tuple[str, str, Json]:
    """Return outcome, sentence and evidence of a look."""
    version = releases.challenger_of(trial).version
    evidence: Json = {"trial": trial.id, "version": version, "look": due, "rows": len(told.labels)}
    begun = f"The {trial.strategy} of version {version}, look {due} of {len(LOOKS)}"
    try:
        own = dossier.read(records.dossiers, use_case.name, version)
        scale = Scale(own.answers.kind, use_case.metrics)
        held = instead.hold(
            own, told, scale, confidence=CONFIDENCE, quarantine=records.quarantine,
            settings=settings,
        )  # fmt: skip
    except (DossierMissing, ModelRefused, Refused, StatementRefused) as problem:
        reason = " ".join(str(problem).split()).rstrip(".")
        return UNKNOWN, f"{begun}: unknown, as {reason}.", evidence
    if not held.is_defined:
        undefined = f"unknown, as {held.metric} is not defined for these labels."
        return UNKNOWN, f"{begun}: {undefined}", evidence
    outcome = outcome_of(held.difference, held.days, newest=held.newest, due=due)
    evidence |= {"difference": held.difference.to_json(), "effective_days": held.days}
    evidence["rows"] = held.rows
    figures = (
        f"{held.metric} {figure(held.instead)} instead of {figure(held.given)} on"
        f" {held.rows} labels of what is worth {held.days:.0f} independent days"
        f" ({interval(held.difference)})"
    )
    return outcome, f"{begun}: {figures}. {_ends(outcome, held)}", evidence


def outcome_of(found: Difference, days: float, *, newest: bool, due: int) -> str:
    """Return how a look ends.

    Args:
        found: how much better the challenger is.
        days: with labels, counted as what they are worth.
        newest: it is better on the newest half of the labels, too.
        due: which look it is, from 1 on.
    """
    tells = days >= LEAST_DAYS
    if tells and newest and found.low > 0:
        return PROMOTED
    if (tells and found.high < 0) or due == len(LOOKS):
        return WITHDRAWN
    return GOES_ON


def _ends(outcome: str, held: Held) -> str:
    if outcome == PROMOTED:
        return "It surely is better, and takes over."
    if outcome == GOES_ON:
        return "It is not sure yet which of them is better, and the trial goes on."
    worse = held.difference.high < 0 and held.days >= LEAST_DAYS
    return f"It {'surely is worse' if worse else 'is not surely better'}, and is withdrawn."


def _carry_out(
    use_case: UseCase, trial: TrialRow, decided: Decision, records: Records, settings: Settings
) -> str:
    """Promote or withdraw the challenger, as was decided; the trial is over either way."""
    if decided.outcome == WITHDRAWN:
        records.trials.stop(trial.id, decided.sentence)
        return decided.sentence
    try:
        done = trials.promote(
            use_case, reason=decided.sentence, actor=MONITOR, records=records, settings=settings
        )
    except EvergreenError as refusal:  # the champion moved meanwhile, say
        if hiccups.passes(refusal):
            raise
        sentence = f"{decided.sentence} It was not promoted: {refusal}"
        records.trials.stop(trial.id, sentence)
        return sentence
    return decided.sentence if done.promoted else f"{decided.sentence} {done.sentence}"

"""The trigger policy: small predicates over a frozen situation, each with its reason.

`CAUSES` speak for a retraining, `HOLDS` against starting one now. One cause and no hold is a yes;
what could not be measured is "unknown", never "no drift". Where quality is poor and the fit that
served before surely would have answered better, the way back is shorter than a training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergreen.deciding.situation import Situation
from evergreen.records.retrainings import FAILED, PASSED, REFUSED
from evergreen.refs import Outcome, Ref, WindowRef

WEEK = timedelta(days=7)
RETRAIN, ROLL_BACK, HELD, NO = "retrain", "roll back", "held back", "no"
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Reason(Ref):
    """What one predicate has to say."""

    name: str
    sentence: str
    """Begins in lower case and ends without a full stop, to stand inside another."""


@dataclass(frozen=True, kw_only=True)
class Judgement(Ref):
    """What the policy says of a situation."""

    outcome: str
    """retrain, roll back (to the fit that served before), held back (a cause, but not now), no, or
    unknown (not everything was measured)."""
    causes: tuple[Reason, ...]
    """The first of them is the cause of the retraining."""
    holds: tuple[Reason, ...]
    sentence: str


Predicate = Callable[[Situation], Reason | None]


def drift(situation: Situation) -> Reason | None:
    """Enough of the last windows have drifted critically."""
    alarming = [seen for seen in situation.recent if drifted(seen)]
    if len(alarming) < situation.rules.alarming:
        return None
    columns = [column for seen in alarming for column in seen.drifted]
    pairs = [f"{pair} (together)" for seen in alarming for pair in seen.together]
    what = ", ".join(dict.fromkeys([*columns, *pairs])) or "the predictions"
    return Reason(name="drift", sentence=f"{what} drifted in {_of(alarming, situation)}")


def quality(situation: Situation) -> Reason | None:
    """Enough of the last windows have a live metric that surely is beyond its floor or band."""
    poor = [seen for seen in situation.recent if seen.poor]
    if len(poor) < situation.rules.alarming:
        return None
    metrics = "; ".join(poor[0].poor)
    return Reason(
        name="quality", sentence=f"live quality is poor in {_of(poor, situation)}: {metrics}"
    )


def new_rows(situation: Situation) -> Reason | None:
    """Enough labelled rows have come since the champion's snapshot."""
    count, wanted = situation.new_rows, situation.rules.new_rows
    if count is None or wanted is None or count < wanted:
        return None
    return Reason(
        name="new rows",
        sentence=f"{count} labelled rows have come since the champion's snapshot"
        f" ({wanted} are enough)",
    )


def no_champion(situation: Situation) -> Reason | None:
    """There is no champion to train anew."""
    if situation.champion:
        return None
    return Reason(name="no champion", sentence="there is no champion yet; trigger a first training")


def moved(situation: Situation) -> Reason | None:
    """The window was held against a recipe that is in charge no longer; a refresh is the same."""
    before, now = situation.window.champion, situation.champion
    if not now or now in {before, *situation.refreshes}:
        return None
    return Reason(
        name="champion moved",
        sentence=f"the window was held against version {before}, and version {now} is champion now",
    )


def answered(situation: Situation) -> Reason | None:
    """This window has asked for a retraining already, held against a fit of the same recipe."""
    end, same = situation.window.end, situation.refreshes
    if not any(row.window_end == end and row.champion in same for row in situation.asked):
        return None
    return Reason(name="answered", sentence="this window has asked for a retraining already")


def nothing_new(situation: Situation) -> Reason | None:
    """No labelled row is newer than those that the fit in service has learned from, and they are
    as they were."""
    if situation.new_rows != 0 or situation.corrected or not situation.champion:
        return None
    return Reason(
        name="nothing new to learn",
        sentence="there is nothing new to learn: no labelled row has come or was put right since"
        f" the snapshot of version {situation.champion}",
    )


def waits(situation: Situation) -> Reason | None:
    """A training would wait: one runs or waits already, or its DAG is paused."""
    if not situation.waits:
        return None
    return Reason(name="waits", sentence=situation.waits)


def cooldown(situation: Situation) -> Reason | None:
    """The last retraining is not long enough ago; longer after some that changed no recipe."""
    if not situation.asked:
        return None
    until, count = next_allowed(situation), in_vain(situation)
    if situation.now >= until:
        return None
    last = "the last one did not change" if count == 1 else f"none of the last {count} changed"
    after = f", as {last} the recipe" if count else ""
    return Reason(
        name="back-off" if count else "cooldown",
        sentence=f"the last retraining was asked for at {_at(situation.asked[0].asked_at)};"
        f" the next may start at {_at(until)}{after}",
    )


def budget(situation: Situation) -> Reason | None:
    """The week's retrainings are used up."""
    spent = [row for row in situation.asked if situation.now - row.asked_at < WEEK]
    if len(spent) < situation.rules.budget:
        return None
    return Reason(
        name="budget",
        sentence=f"{len(spent)} retrainings were asked for in the last seven days,"
        f" and the budget is {situation.rules.budget}",
    )


CAUSES: tuple[Predicate, ...] = (drift, quality, new_rows)
HOLDS: tuple[Predicate, ...] = (
    no_champion, moved, answered, nothing_new, waits, cooldown, budget,
)  # fmt: skip


def judge(situation: Situation) -> Judgement:
    """Ask every predicate, and say in a sentence what follows."""
    causes = tuple(reason for ask in CAUSES if (reason := ask(situation)))
    holds = tuple(reason for ask in HOLDS if (reason := ask(situation)))
    outcome = _outcome(situation, causes, holds)
    sentence = _sentence(situation, outcome, causes, holds)
    return Judgement(outcome=outcome, causes=causes, holds=holds, sentence=sentence)


def leads_back(situation: Situation) -> bool:
    """Tell whether the champion that was watched still serves, no person has pinned it, and the fit
    before it surely is the better one. Cooldown and budget are about trainings, and a training that
    runs cannot cure it."""
    found = situation.hindsight
    if found is None or situation.pinned_by:
        return False
    return found.surely_better and moved(situation) is None


def drifted(seen: WindowRef) -> bool:
    """Tell whether a window drifted critically, in its inputs or in the answers."""
    told = seen.drift_critical
    if told is None:
        told = bool(seen.drifted or seen.together or seen.prediction_drift)
    return seen.outcome == Outcome.CRITICAL and told


def in_vain(situation: Situation) -> int:
    """Count the newest retrainings that changed no recipe, until one that passed its gate.

    They were refused, or failed. A refresh is no cure either: the recipe in charge knows the newest
    rows then, and what was seen of it goes on.
    """
    count = 0
    for row in situation.asked:
        if row.outcome == PASSED:
            break
        count += row.outcome in {REFUSED, FAILED}
    return count


def next_allowed(situation: Situation) -> datetime:
    """Return when the next retraining may start."""
    rules = situation.rules
    factor = rules.backoff ** min(in_vain(situation), 64)
    longest = max(rules.max_wait, rules.cooldown)
    seconds = min(rules.cooldown.total_seconds() * factor, longest.total_seconds())
    return situation.asked[0].asked_at + timedelta(seconds=seconds)


def _outcome(situation: Situation, causes: tuple[Reason, ...], holds: tuple[Reason, ...]) -> str:
    if leads_back(situation):
        return ROLL_BACK
    if causes:
        return HELD if holds else RETRAIN
    if situation.window.outcome == Outcome.UNKNOWN or situation.unknown:
        return UNKNOWN
    return NO


def _sentence(
    situation: Situation, outcome: str, causes: tuple[Reason, ...], holds: tuple[Reason, ...]
) -> str:
    why = "; ".join(reason.sentence for reason in causes)
    unknown = "".join(f" But {each}." for each in situation.unknown)
    earlier = situation.hindsight
    if earlier and outcome == ROLL_BACK:
        return f"Roll back to version {earlier.version}: {why}; {earlier.sentence}.{unknown}"
    if earlier and earlier.version:
        unknown = f" As to the way back, {earlier.sentence}{_pinned(situation)}.{unknown}"
    if outcome == RETRAIN:
        return f"Retrain: {why}.{unknown}"
    if outcome == HELD:
        against = "; ".join(reason.sentence for reason in holds)
        return f"Retraining is due ({why}), but held back: {against}.{unknown}"
    start = "No retraining" if outcome == NO else "Unknown whether to retrain"
    found = situation.window.sentence.removeprefix("Unknown: ").rstrip(".")
    return f"{start}: {found}{_so_far(situation)}.{unknown}"


def _pinned(situation: Situation) -> str:
    if not situation.pinned_by:
        return ""
    return (
        f"; version {situation.champion} is pinned by {situation.pinned_by},"
        " and only a person moves it from there"
    )


def _so_far(situation: Situation) -> str:
    rules, told = situation.rules, ""
    if alarming := [seen for seen in situation.recent if drifted(seen)]:
        told += f"; {_of(alarming, situation)} drifted, {rules.alarming} are needed"
    if poor := [seen for seen in situation.recent if seen.poor]:
        told += f"; live quality is poor in {_of(poor, situation)}, {rules.alarming} are needed"
    if situation.new_rows is not None and rules.new_rows is not None:
        told += f"; {situation.new_rows} of {rules.new_rows} new rows"
    return told


def _of(alarming: list[WindowRef], situation: Situation) -> str:
    return f"{len(alarming)} of the last {len(situation.recent)} windows"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

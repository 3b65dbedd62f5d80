"""The decision: made once for a window and champion, on record, with all that it rests on."""

from dataclasses import dataclass
from datetime import datetime

from evergreen import cards
from evergreen.champions import promotion
from evergreen.deciding import policy, situation
from evergreen.deciding.policy import Judgement
from evergreen.deciding.situation import MONITOR
from evergreen.records import Decision, Records, Retrained, decision_id
from evergreen.records.protocols import DecisionLog
from evergreen.refs import Json, Ref, WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen.watching.facts import Hindsight

TRIGGER = "trigger"


@dataclass(frozen=True, kw_only=True)
class DecisionRef(Ref):
    """Whether to retrain, and why."""

    id: str
    use_case: str
    retrain: bool
    outcome: str
    """retrain, roll back, held back, no or unknown."""
    cause: str
    """drift, quality, new rows; empty: none."""
    run_id: str
    """Of the training in Airflow; empty unless `retrain`."""
    sentence: str
    evidence: Json


def decide(
    use_case: UseCase,
    window: WindowRef,
    run: Run,
    *,
    records: Records,
    settings: Settings,
    waits: str = "",
) -> DecisionRef:
    """Decide whether a window asks for a retraining; the second call returns the first decision.

    A decision to roll back is carried out at once; what a crash interrupted, the second call ends.

    Args:
        use_case: whose champion.
        window: what watching found out.
        run: who decides, and when: `asked_at` is the moment that cooldown and budget count to.
        records: where it is put on record.
        settings: where everything else is.
        waits: why a training that is asked for now would wait; empty: it would not.
    """
    id = matter(window)
    with records.locks.hold(TRIGGER, use_case.name):
        decided = records.decisions.get(id)
        if decided is None:
            known = situation.gather(use_case, window, run.asked_at, waits, records, settings)
            decided = _record(records, id, run, known, policy.judge(known), settings.dag_prefix)
        if decided.outcome == policy.ROLL_BACK:
            _go_back(decided, records, settings)
    return _ref(decided)


def matter(window: WindowRef) -> str:
    """Return the id of the decision about a window and champion."""
    return decision_id(window.use_case, TRIGGER, f"{window.end.isoformat()}/v{window.champion}")


def started(
    use_case: UseCase, run: Run, cause: str, sentence: str, *, decisions: DecisionLog
) -> Decision:
    """Put on record that something but monitoring started a training; once for each run."""
    return decisions.record(
        Decision(
            id=decision_id(use_case.name, TRIGGER, run.key),
            use_case=use_case.name,
            kind=TRIGGER,
            outcome=policy.RETRAIN,
            sentence=sentence,
            evidence={"cause": cause, "run_key": run.key},
            as_of=run.as_of,
            run_key=run.key,
            actor=run.actor,
        )
    )


def run_key(use_case: str, cause: str, window_end: datetime, champion: int) -> str:
    """Return the name of the training that a window asks for: always the same.

    >>> from datetime import UTC
    >>> run_key("weather", "new rows", datetime(2026, 11, 21, 15, tzinfo=UTC), 3)
    'weather_training/new_rows__2026-11-21T15:00:00Z__v3'
    """
    end = window_end.isoformat().replace("+00:00", "Z")
    return f"{use_case}_training/{cause.replace(' ', '_')}__{end}__v{champion}"


def _record(
    records: Records,
    id: str,
    run: Run,
    known: situation.Situation,
    judged: Judgement,
    prefix: str,
) -> Decision:
    """Ask for the retraining first: a decision that says so must have one."""
    window = known.window
    evidence: Json = {"judgement": judged.to_json(), "situation": known.to_json()}
    cause = judged.causes[0].name if judged.causes else ""
    if judged.outcome == policy.RETRAIN:
        asked = records.retrainings.ask(_request(window, cause, run.asked_at, prefix))
        cause, evidence["run_key"] = asked.cause, asked.run_key
    return records.decisions.record(
        Decision(
            id=id,
            use_case=window.use_case,
            kind=TRIGGER,
            outcome=judged.outcome,
            sentence=judged.sentence,
            evidence=evidence | {"cause": cause, "report_id": window.report_id},
            as_of=window.end,
            run_key=run.key,
            actor=MONITOR,
        )
    )


def _go_back(decided: Decision, records: Records, settings: Settings) -> None:
    known = decided.evidence["situation"]
    earlier = Hindsight.from_json(known["hindsight"])
    done = promotion.rollback(
        decided.use_case,
        to=earlier.version,
        reason=earlier.sentence,
        actor=MONITOR,
        ledger=records,
        settings=settings,
        key=decided.run_key,
        leaving=known["champion"],
    )
    cards.keep(decided.use_case, done, records=records, settings=settings)


def _request(window: WindowRef, cause: str, asked_at: datetime, prefix: str) -> Retrained:
    return Retrained(
        use_case=window.use_case,
        window_end=window.end,
        champion=window.champion,
        cause=cause,
        run_key=prefix + run_key(window.use_case, cause, window.end, window.champion),
        asked_at=asked_at,
    )


def _ref(decided: Decision) -> DecisionRef:
    run_key = str(decided.evidence.get("run_key", ""))
    return DecisionRef(
        id=decided.id,
        use_case=decided.use_case,
        retrain=decided.outcome == policy.RETRAIN,
        outcome=decided.outcome,
        cause=str(decided.evidence.get("cause", "")),
        run_id=run_key.partition("/")[2],
        sentence=decided.sentence,
        evidence=decided.evidence,
    )

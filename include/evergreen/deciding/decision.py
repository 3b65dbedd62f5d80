"""The decision: made once for a window and champion, on record, with all that it rests on."""

from dataclasses import dataclass
from datetime import datetime

from evergreen.champions.ledger import Decision, Ledger, decision_id
from evergreen.deciding import policy, requests, situation
from evergreen.deciding.policy import Judgement
from evergreen.refs import Json, Ref, WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run

TRIGGER = "trigger"
MONITOR = "monitoring"


@dataclass(frozen=True, kw_only=True)
class DecisionRef(Ref):
    """Whether to retrain, and why."""

    id: str
    use_case: str
    retrain: bool
    outcome: str
    """retrain, held back, no or unknown."""
    cause: str
    """drift, quality, new rows; empty: none."""
    run_id: str
    """Of the training in Airflow; empty unless `retrain`."""
    sentence: str
    evidence: Json


def decide(
    use_case: UseCase, window: WindowRef, run: Run, *, settings: Settings, running: str = ""
) -> DecisionRef:
    """Decide whether a window asks for a retraining; the second call returns the first decision.

    Args:
        use_case: whose champion.
        window: what watching found out.
        run: who decides, and when: `asked_at` is the moment that cooldown and budget count to.
        settings: where everything is.
        running: the training of this use case that runs or waits; empty: none.
    """
    ledger = Ledger(settings.database_url)
    id = matter(window)
    with ledger.lock(TRIGGER, use_case.name):
        decided = ledger.decision(id)
        if decided is None:
            known = situation.gather(use_case, window, run.asked_at, running, settings)
            decided = _record(ledger, id, run, known, policy.judge(known), settings)
    return _ref(decided)


def matter(window: WindowRef) -> str:
    """Return the id of the decision about a window and champion."""
    return decision_id(window.use_case, TRIGGER, f"{window.end.isoformat()}/v{window.champion}")


def started(
    use_case: UseCase, run: Run, cause: str, sentence: str, *, settings: Settings
) -> Decision:
    """Put on record that the schedule or a person started a training; once for each run."""
    return Ledger(settings.database_url).record(
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


def _record(
    ledger: Ledger,
    id: str,
    run: Run,
    known: situation.Situation,
    judged: Judgement,
    settings: Settings,
) -> Decision:
    """Ask for the retraining first: a decision that says so must have one."""
    window = known.window
    evidence: Json = {"judgement": judged.to_json(), "situation": known.to_json()}
    cause = judged.causes[0].name if judged.causes else ""
    if judged.outcome == policy.RETRAIN:
        asked = requests.ask(settings.database_url, _request(window, cause, run.asked_at))
        cause, evidence["run_key"] = asked.cause, asked.run_key
    return ledger.record(
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


def _request(window: WindowRef, cause: str, asked_at: datetime) -> requests.Retrained:
    return requests.Retrained(
        use_case=window.use_case,
        window_end=window.end,
        champion=window.champion,
        cause=cause,
        run_key=requests.run_key(window.use_case, cause, window.end, window.champion),
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

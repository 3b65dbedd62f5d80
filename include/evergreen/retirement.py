"""End a use case, and bring it back: on record, with who, when and why.

retire("weather", reason="sold", actor="ada", records=records, settings=settings)
# its runs skip themselves, the service answers 404 with the reason, its alerts are over
revive("weather", reason="bought back", actor="bob", records=records)
"""

from evergreen import approvals, reasons
from evergreen.errors import EvergreenError
from evergreen.notify import all_clear
from evergreen.records import Decision, Records, Retirement, decision_id
from evergreen.settings import Settings

KIND = "retirement"


def retire(name: str, *, reason: str, actor: str, records: Records, settings: Settings) -> str:
    """Retire a use case, end its trial, its open approval and its alerts; return what was done.

    Its history, models and snapshots stay. Doing it again changes nothing.

    Raises:
        DeclarationError: the reason is too long.
        EvergreenError: there is no reason.
    """
    if not reasons.checked(reason):
        raise EvergreenError("a retirement needs a --reason: it is what callers are told")
    retired = records.retirements.put(Retirement(use_case=name, reason=reason, actor=actor))
    _record(retired, "retired", retired.sentence, actor, records)
    for trial in records.trials.running(name):
        records.trials.stop(trial.id, retired.sentence)
    approvals.withdraw(name, retired.sentence, records=records, settings=settings)
    for lasting in records.incidents.newest(name, limit=1000, open=True):
        all_clear(records, settings, name, lasting.kind, retired.sentence)
    return f"{retired.sentence}. Its history stays; `evergreen activate {name}` brings it back."


def revive(name: str, *, reason: str, actor: str, records: Records) -> str | None:
    """Bring a retired use case back, and return what was done; None: it is not retired.

    It is on record before it is done: whoever is interrupted says it again.

    Raises:
        DeclarationError: the reason is too long.
    """
    why = reasons.checked(reason)
    if (retired := records.retirements.get(name)) is None:
        return None
    sentence = f"{actor} brought {name} back{': ' * bool(why)}{why}. Before, {retired.sentence}"
    decision = _record(retired, "activated", sentence, actor, records)
    records.retirements.lift(name, actor)
    return decision.sentence


def _record(
    about: Retirement, outcome: str, sentence: str, actor: str, records: Records
) -> Decision:
    return records.decisions.record(
        Decision(
            id=decision_id(about.use_case, KIND, str(about.id)), use_case=about.use_case,
            kind=KIND, outcome=outcome, sentence=sentence, evidence={}, as_of=None,
            run_key=f"cli/{KIND}/{about.id}", actor=actor,
        )
    )  # fmt: skip

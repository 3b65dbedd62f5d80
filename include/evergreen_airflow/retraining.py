"""How a monitoring DAG ends: decide whether to retrain, and start the training if so.

    decide_and_retrain(use_case, watch(), options_of(use_case), "weather_training")

The training is started by TriggerDagRunOperator and not by an asset event: its run id is made of
cause, window and champion, so that a second start is skipped; note and conf show the cause on the
run itself; and the training DAG keeps its schedule. Asset events merge while a run is active, and
their cause is on the event.
"""

from dataclasses import dataclass
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import get_current_context, task

from evergreen.records.protocols import DecisionLog
from evergreen.refs import Json, WindowRef
from evergreen.spec import UseCase
from evergreen_airflow import here, notes
from evergreen_airflow.assets import tell_champions
from evergreen_airflow.edge import at_work, catalog, cause, param, tell, this_run
from evergreen_airflow.options import Options

ACTIVE = ("queued", "running")


class StartRun(TriggerDagRunOperator):
    """Starts a run of another DAG, unless it exists; its note may come from a task."""

    template_fields = (*TriggerDagRunOperator.template_fields, "note")


def decide_and_retrain(use_case: UseCase, watched: Any, options: Options, training: str) -> None:
    """Add the tasks `decide` and `start_training` to the DAG that is being written.

    `watched` is the XCom of a task that returns `WindowRef.to_json()`, of an unknown window too:
    new rows count without any traffic. `training` is the id of the DAG that is started.
    """

    @task.short_circuit(multiple_outputs=True, **options("decide"))
    def decide(window: Json) -> Json | None:
        """Decide whether to retrain, tell people of what lasts, and end a trial that is clear."""
        from evergreen import deciding
        from evergreen.deciding import alerts, trying

        known, seen, run = here.settings(), WindowRef.from_json(window), this_run()
        with at_work() as kept:
            decided = deciding.decide(
                use_case, seen, run, records=kept, settings=known, waits=waits(training)
            )
            alerts.of_window(use_case, seen, decided, records=kept, settings=known)
            tried = trying.conclude(use_case, run, records=kept, settings=known)
        tell("\n".join(filter(None, [decided.sentence, tried])))
        if not decided.retrain:
            return None
        return request(decided.run_id, decided.cause, decided.sentence, seen)

    start_run(
        decide(watched), training, options, task_id="start_training",
        doc="Starts the training; its run id, note and conf say why. Skipped if it exists.",
    )  # fmt: skip


def start_run(wanted: Any, dag_id: str, options: Options, *, task_id: str, doc: str) -> None:
    """Add the task that starts a run of another DAG, unless there is one of that id.

    `wanted` is the XCom of a task with several outputs: `run_id`, `conf` and `note` of the run.
    """
    StartRun(
        task_id=task_id,
        doc_md=doc,
        trigger_dag_id=dag_id,
        trigger_run_id=wanted["run_id"],
        conf=wanted["conf"],
        note=wanted["note"],
        logical_date=None,
        skip_when_already_exists=True,
        **options(task_id),
    )


def waits(dag_id: str) -> str:
    """Say why a run of the DAG would not start now; empty: it would.

    What a paused DAG is asked for is queued until somebody unpauses it, and then is of long ago.
    """
    from evergreen_airflow import schedules

    if schedules.is_paused(dag_id):
        return f"{dag_id} is paused, and starts nothing until it is unpaused"
    return f"a run of {dag_id} runs already" if schedules.count(dag_id, *ACTIVE) else ""


def request(run_id: str, asked_for: str, sentence: str, window: WindowRef) -> Json:
    """Return what the training is started with."""
    from evergreen.deciding.alerts import report_link

    report = report_link(here.settings(), window)
    span = f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    return {
        "run_id": run_id,
        "note": notes.beginning(sentence, f"Window: {span}. {report}".strip()),
        "conf": {
            "cause": asked_for,
            "why": sentence,
            "window": {"start": window.start.isoformat(), "end": window.end.isoformat()},
            "report": report,
            "note": f"{asked_for}: {sentence}",
        },
    }


def put_start_on_record(use_case: UseCase, why: str, decisions: DecisionLog) -> None:
    """Put on record who started this training: a schedule, assets, a person or another DAG."""
    from evergreen.deciding import decision

    run, person = this_run(), get_current_context()["dag_run"].triggering_user_name
    if run.may_promote and not (cause() or param("dry_run") or use_case.draft):
        started = "person" if person else run.actor
        decision.started(use_case, run, started, why, decisions=decisions)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What the watchdog found."""

    problems: list[str]
    """What lasts."""
    unseen: list[str]
    """What could not be looked at, and so is neither well nor a problem."""

    @property
    def sentence(self) -> str:
        """All of it for the note of the run."""
        lasting = "; ".join(self.problems)
        if not self.unseen:
            return lasting or "Every champion is served, crowned and fresh."
        told = lasting.removesuffix(".") or "All else is well"
        return f"{told}. Not looked at: {'; '.join(self.unseen)}."


def look_after_everything() -> Looked:
    """Look whether each champion is served, crowned, fresh, and its schedules kept; tell the rest.

    What is retired is left alone.
    One whose file is broken or gone, or a draft again, is served and crowned all the same.
    """
    from evergreen import approvals
    from evergreen.deciding import alerts, arrivals, digest, silences, states
    from evergreen.notify import resend
    from evergreen_airflow import schedules

    now, known, found = this_run().asked_at, here.settings(), catalog()
    declared = found.use_cases
    with at_work() as kept:
        told: dict[str, Any] = {"records": kept, "settings": known}
        retired = kept.retirements.all()
        served = [name for name in kept.promotions.use_cases() if name not in retired]
        problems = alerts.of_service(served, now, **told)
        for name in served:
            problems += alerts.of_registry(name, declared.get(name), now, **told)
            error = found.broken.get(name, "" if name in declared else arrivals.GONE)
            problems += silences.of_file(name, error, now, **told)
        for name in {waiting.use_case for waiting in kept.approvals.waiting()}:
            problems += approvals.expire(name, now, **told) + approvals.remind(name, now, **told)
        loaded = [declared[name] for name in served if name in declared]
        still = [use_case for use_case in loaded if not use_case.draft]
        for draft in (one for one in loaded if one.draft):
            silences.of_draft(draft.name, **told)
        until = states.catching_up(kept.heartbeats, now)
        for use_case in still:
            problems += silences.of_use_case(use_case, now, caught_up=until is None, **told)
        on_time = [] if until else still
        unseen = [f"whether {one.name} is fresh (it is a draft)" for one in loaded if one.draft]
        if served and not known.serve_host:
            unseen.insert(0, "whether champions are served (EVERGREEN_SERVE_HOST is not set)")
        if until and still:
            late = f"until {states.moment(until)}, as nobody had looked for a while"
            unseen.append(f"whether champions are fresh and schedules kept, {late}")
        for use_case in on_time:
            dags = schedules.scheduled(use_case, known.dag_prefix, now, kept.heartbeats)
            if dags is None:
                unseen.append(f"the schedules of {use_case.name} (Airflow does not answer)")
            problems += silences.of_schedules(use_case, dags or [], now, **told)
        problems += silences.of_house(now, **told)
        old = [
            look(use_case, now, **told)
            for use_case in on_time
            for look in (alerts.of_staleness, alerts.of_knowledge)
        ]
        tell_champions(served, kept.promotions)
        digest.send(now, **told)
        resend(kept, known)
        kept.heartbeats.beat("watchdog", now)
    alerts.beat(known)
    problems += [alert.message for alert in old if alert and not alert.resolved_at]
    return Looked(problems=problems, unseen=unseen)

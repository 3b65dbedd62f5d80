"""Where Airflow ends and the engine begins: what every DAG needs, and nothing else.

A task knows its run by `this_run()`, reads the engine's errors by `final_refusals()` and leaves its
sentence for the run's note by `tell(...)`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import DAG, BaseNotifier, Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from evergreen import records
from evergreen.catalog import OURS, Catalog, load
from evergreen.errors import (
    ChampionBusy,
    DeclarationError,
    EvergreenError,
    LeaseLost,
    NoChampion,
    Retired,
    StackError,
)
from evergreen.settings import variables
from evergreen.spec import UseCase
from evergreen.spec.pace import Schedule
from evergreen_airflow import assets, here
from evergreen_airflow.assets import when
from evergreen_airflow.notes import OUTCOME
from evergreen_airflow.priorities import OTHERS, weight

if TYPE_CHECKING:
    from airflow.sdk import Context

    from evergreen.records import Records
    from evergreen.steps import Run

log = logging.getLogger(__name__)

RUN_TIMEOUT = timedelta(hours=6)
"""How long a run may take whose tasks are granted no more."""
LONGEST_RANGE = 366
"""Days that one backfill may hold."""

NOT_BACKFILLED = (
    "scheduled", "manual", "operator_triggered", "asset_triggered", "asset_materialization",
)  # fmt: skip
"""Kinds of runs: all but those of Airflow's own Backfill."""
BY_ITSELF = {"scheduled": "schedule", "asset_triggered": "assets"}
"""Who asked for a run that no person asked for, by the kind of the run."""


class ReportFailure(BaseNotifier):
    """Puts a failed run on record as an incident, once, and tells people.

    That one that was cleared fails again, once it was over, is told again.
    A try that lost its task to a later one is no failure: the later one tells how it ends.
    """

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about
        """The use case, or `operations`."""

    def notify(self, context: "Context") -> None:
        """Report the run of the context, which Airflow calls after a task or the run has failed."""
        from evergreen.notify import report_failure

        if isinstance(getattr(context.get("exception"), "__cause__", None), LeaseLost):
            return
        dag_id, run_id = context["dag"].dag_id, context["run_id"]
        configured = here.settings()
        with records.open(configured) as kept:
            kept.heartbeats.ran(dag_id, datetime.now(UTC))
            report_failure(
                kept,
                configured,
                use_case=self.about,
                run_key=f"{dag_id}/{run_id}",
                step=context["ti"].task_id if "ti" in context else "run",
                message=str(context.get("exception") or context.get("reason") or "it failed"),
                link=f"{configured.ui_url}/dags/{dag_id}/runs/{quote(run_id)}",
                began=getattr(context.get("dag_run"), "start_date", None),
            )


class CloseIncident(BaseNotifier):
    """Notes that a run has gone well, and tells it of a DAG whose runs had failed."""

    def notify(self, context: "Context") -> None:
        """Close the incidents of the DAG of the context, if it has some."""
        from evergreen.notify import recovered

        with records.open(here.settings()) as kept:
            kept.heartbeats.ran(context["dag"].dag_id, datetime.now(UTC))
            recovered(kept, here.settings(), f"{context['dag'].dag_id}/{context['run_id']}")


def our_dag(
    about: str, owner: str, options: dict[str, Any], *, schedule: Schedule, **ours: Any
) -> DAG:
    """Return a DAG with what all of ours share; `about` is the use case, or `operations`.

    `options` are arguments of `DAG` that the user gives: they win. Of `default_args`, each does;
    to `tags` ours is added. A run that fails outside of its tasks is reported, too.
    """
    arguments = {
        "schedule": schedule,
        "start_date": datetime(2024, 1, 1, tzinfo=UTC),
        "catchup": False,
        "max_active_runs": 1,
        "allowed_run_types": NOT_BACKFILLED,
        "dagrun_timeout": RUN_TIMEOUT,
        "on_failure_callback": ReportFailure(about),
        "on_success_callback": CloseIncident(),
        **ours,
        **options,
    }
    arguments["schedule"] = when(arguments["schedule"])
    arguments["tags"] = [*(arguments["tags"] or ()), OURS]
    arguments["default_args"] = every_task(owner, about) | options.get("default_args", {})
    return DAG(**arguments)  # noqa: AIR002 (among the arguments)


def every_task(owner: str, about: str) -> dict[str, Any]:
    """Return the default arguments of our tasks.

    A worker may die, and the API server may be away for a minute: they are tried again. Airflow
    waits for one to two times the delay, and twice as long each time: 75 seconds in all at least.
    """
    return {
        "owner": owner,
        "priority_weight": weight(OTHERS),
        "weight_rule": "absolute",
        "retries": 4,
        "retry_delay": timedelta(seconds=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": ReportFailure(about),
    }


def tags(story: str, use_case: UseCase) -> list[str]:
    """Return the tags of a DAG of a use case, which tell what it does and that it is a draft."""
    draft = ["draft"] * use_case.draft
    return [story, use_case.name, use_case.kind.value, *draft, *use_case.tags]


def catalog() -> Catalog:
    """Return the declared use cases, and the errors of those that are broken."""
    return load(variables().use_cases_dir)


def this_run(*, purpose: str = "train", as_of: datetime | None = None) -> "Run":
    """Describe the run that the current task belongs to; the same on every retry.

    `as_of` is what the form says, or else when the run was due. A run of Airflow's own Backfill is
    a backfill, whatever its DAG is for.
    """
    from evergreen.steps import Run

    context = get_current_context()
    dag_run = context["dag_run"]
    asked_at = dag_run.start_date or dag_run.run_after
    as_of = as_of or moment(context["params"].get("as_of")) or dag_run.run_after
    if as_of > asked_at:
        raise DeclarationError("as_of", as_of.isoformat(), f"up to now, {asked_at.isoformat()}")
    backfilled = dag_run.run_type.value == "backfill"
    return Run(
        as_of=as_of,
        asked_at=asked_at,
        key=run_key(),
        actor=actor(),
        purpose="backfill" if backfilled else purpose,
    )


def run_key() -> str:
    """Return the name of this run in the ledger."""
    dag_run = get_current_context()["dag_run"]
    return f"{dag_run.dag_id}/{dag_run.run_id}"


def moment_param(title: str, description: str) -> Param:
    """Return the field of a form for a date-time that may be left empty."""
    form = {"type": ["null", "string"], "format": "date-time"}
    return Param(None, title=title, description=description, **form)


def note_param(description: str) -> Param:
    """Return the field of a form for a note of any length, which may be left empty.

    Airflow's form takes what may not be null for required, and an empty text for missing: its
    button is dead until something is written.
    """
    form = {"type": ["null", "string"], "format": "multiline"}
    return Param(None, title="Note", description=description, **form)


def switch_param(title: str, description: str) -> Param:
    """Return the field of a form for something that is off unless it is switched on."""
    return Param(False, type=["null", "boolean"], title=title, description=description)


def param(name: str) -> Any:
    """Return what the trigger form says, or its default."""
    return get_current_context()["params"].get(name)


def moment(text: str | None) -> datetime | None:
    """Read a date or date-time of the form; without a zone it is UTC.

    >>> moment("2026-11-21").isoformat()
    '2026-11-21T00:00:00+00:00'

    Raises:
        DeclarationError: it is neither.
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise DeclarationError("date", text, "2026-11-20 or 2026-11-20T06:00") from None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def days_between(first: date, last: date) -> list[str]:
    """Return the ISO dates from first to last, both included.

    Raises:
        DeclarationError: `to` lies before `from`, or the range holds more than 366 days.
    """
    count = (last - first).days + 1
    if not 1 <= count <= LONGEST_RANGE:
        raise DeclarationError("to", last.isoformat(), f"{first} up to {LONGEST_RANGE} days later")
    return [(first + timedelta(days=n)).isoformat() for n in range(count)]


def cause() -> str | None:
    """Return what monitoring started this run for; None: it did not, whatever a form says."""
    run_type = get_current_context()["dag_run"].run_type.value
    return param("cause") if run_type == "operator_triggered" else None


def actor() -> str:
    """Return who asked for this run: a person's name, `schedule`, `assets` or `monitoring`."""
    dag_run = get_current_context()["dag_run"]
    if cause():
        return "monitoring"
    if dag_run.triggering_user_name:
        return str(dag_run.triggering_user_name)
    return BY_ITSELF.get(dag_run.run_type.value, dag_run.run_type.value)


def why() -> str:
    """Say in one sentence why this run happens."""
    dag_run = get_current_context()["dag_run"]
    if reason := cause():
        told = f"Monitoring asked for it, because of {reason}: {param('why')}"
        return f"{told} Report: {report}" if (report := param("report")) else told
    note = param("note")
    if dag_run.run_type.value == "scheduled":
        sentence = f"Its schedule asked for it at {dag_run.run_after:%Y-%m-%d %H:%M} UTC"
    elif dag_run.run_type.value == "asset_triggered":
        sentence = f"An update of {assets.updated()} asked for it"
    else:
        sentence = f"{actor()} asked for it"
    return f"{sentence}: {note}" if note else f"{sentence}."


def tell(sentence: str) -> None:
    """Log the outcome in words, and keep it for the note of the run."""
    log.info("%s", sentence)
    get_current_context()["ti"].xcom_push(OUTCOME, sentence)


@contextmanager
def final_refusals() -> Iterator[None]:
    """Let what the engine refuses on purpose fail the task at once: trying again helps nobody.

    What is retired, or has no champion yet to ask, is skipped, and what follows with it: the run
    says so, and alarms nobody.
    """
    try:
        yield
    except (StackError, ChampionBusy):
        raise
    except (Retired, NoChampion) as ended:
        tell(str(ended))
        raise AirflowSkipException(str(ended)) from ended
    except EvergreenError as refusal:
        tell(getattr(refusal, "sentence", str(refusal)))
        raise AirflowFailException(str(refusal)) from refusal


@contextmanager
def at_work() -> "Iterator[Records]":
    """Open the records for this try of the task, as `final_refusals`.

    What an earlier try that lives on would write is refused from here on: it is fenced off.
    """
    ti = get_current_context()["ti"]
    with final_refusals(), records.open(here.settings()) as kept:
        lease = kept.leases.seize("task", f"{run_key()}/{ti.task_id}/{ti.map_index}")
        try:
            yield kept.fenced(lease)
        finally:
            kept.leases.let_go(lease)

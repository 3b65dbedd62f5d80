"""`<use case>_training`: daily, by hand or as monitoring asks, from rows to champion."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup, get_current_context, task

from evergreen.refs import (
    CandidateRef,
    EvaluationRef,
    FeaturesRef,
    Json,
    SnapshotRef,
    ValidationRef,
    Verdict,
)
from evergreen.settings import variables
from evergreen.spec import Task, UseCase
from evergreen.spec.tasks import OF_A_TRAINING
from evergreen_airflow import here, openlineage
from evergreen_airflow.approval import ask_for_approval
from evergreen_airflow.assets import UPDATES, source, tell_champions
from evergreen_airflow.edge import (
    at_work,
    every_task,
    moment_param,
    note_param,
    our_dag,
    param,
    run_key,
    switch_param,
    tags,
    tell,
    this_run,
    why,
)
from evergreen_airflow.ingest import WAIT, wait_for_ingest
from evergreen_airflow.options import options_of, run_timeout
from evergreen_airflow.priorities import TRAINING, Stalest, mapped, weight
from evergreen_airflow.retraining import put_start_on_record
from evergreen_airflow.training_doc import doc_md

if TYPE_CHECKING:
    from evergreen.records import Records

log = logging.getLogger(__name__)

FORM = {
    "as_of": moment_param(
        "As of", "Train on what was known at this moment (UTC). Empty: when the run is due."
    ),
    "force_retrain": switch_param(
        "Train again",
        "Train even if the same training (data, code, parameters) was done before.",
    ),
    "dry_run": switch_param(
        "Dry run",
        "The gate decides and reports, but the champion stays whatever it says.",
    ),
    "note": note_param("Why you ask for this run; kept with the run and with its models."),
}

IN_THE_QUEUE = {"priority_weight": weight(TRAINING), "weight_rule": Stalest()}
"""What the scheduler is told of who goes first."""


def training_dag(
    use_case: UseCase,
    *,
    prefix: str = "",
    tasks: Mapping[str, Task] | None = None,
    pool: str = "",
    **options: Any,
) -> DAG:
    """Return the training DAG of a use case.

    `options` are those of `DAG`, instead of ours; `tasks` are like those that a use case declares.
    A `schedule` is better declared: what is told of a champion's age goes by the use case's.
    `pool` is Airflow's, for those that name none; empty: `EVERGREEN_TRAINING_POOL`.
    """
    schedule = options.pop("schedule", use_case.training_schedule)
    with our_dag(
        use_case.name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{use_case.name}_training",
        description=use_case.doc,
        doc_md=doc_md(use_case, schedule, prefix),
        schedule=schedule,
        tags=tags("training", use_case),
        params=FORM,
        allowed_run_types=None,
        dagrun_timeout=run_timeout(options_of(use_case, tasks), steps_of(use_case)),
    ) as dag:
        add_tasks(use_case, prefix, tasks, pool)
    return dag


def training_tasks(
    use_case: UseCase,
    group_id: str = "",
    *,
    tasks: Mapping[str, Task] | None = None,
    **options: Any,
) -> TaskGroup:
    """Return the same tasks as a group, inside a DAG of your own.

    The fields of our form count where your DAG has params of these names. It waits for no ingest.
    `options` are those of `TaskGroup`, instead of ours; `tasks` are as in `training_dag`.
    """
    ours: dict[str, Any] = {
        "group_id": group_id or f"train_{use_case.name}",
        "tooltip": use_case.doc,
        "default_args": every_task(use_case.owner, use_case.name),
    }
    with TaskGroup(**{**ours, **options}) as group:
        add_tasks(use_case, None, tasks)
    return group


def add_tasks(
    use_case: UseCase, prefix: str | None, tasks: Mapping[str, Task] | None, pool: str = ""
) -> None:
    """Add the tasks of a training to the DAG or group that is being written.

    A step runs once at a time for all runs of the DAG: a backfill of Airflow's own has many. With a
    `prefix`, the ingest of the use case comes first.
    """
    options = options_of(use_case, tasks)
    shared = IN_THE_QUEUE | {"pool": pool or variables().training_pool}

    def queued(step: str, at_once: int = 1) -> Any:
        return shared | {"max_active_tis_per_dag": at_once} | options(step)

    names, grouped = list(use_case.trainings), prefix is None

    @task(inlets=source(use_case), **queued("extract"))
    def extract() -> Json:
        """Take the rows known at `as_of` into an immutable snapshot."""
        from evergreen import steps

        tell(f"Why this run: {why()}")
        known = here.settings()
        with at_work() as kept:
            kept.retirements.check(use_case.name)
            put_start_on_record(use_case, why(), kept.decisions)
            taken = steps.extract(use_case, the_run(use_case), records=kept, settings=known)
        openlineage.moved(
            openlineage.table(use_case, known), [openlineage.snapshot(use_case, taken)]
        )
        return taken.to_json()

    @task(**queued("validate"))
    def validate(snapshot: Json) -> Json:
        """Check the snapshot with Great Expectations; blocks."""
        from evergreen import steps

        ref = SnapshotRef.from_json(snapshot)
        with at_work() as kept:
            return steps.validate(
                use_case, ref, the_run(use_case), records=kept, settings=here.settings()
            ).to_json()

    @task(**queued("build_features"))
    def build_features(validated: Json) -> Json:
        """Split the rows and compute their features, once for all candidates."""
        from evergreen import steps

        ref = ValidationRef.from_json(validated)
        with at_work() as kept:
            built = steps.build_features(
                use_case, ref, the_run(use_case), records=kept, settings=here.settings()
            )
        openlineage.moved(
            [openlineage.snapshot(use_case, ref.snapshot)],
            [openlineage.in_store(built.uri, built.sha256)],
        )
        return built.to_json()

    @task(**queued("store_features"))
    def store_features(features: Json) -> Json:
        """Put the features of every row where serving reads them by key."""
        from evergreen import steps

        ref = FeaturesRef.from_json(features)
        with at_work() as kept:
            filled = steps.store_features(
                use_case, ref, the_run(use_case), records=kept, settings=here.settings()
            )
        log.info("%s", filled.sentence)  # it may end last: the note is what the training decided
        return filled.to_json()

    @task(
        map_index_template="{{ task.op_kwargs['name'] }}",
        **mapped(queued("train", at_once=len(names)), "train"),
    )
    def train(features: Json, name: str) -> Json:
        """Walk one recipe over the judged rows, tracked in MLflow."""
        from evergreen import steps

        with at_work() as kept:
            trained = steps.train(
                use_case,
                FeaturesRef.from_json(features),
                name,
                the_run(use_case),
                force=bool(param("force_retrain")),
                note=param("note") or "",
                records=kept,
                settings=here.settings(),
            )
        return trained.to_json() if trained else {}

    @task(**queued("evaluate"))
    def evaluate(features: Json, trained: list[Json]) -> Json:
        """Score every recipe, and the one in charge, on the same judged rows."""
        from evergreen import steps

        built = FeaturesRef.from_json(features)
        walked = [CandidateRef.from_json(each) for each in trained if each]
        with at_work() as kept:
            result = steps.evaluate(
                use_case, built, walked, the_run(use_case), records=kept, settings=here.settings()
            )
        return result.to_json()

    @task(**queued("gate"))
    def gate(evaluation: Json) -> Json:
        """Judge the recipes: may another take over?"""
        from evergreen import steps
        from evergreen.deciding import alerts

        ref, run = EvaluationRef.from_json(evaluation), the_run(use_case)
        with at_work() as kept:
            verdict = steps.gate(use_case, ref, run, records=kept, settings=here.settings())
            alerts.of_gate(use_case, verdict, run, records=kept, settings=here.settings())
        tell(verdict.sentence)
        return verdict.to_json()

    @task.short_circuit(ignore_downstream_trigger_rules=False, **queued("fit"))
    def fit(judged: Json) -> Json | None:
        """Fit the recipe in charge on all mature rows; what may not serve goes no further."""
        from evergreen import steps
        from evergreen.deciding import alerts

        verdict, run = Verdict.from_json(judged), the_run(use_case)
        with at_work() as kept:
            served = steps.fit(use_case, verdict, run, records=kept, settings=here.settings())
            if served is not None:
                alerts.of_fit(use_case, served, run, records=kept, settings=here.settings())
            goes_on = served is not None and served.passed and run.may_promote
            if grouped and not goes_on:
                went_well(use_case, kept)
        if served is None:
            return None
        keep(served)
        if use_case.draft:
            tell(steps.undrafted(use_case, served.sentence))
        elif not run.may_promote:
            what = run.purpose.replace("_", " ").capitalize()
            tell(f"{what}, so the champion stays. Otherwise: {served.sentence}")
        return served.to_json() if goes_on else None

    @task(outlets=[UPDATES], **queued("promote"))
    def promote(verdict: Json) -> Json:
        """Let the new fit serve, if nobody else was faster."""
        from evergreen import steps

        ref, known = Verdict.from_json(verdict), here.settings()
        with at_work() as kept:
            promotion = steps.promote(
                use_case, ref, the_run(use_case), records=kept, settings=known
            )
            tell_champions([use_case.name], kept.promotions)
            if grouped:
                went_well(use_case, kept)
        if promotion.promoted and promotion.champion:
            learned = openlineage.snapshot(use_case, ref.evaluation.features.snapshot)
            openlineage.moved(
                [learned], [openlineage.model(use_case, promotion.champion.version, known)]
            )
        tell(promotion.sentence)
        return promotion.to_json()

    snapshot = extract()
    if prefix is not None and use_case.ingest is not None:
        wait_for_ingest(use_case, prefix, options) >> snapshot
    features = build_features(validate(snapshot))
    if use_case.features.stored:
        store_features(features)
    trained = train.partial(features=features).expand(name=names)
    promoted = promote(fit(gate(evaluate(features, trained))))
    if prefix is not None and use_case.release.approval:
        ask_for_approval(use_case, promoted, options, f"{prefix}{use_case.name}_approval")


def steps_of(use_case: UseCase) -> list[str]:
    """Return the steps of a training as if its recipes were trained one after the other."""
    return [WAIT, "store_features", *OF_A_TRAINING, *["train"] * (len(use_case.trainings) - 1)]


def the_run(use_case: UseCase) -> Any:
    """Describe this run; a dry one, and a draft's, may not promote."""
    return this_run(purpose=use_case.purpose(dry_run=bool(param("dry_run"))))


def went_well(use_case: UseCase, kept: "Records") -> None:
    """End the failures of earlier runs, in a DAG of somebody's own, which does not by itself."""
    from evergreen.notify import recovered

    recovered(kept, here.settings(), run_key(), use_case.name)


def keep(verdict: Verdict) -> None:
    """Log the checks and keep the verdict, which a refused short circuit would not return."""
    tell(verdict.sentence)
    get_current_context()["ti"].xcom_push("verdict", verdict.to_json())

"""`<use case>_training`: daily, by hand or as monitoring asks, from rows to champion."""

from typing import Any

from airflow.sdk import DAG, TaskGroup, get_current_context, task

from evergreen import settings
from evergreen.refs import (
    CandidateRef,
    EvaluationRef,
    FeaturesRef,
    Json,
    SnapshotRef,
    ValidationRef,
    Verdict,
)
from evergreen.spec import UseCase
from evergreen_airflow.edge import (
    at_work,
    every_task,
    moment_param,
    note_param,
    our_dag,
    param,
    switch_param,
    tell,
    this_run,
    why,
)
from evergreen_airflow.retraining import put_start_on_record, tell_of_refusal
from evergreen_airflow.training_doc import doc_md

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


def training_dag(use_case: UseCase, *, prefix: str = "", **options: Any) -> DAG:
    """Return the training DAG of a use case; `options` are those of `DAG`, instead of ours."""
    with our_dag(
        use_case.name,
        use_case.owner,
        options,
        dag_id=f"{prefix}{use_case.name}_training",
        description=use_case.doc,
        doc_md=doc_md(use_case),
        schedule=use_case.schedule,
        tags=["training", use_case.name, use_case.kind.value, *use_case.tags],
        params=FORM,
        allowed_run_types=None,
    ) as dag:
        add_tasks(use_case)
    return dag


def training_tasks(use_case: UseCase, group_id: str = "", **options: Any) -> TaskGroup:
    """Return the same tasks as a group, inside a DAG of your own.

    The fields of our form count where your DAG has params of these names. `options` are those of
    `TaskGroup`, instead of ours.
    """
    ours: dict[str, Any] = {
        "group_id": group_id or f"train_{use_case.name}",
        "tooltip": use_case.doc,
        "default_args": every_task(use_case.owner, use_case.name),
    }
    with TaskGroup(**{**ours, **options}) as group:
        add_tasks(use_case)
    return group


def add_tasks(use_case: UseCase) -> None:
    """Add the tasks of a training to the DAG or group that is being written."""
    names = [candidate.name for candidate in use_case.candidates + use_case.baselines]

    @task
    def extract() -> Json:
        """Take the rows known at `as_of` into an immutable snapshot."""
        from evergreen import steps

        tell(f"Why this run: {why()}")
        with at_work() as kept:
            put_start_on_record(use_case, why(), kept.decisions)
            return steps.extract(
                use_case, the_run(), records=kept, settings=settings.get()
            ).to_json()

    @task
    def validate(snapshot: Json) -> Json:
        """Check the snapshot with Great Expectations; blocks."""
        from evergreen import steps

        ref = SnapshotRef.from_json(snapshot)
        with at_work() as kept:
            return steps.validate(
                use_case, ref, the_run(), records=kept, settings=settings.get()
            ).to_json()

    @task
    def build_features(validated: Json) -> Json:
        """Split the rows and compute their features, once for all candidates."""
        from evergreen import steps

        ref = ValidationRef.from_json(validated)
        with at_work() as kept:
            built = steps.build_features(
                use_case, ref, the_run(), records=kept, settings=settings.get()
            )
        return built.to_json()

    @task(map_index_template="{{ task.op_kwargs['name'] }}")
    def train(features: Json, name: str) -> Json:
        """Train one candidate or baseline, tracked in MLflow."""
        from evergreen import steps

        with at_work() as kept:
            trained = steps.train(
                use_case,
                FeaturesRef.from_json(features),
                name,
                force=bool(param("force_retrain")),
                note=param("note") or "",
                records=kept,
                settings=settings.get(),
            )
        return trained.to_json()

    @task
    def evaluate(features: Json, trained: list[Json]) -> Json:
        """Score challenger, champion and baselines on the same held-out raw rows."""
        from evergreen import steps

        built = FeaturesRef.from_json(features)
        candidates = [CandidateRef.from_json(each) for each in trained]
        with at_work() as kept:
            result = steps.evaluate(
                use_case, built, candidates, records=kept, settings=settings.get()
            )
        return result.to_json()

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def gate(evaluation: Json) -> Json | None:
        """Judge the evidence; what does not pass goes no further."""
        from evergreen import steps

        ref, run = EvaluationRef.from_json(evaluation), the_run()
        with at_work() as kept:
            verdict = steps.gate(use_case, ref, run, records=kept, settings=settings.get())
            tell_of_refusal(use_case, verdict, run, kept)
        keep(verdict)
        if verdict.passed and not run.may_promote:
            what = run.purpose.replace("_", " ").capitalize()
            tell(f"{what}, so the champion stays. The gate says: {verdict.sentence}")
        return verdict.to_json() if verdict.passed and run.may_promote else None

    @task
    def promote(verdict: Json) -> Json:
        """Make the challenger champion, if nobody else was faster."""
        from evergreen import steps

        ref = Verdict.from_json(verdict)
        with at_work() as kept:
            promotion = steps.promote(
                use_case, ref, the_run(), records=kept, settings=settings.get()
            )
        tell(promotion.sentence)
        return promotion.to_json()

    features = build_features(validate(extract()))
    trained = train.partial(features=features).expand(name=names)
    promote(gate(evaluate(features, trained)))


def the_run() -> Any:
    """Describe this run; a dry one may not promote."""
    return this_run(purpose="dry_run" if param("dry_run") else "train")


def keep(verdict: Verdict) -> None:
    """Log the checks and keep the verdict, which a refused short circuit would not return."""
    tell(verdict.sentence)
    get_current_context()["ti"].xcom_push("verdict", verdict.to_json())

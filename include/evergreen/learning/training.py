"""Walk one contender (or baseline, or the recipe in charge), and log all of it to MLflow.

    ref = train(weather, features, "logistic", trainings=trainings, settings=settings)
    ref.metrics["roc_auc"], ref.blocks, ref.run_id      # by fits that had not seen the rows
    served = fit(weather, features, ref, settings=settings)
    served.model_uri, served.sha256                     # fitted on all mature rows

The same training (data, code, parameters, seed, package versions) is done only once.
"""

import hashlib
import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from evergreen.errors import ModelRefused
from evergreen.learning import (
    answers,
    computing,
    entities,
    features,
    fitting,
    metrics,
    model_folder,
    models,
    plots,
    provenance,
    source_code,
    tracking,
    worth,
)
from evergreen.learning.computing import Compute
from evergreen.learning.data import Data
from evergreen.learning.features import RawHoldout
from evergreen.learning.fitting import Tried
from evergreen.learning.models import Golden
from evergreen.learning.recipes import Recipe, described, plain
from evergreen.learning.searching import SearchTrial
from evergreen.learning.tracking import RunLog
from evergreen.learning.walking import Known, Memory
from evergreen.personal import failure
from evergreen.refs import CandidateRef, FeaturesRef, InCharge, Json
from evergreen.settings import Settings
from evergreen.spec import CHAMPION, Metric, UseCase

GOLDEN_ROWS = 20
EXAMPLE_ROWS = 5
CV, JUDGED, WORTH, SECONDS = "cv_", "holdout_", "business_", "fit_seconds"


class Trainings(Memory, Protocol):
    """What earlier trainings of a use case left on record."""

    def finished(self, key: str) -> Json | None:
        """Return the `CandidateRef` of a training that was finished."""

    def finish(self, key: str, document: Json) -> None:
        """Put a finished training on record."""


class Forgetful:
    """A memory without a past: everything is fitted again."""

    def recall(self, recipe: str) -> Known | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def keep(self, recipe: str, known: Known) -> None:
        """Keep nothing."""

    def finished(self, key: str) -> Json | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def finish(self, key: str, document: Json) -> None:
        """Keep nothing."""


def train(
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    *,
    in_charge: InCharge | None = None,
    trainings: Trainings,
    settings: Settings,
    force: bool = False,
    note: str = "",
) -> CandidateRef:
    """Walk a recipe over the judged rows, and log it in the experiment of the use case.

    A run that a dead process left running is ended first. A training that was finished before is
    not done again: its reference is returned, marked as reused.

    Args:
        use_case: the declaration.
        built: features and split, from `features.build`.
        name: of the contender or baseline, or `champion`: the recipe in charge.
        in_charge: the present champion; needed where the name is `champion`.
        trainings: what earlier ones left on record.
        settings: where snapshots and MLflow are.
        force: train even so.
        note: shown with the run in MLflow.
    """
    experiment = tracking.experiment(settings, use_case.name)
    key = training_key(use_case, built, name, in_charge)
    experiment.end_leftovers(key)
    if not force and (done := trainings.finished(key)):
        trainings.finish(key, done)  # in use again, so not old
        return replace(CandidateRef.from_json(done), reused=True)
    if not force:
        experiment.end_unrecorded(key)
    tags = _tags(use_case, built, key, note, settings) | {tracking.FORCED: str(force).lower()}
    with experiment.run(name, tags) as log:
        memory = Forgetful() if force else trainings
        with computing.of(settings) as compute:
            data, tried = _try(use_case, built, name, in_charge, memory, compute, settings)
        ref = _log_walk(log, use_case, built, name, data, tried, settings)
    trainings.finish(key, ref.to_json())
    return ref


def unwalked(name: str, error: Exception, personal: Collection[str] = ()) -> CandidateRef:
    """Return the reference of a training that failed: the others compete without it."""
    why = failure(error, personal)
    return CandidateRef(name=name, run_id="", cv={}, metrics={}, seconds=0.0, problem=why)


def fit(
    use_case: UseCase,
    built: FeaturesRef,
    ref: CandidateRef,
    *,
    in_charge: InCharge | None = None,
    settings: Settings,
) -> CandidateRef:
    """Fit a recipe on all mature rows, and log the model that serves in the recipe's own run.

    Raises:
        ModelRefused: it holds a type that is not trusted, or its recipe is not what was judged.
    """
    recipe = recipe_of(use_case, ref, in_charge, settings)
    data = features.data(built, use_case, settings, recipe.code)
    with computing.of(settings) as compute:
        model = fitting.newest(recipe, data, ref.held, compute)
    holdout = features.held_out(use_case, data)
    experiment = tracking.experiment(settings, use_case.name)
    log = RunLog(experiment.client, experiment.id, ref.run_id)
    said = answers.load(ref, settings)
    drawn = (holdout.truth, said, fitting.importance(use_case, recipe, model, data))
    uri, sha256 = _log_model(log, use_case, recipe, model, holdout, drawn)
    model_id = uri.removeprefix("models:/")
    log.figures({}, {f"{JUDGED}{k}": v for k, v in ref.metrics.items()}, {}, model_id)
    return replace(ref, model_uri=uri, sha256=sha256)


def recipe_of(
    use_case: UseCase, ref: CandidateRef, in_charge: InCharge | None, settings: Settings
) -> Recipe:
    """Return the recipe that was walked.

    Raises:
        ModelRefused: it has another digest now.
    """
    if ref.name == CHAMPION:
        recipe = _in_charge(in_charge, settings)
    else:
        parameters = ref.recipe.parameters if ref.recipe else {}
        recipe = Recipe.of(
            use_case, use_case.candidate(ref.name), _given(use_case, ref, parameters)
        )
    if ref.recipe is None or recipe.digest != ref.recipe.digest:
        raise ModelRefused(f"the recipe {ref.name} is not the one that was judged; train again")
    return recipe


def training_key(
    use_case: UseCase, built: FeaturesRef, name: str, in_charge: InCharge | None = None
) -> str:
    """Return the digest of all that a training depends on."""
    depends_on = {
        "features": built.sha256,
        "snapshot": built.snapshot.sha256,
        "split": built.split,
        "code": features.code(use_case).digest,
        "use_case": [use_case.name, use_case.kind, use_case.seed, use_case.gate.metric],
        "windows": repr(use_case.windows),
        "environment": provenance.environment(),
        "interval": use_case.interval,
        "weight": use_case.source.weight,
        "business": _worth(use_case),
        "metrics": [metric_inputs(one) for one in use_case.metrics],
        "recipe": _asked(use_case, name, in_charge),
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def asked(use_case: UseCase, name: str) -> str:
    """Return the digest of a recipe as it is declared, whatever the rows: another walks anew."""
    declared = [
        features.code(use_case).digest,
        provenance.environment(),
        use_case.seed,
        use_case.source.weight,
        [repr(use_case.windows), str(use_case.embargo)],
        [] if name == CHAMPION else _asked(use_case, name, None),
    ]
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()


def _asked(use_case: UseCase, name: str, in_charge: InCharge | None) -> Any:
    if name == CHAMPION:
        return [in_charge.champion.sha256, in_charge.recipe.digest] if in_charge else None
    candidate = use_case.candidate(name)
    return [
        name,
        candidate.columns or use_case.features.columns,
        repr(dict(candidate.search)),
        candidate.trials,
        str(candidate.window),
        str(candidate.half_life),
        *([candidate.num_workers] if candidate.num_workers > 1 else []),
        described(models.pipeline(use_case, candidate)[1:]),
    ]


def metric_inputs(one: Metric) -> list[Any]:
    """Return all that a metric of one's own depends on, to be digested."""
    return [one.name, one.more_is_better, one.reads, source_code.closure(one.function)]


def _worth(use_case: UseCase) -> str:
    business = use_case.business
    if business is None:
        return ""
    return source_code.closure(business.measure) + repr(business.choose_threshold)


def _given(use_case: UseCase, ref: CandidateRef, parameters: Json) -> Json:
    """Return searched parameters as they were declared: the record has tuples as texts, say."""
    declared = use_case.candidate(ref.name).search
    listed = {n: v for n, v in declared.items() if isinstance(v, list | tuple | range)}
    return {
        name: next((v for v in listed.get(name, ()) if plain(v) == value), value)
        for name, value in parameters.items()
    }


def _in_charge(in_charge: InCharge | None, settings: Settings) -> Recipe:
    if in_charge is None:
        raise ValueError("there is no champion whose recipe could be walked")
    champion = in_charge.champion
    model = tracking.fetch_model(settings, champion.model_uri, champion.sha256)
    return Recipe.behind(model, in_charge.recipe)


def _try(
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    in_charge: InCharge | None,
    memory: Memory,
    compute: Compute,
    settings: Settings,
) -> tuple[Data, Tried]:
    if name == CHAMPION:
        recipe = _in_charge(in_charge, settings)
        data = features.data(built, use_case, settings, recipe.code)
        return data, fitting.judge_recipe(use_case, recipe, data, memory, compute)
    data = features.data(built, use_case, settings)
    return data, fitting.judge(use_case, use_case.candidate(name), data, memory, compute)


def _log_walk(
    log: RunLog,
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    data: Data,
    tried: Tried,
    settings: Settings,
) -> CandidateRef:
    truth, raw = data.rows.truth[data.judged], data.raw.take(data.judged)
    measured = metrics.score(use_case.scale, truth, tried.output)
    valued = worth.measure(use_case, raw.reset_index(drop=True), truth, tried.output)
    best = max(
        tried.trials, key=lambda trial: trial.parameters == tried.recipe.parameters, default=None
    )
    log.dataset(built.snapshot, model_folder.schema(raw))
    macro = entities.macro(use_case, raw, truth, tried.output)
    figures = _figures(measured, valued, tried, best)
    figures |= {f"{JUDGED}macro_{name}": value for name, value in macro.items()}
    log.figures(_params(use_case, tried, built), figures, {}, None)
    if len(tried.trials) > 1:
        for number, trial in enumerate(tried.trials, start=1):
            log.trial(f"{name} trial {number}", trial.parameters, _averages(trial))
    kept = answers.keep(use_case.name, tried.output, settings)
    return CandidateRef(
        name=name,
        run_id=log.run_id,
        cv=best.mean if best else {},
        metrics=measured,
        seconds=tried.seconds,
        recipe=tried.recipe.ref,
        blocks=tried.blocks,
        answers_uri=kept.uri,
        answers_sha256=kept.sha256,
        held=dict(tried.held),
        fitted=tried.fitted,
        effort=tried.effort,
    )


def _log_model(
    log: RunLog,
    use_case: UseCase,
    recipe: Recipe,
    model: Pipeline,
    holdout: RawHoldout,
    drawn: tuple[Any, Any, dict[str, float | None]],
) -> tuple[str, str]:
    """Upload the model with its golden rows and pictures; return its address and digest."""
    raw = holdout.rows[list(recipe.code.inputs)]
    example = raw[holdout.mask].tail(EXAMPLE_ROWS)
    labels = models.predict(model, raw).take(holdout.mask).labels
    with tempfile.TemporaryDirectory() as scratch:
        folder, artifacts = Path(scratch, "model"), Path(scratch, "run")
        with log.model(recipe.name, folder) as model_id:
            sha256 = model_folder.write(folder, model, example, labels, log.run_id, model_id)
        golden = models.golden(model, _golden_rows(use_case, holdout)[raw.columns])
        _write_artifacts(artifacts, use_case, golden, *drawn)
        log.artifacts(artifacts)
    return f"models:/{model_id}", sha256


def _write_artifacts(
    folder: Path,
    use_case: UseCase,
    golden: Golden,
    truth: Any,
    said: models.Output,
    importance: dict[str, float | None],
) -> None:
    plots.draw(use_case.kind, truth, said, importance, folder / "plots")
    documents = {tracking.GOLDEN_FILE: golden.to_json(), "importance.json": importance}
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1, default=str))


def _golden_rows(use_case: UseCase, holdout: RawHoldout) -> pd.DataFrame:
    newest = holdout.mask.nonzero()[0][-GOLDEN_ROWS:]
    wanted = holdout.mask & False
    wanted[newest] = True
    return holdout.rows[features.with_history(use_case, holdout.rows, wanted)]


def _tags(
    use_case: UseCase, built: FeaturesRef, key: str, note: str, settings: Settings
) -> dict[str, str]:
    commit = provenance.commit(settings)
    tags = {
        tracking.KEY: key,
        "evergreen.snapshot_sha256": built.snapshot.sha256,
        "evergreen.features_sha256": built.sha256,
        "evergreen.feature_code_sha256": features.code(use_case).digest,
        "evergreen.as_of": built.snapshot.as_of.isoformat(),
        "evergreen.code_commit": commit,
        "mlflow.source.git.commit": commit,
        "mlflow.source.name": f"use_cases/{use_case.name}.py",
    }
    tags |= {f"version.{name}": found for name, found in provenance.environment().items()}
    return tags | ({"mlflow.note.content": note} if note else {})


def _params(use_case: UseCase, tried: Tried, built: FeaturesRef) -> dict[str, Any]:
    estimator = tried.recipe.model[-1]
    own = _plain(estimator)
    held = {name: value for name, value in tried.held.items() if name != "positive"}
    return (
        own
        | held
        | {
            "estimator": type(estimator).__name__,
            "features": ", ".join(tried.recipe.code.columns),
            "recipe": tried.recipe.digest[:16],
            "window": str(tried.recipe.window or "all"),
            "half_life": str(tried.recipe.half_life or "none"),
            "num_workers": tried.recipe.num_workers,
            "weight": use_case.source.weight or "none",
            "seed": use_case.seed,
            "split": built.split,
            "mature_rows": built.training.rows,
            "holdout_rows": built.holdout.rows,
            "blocks": len(tried.blocks),
            "trials": len(tried.trials) or 1,
        }
    )


def _plain(estimator: Any) -> dict[str, Any]:
    """Return an estimator's parameters, of a Pipeline those of its steps."""
    own: dict[str, Any] = estimator.get_params(deep=isinstance(estimator, Pipeline))
    return {k: v for k, v in own.items() if not isinstance(v, BaseEstimator | list)}


def _averages(trial: SearchTrial) -> dict[str, float]:
    return {f"{CV}{name}": value for name, value in trial.mean.items()}


def _figures(
    measured: Mapping[str, float],
    valued: Mapping[str, float],
    tried: Tried,
    best: SearchTrial | None,
) -> dict[str, float]:
    """Name the metrics as the MLflow UI shows them: cv_f1, cv_f1_std, holdout_f1."""
    figures = {f"{JUDGED}{name}": value for name, value in measured.items()}
    figures |= {f"{WORTH}{name}": value for name, value in valued.items()}
    if best is not None:
        figures |= {f"{CV}{name}": value for name, value in best.mean.items()}
        figures |= {f"{CV}{name}_std": value for name, value in best.std.items()}
    return figures | {SECONDS: tried.seconds, "fits": float(tried.fitted)}

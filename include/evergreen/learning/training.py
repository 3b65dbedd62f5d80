"""Train one candidate and log all of it to MLflow.

    ref = train(weather, features, "logistic", settings=settings)
    ref.cv["roc_auc"], ref.metrics["roc_auc"], ref.run_id

The same training (data, code, parameters, seed, package versions) is done only once.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator

from evergreen.learning import (
    features,
    fitting,
    model_folder,
    models,
    plots,
    provenance,
    source_code,
    tracking,
)
from evergreen.learning.features import RawHoldout
from evergreen.learning.fitting import Fitted
from evergreen.learning.models import Golden
from evergreen.learning.searching import Trial
from evergreen.learning.tracking import RunLog
from evergreen.refs import CandidateRef, FeaturesRef
from evergreen.settings import Settings
from evergreen.spec import Candidate, UseCase

GOLDEN_ROWS = 20
EXAMPLE_ROWS = 5
CV, HOLDOUT, WORTH, SECONDS = "cv_", "holdout_", "business_", "fit_seconds"
MODEL_URI, MODEL_SHA256 = "evergreen.model_uri", "evergreen.model_sha256"


def train(
    use_case: UseCase,
    built: FeaturesRef,
    name: str,
    *,
    settings: Settings,
    force: bool = False,
    note: str = "",
) -> CandidateRef:
    """Train a candidate or baseline, and log it in the experiment of the use case.

    A run that a dead process left running is ended first. A training that was finished before is
    not done again: its run is returned, marked as reused.

    Args:
        use_case: the declaration.
        built: features and split, from `features.build`.
        name: of the candidate or baseline.
        settings: where snapshots and MLflow are.
        force: train even so.
        note: shown with the run in MLflow.
    """
    candidate = use_case.candidate(name)
    experiment = tracking.experiment(settings, use_case.name)
    key = training_key(use_case, candidate, built)
    experiment.end_leftovers(key)
    if not force and (done := experiment.finished(key)):
        return _reference(name, done.info.run_id, done.data.tags, done.data.metrics, reused=True)
    tags = _tags(use_case, built, key, note, settings) | {tracking.FORCED: str(force).lower()}
    with experiment.run(name, tags) as log:
        holdout = features.raw_holdout(built, use_case, settings)
        chosen = use_case.business is not None and use_case.business.choose_threshold
        raw = features.raw_training(built, settings) if chosen else None
        fitted = fitting.fit(use_case, candidate, features.load(built, settings), holdout, raw)
        return _log(log, use_case, candidate, built, fitted, holdout)


def training_key(use_case: UseCase, candidate: Candidate, built: FeaturesRef) -> str:
    """Return the digest of all that a training depends on."""
    depends_on = {
        "features": built.sha256,
        "code": features.code(use_case).digest,
        "use_case": [use_case.name, use_case.kind, use_case.seed, use_case.gate.metric],
        "windows": repr(use_case.windows),
        "columns": candidate.columns or use_case.features.columns,
        "candidate": [candidate.name, repr(dict(candidate.search)), candidate.trials],
        "estimator": _describe(candidate.build()),
        "environment": provenance.environment(),
        "interval": use_case.interval,
        "business": _source(use_case),
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def _source(use_case: UseCase) -> str:
    business = use_case.business
    if business is None:
        return ""
    return source_code.closure(business.measure) + repr(business.choose_threshold)


def _describe(estimator: BaseEstimator) -> str:
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}({sorted(estimator.get_params().items())})"


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


def _log(
    log: RunLog,
    use_case: UseCase,
    candidate: Candidate,
    built: FeaturesRef,
    fitted: Fitted,
    holdout: RawHoldout,
) -> CandidateRef:
    raw = holdout.rows[list(use_case.features.raw)]
    example = raw[holdout.mask].tail(EXAMPLE_ROWS)
    log.dataset(built.snapshot, model_folder.schema(holdout.rows))
    with tempfile.TemporaryDirectory() as scratch:
        folder, artifacts = Path(scratch, "model"), Path(scratch, "run")
        with log.model(candidate.name, folder) as model_id:
            sha256 = model_folder.write(
                folder, fitted.model, example, fitted.output.labels, log.run_id, model_id
            )
        golden = models.golden(fitted.model, _golden_rows(use_case, holdout)[raw.columns])
        _write_artifacts(artifacts, use_case, fitted, holdout, golden)
        log.artifacts(artifacts)
    figures = _figures(fitted)
    tags = {MODEL_URI: f"models:/{model_id}", MODEL_SHA256: sha256}
    log.figures(_params(use_case, candidate, built, fitted), figures, tags, model_id)
    if len(fitted.trials) > 1:
        for number, trial in enumerate(fitted.trials, start=1):
            log.trial(f"{candidate.name} trial {number}", trial.parameters, _averages(trial))
    return _reference(candidate.name, log.run_id, tags, figures)


def _write_artifacts(
    folder: Path, use_case: UseCase, fitted: Fitted, holdout: RawHoldout, golden: Golden
) -> None:
    pictures = folder / "plots"
    plots.draw(use_case.kind, holdout.truth, fitted.output, fitted.importance, pictures)
    documents = {
        tracking.GOLDEN_FILE: golden.to_json(),
        "search.json": [asdict(trial) for trial in fitted.trials],
        "importance.json": fitted.importance,
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1, default=str))


def _golden_rows(use_case: UseCase, holdout: RawHoldout) -> pd.DataFrame:
    newest = holdout.mask.nonzero()[0][-GOLDEN_ROWS:]
    wanted = holdout.mask & False
    wanted[newest] = True
    return holdout.rows[features.with_history(use_case, holdout.rows, wanted)]


def _params(
    use_case: UseCase, candidate: Candidate, built: FeaturesRef, fitted: Fitted
) -> dict[str, Any]:
    estimator = models.bare(fitted.model[-1])
    held = {
        name: getattr(fitted.model[-1], name)
        for name in ("threshold", "half_width")
        if estimator is not fitted.model[-1] and hasattr(fitted.model[-1], name)
    }
    own: dict[str, Any] = estimator.get_params(deep=False)
    return (
        own
        | held
        | {
            "estimator": type(estimator).__name__,
            "features": ", ".join(candidate.columns or use_case.features.columns),
            "seed": use_case.seed,
            "split": built.split,
            "training_rows": built.training.rows,
            "holdout_rows": built.holdout.rows,
            "trials": len(fitted.trials),
        }
    )


def _averages(trial: Trial) -> dict[str, float]:
    return {f"{CV}{name}": value for name, value in trial.mean.items()}


def _figures(fitted: Fitted) -> dict[str, float]:
    """Name the metrics as the MLflow UI shows them: cv_f1, cv_f1_std, holdout_f1."""
    figures = {f"{CV}{name}": value for name, value in fitted.best.mean.items()}
    figures |= {f"{CV}{name}_std": value for name, value in fitted.best.std.items()}
    figures |= {f"{HOLDOUT}{name}": value for name, value in fitted.metrics.items()}
    figures |= {f"{WORTH}{name}": value for name, value in fitted.worth.items()}
    return figures | {SECONDS: fitted.seconds}


def _reference(
    name: str,
    run_id: str,
    tags: Mapping[str, str],
    figures: Mapping[str, float],
    *,
    reused: bool = False,
) -> CandidateRef:
    means = {k: v for k, v in figures.items() if not k.endswith("_std")}
    return CandidateRef(
        name=name,
        run_id=run_id,
        model_uri=tags[MODEL_URI],
        sha256=tags[MODEL_SHA256],
        cv={k.removeprefix(CV): v for k, v in means.items() if k.startswith(CV)},
        metrics={k.removeprefix(HOLDOUT): v for k, v in means.items() if k.startswith(HOLDOUT)},
        seconds=figures[SECONDS],
        reused=reused,
    )

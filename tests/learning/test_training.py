import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.artifacts import download_artifacts
from pydantic import TypeAdapter
from sklearn.linear_model import LogisticRegression

from evergreen import catalog
from evergreen.data import splits
from evergreen.learning import features, fitting, models, searching, tracking, training
from evergreen.refs import CandidateRef, FeaturesRef
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate
from learning import IRIS, WEATHER, built, iris_rows, shuffled, weather_rows


@pytest.fixture
def weather(settings: Settings) -> FeaturesRef:
    return built(WEATHER, weather_rows(), settings)


@pytest.fixture
def iris(settings: Settings) -> FeaturesRef:
    return built(IRIS, iris_rows(), settings)


def artifact(settings: Settings, ref: CandidateRef, path: str, folder: Path) -> Path:
    uri = f"runs:/{ref.run_id}/{path}"
    return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=settings.tracking_uri))


def test_logs_what_made_the_model_and_how_good_it_is(
    weather: FeaturesRef, settings: Settings, tmp_path: Path
) -> None:
    ref = training.train(WEATHER, weather, "logistic", settings=settings, note="after the storm")

    run = tracking.client(settings).get_run(ref.run_id)
    assert run.info.run_name == "logistic"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["holdout_roc_auc"] == ref.metrics["roc_auc"] > 0.75
    assert run.data.metrics["cv_roc_auc"] == ref.cv["roc_auc"] > 0.7
    assert run.data.metrics["cv_roc_auc_std"] > 0
    assert run.data.params["estimator"] == "LogisticRegression"
    assert run.data.params["seed"] == "0"
    assert run.data.params["split"] == weather.split
    assert float(run.data.params["C"]) in WEATHER.candidate("logistic").search["C"]
    tags = run.data.tags
    assert tags["evergreen.snapshot_sha256"] == weather.snapshot.sha256
    assert tags["evergreen.features_sha256"] == weather.sha256
    assert len(tags["evergreen.training_key"]) == 64
    assert tags["evergreen.code_commit"] != "unknown"
    assert tags["version.scikit-learn"] == "1.9.1"
    assert tags["mlflow.note.content"] == "after the storm"
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest == weather.snapshot.sha256[:16]
    assert weather.snapshot.uri in dataset.dataset.source
    plots = artifact(settings, ref, "plots", tmp_path)
    assert {p.stem for p in plots.iterdir()} == {"roc", "calibration", "confusion", "importance"}
    trials = json.loads(artifact(settings, ref, "search.json", tmp_path).read_text())
    assert [trial["parameters"]["C"] for trial in trials] == [0.01, 0.1, 1.0, 10.0]


def test_logs_a_model_that_takes_raw_rows_and_holds_no_pickle(
    weather: FeaturesRef, settings: Settings, tmp_path: Path
) -> None:
    ref = training.train(WEATHER, weather, "boosting", settings=settings)

    model = tracking.fetch_model(settings, ref.model_uri, ref.sha256)

    golden = tracking.fetch_golden(settings, ref.run_id)
    assert models.reproduces(model, golden) == 0
    assert len(golden.rows) == training.GOLDEN_ROWS + 14  # the days that the features look back at
    made = tracking.client(settings).get_logged_model(ref.model_uri.removeprefix("models:/"))
    files = {path.name for path in Path(made.artifact_location).iterdir()}
    assert {"model.skops", "MLmodel", "requirements.txt", "input_example.json"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert {metric.key: metric.value for metric in made.metrics}["holdout_f1"] == ref.metrics["f1"]
    described = Path(made.artifact_location, "MLmodel").read_text()
    assert '"name": "precipitation"' in described


def test_the_same_training_is_done_once(iris: FeaturesRef, settings: Settings) -> None:
    first = training.train(IRIS, iris, "forest", settings=settings)

    second = training.train(IRIS, iris, "forest", settings=settings)

    assert second == replace(first, reused=True)


def test_training_again_gives_the_same_model_and_metrics_to_the_last_digit(
    weather: FeaturesRef, settings: Settings
) -> None:
    first, second = (
        training.train(WEATHER, weather, "forest", settings=settings, force=True) for _ in range(2)
    )

    assert first.run_id != second.run_id
    assert (first.metrics, first.cv, first.sha256) == (second.metrics, second.cv, second.sha256)


def test_another_seed_search_or_snapshot_is_another_training(
    iris: FeaturesRef, settings: Settings
) -> None:
    candidate = IRIS.candidate("forest")
    less = built(IRIS, iris_rows().iloc[:-1], settings)

    keys = {
        training.training_key(IRIS, candidate, iris),
        training.training_key(replace(IRIS, seed=1), candidate, iris),
        training.training_key(IRIS, replace(candidate, search={"max_depth": [3]}), iris),
        training.training_key(IRIS, candidate, less),
        training.training_key(IRIS, IRIS.candidate("logistic"), iris),
    }

    assert len(keys) == 5


def test_another_constant_that_the_business_figure_reads_is_another_training(
    iris: FeaturesRef, tmp_path: Path
) -> None:
    text = (PROJECT / "include" / "use_cases" / "churn.py").read_text()

    def key(text: str) -> str:
        (tmp_path / "churn.py").write_text(text)
        churn = catalog.load(tmp_path).find("churn")
        return training.training_key(churn, churn.candidate("logistic"), iris)

    assert key(text) == key(text.replace('"""USD that', '"""US dollars that'))
    assert key(text) != key(text.replace("OFFER = 50.0", "OFFER = 20.0"))


def test_labels_that_mean_nothing_teach_nothing(settings: Settings) -> None:
    noise = built(WEATHER, shuffled(weather_rows(), "rain_tomorrow"), settings)

    ref = training.train(WEATHER, noise, "logistic", settings=settings)

    assert ref.cv["roc_auc"] == pytest.approx(0.5, abs=0.06)
    assert ref.metrics["roc_auc"] == pytest.approx(0.5, abs=0.12)


def test_an_estimator_that_fails_leaves_a_failed_run(iris: FeaturesRef, settings: Settings) -> None:
    broken = Candidate(name="broken", build=lambda: LogisticRegression(C=-1))
    use_case = replace(IRIS, candidates=(*IRIS.candidates, broken))

    with pytest.raises(ValueError, match="'C' parameter"):
        training.train(use_case, iris, "broken", settings=settings)

    assert statuses(settings, use_case.name, "broken") == ["FAILED"]


def statuses(settings: Settings, experiment: str, run_name: str) -> list[str]:
    found = tracking.experiment(settings, experiment)
    runs = found.client.search_runs([found.id], f"attributes.run_name = '{run_name}'")
    return [run.info.status for run in runs]


KILLED = """
import os, signal, sys
from pydantic import TypeAdapter
from evergreen.learning import plots
from evergreen.learning import training
from evergreen.refs import FeaturesRef
from evergreen.settings import Settings
from learning import IRIS

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

plots.draw = die  # the model has been fitted and uploaded, nothing else has
settings = TypeAdapter(Settings).validate_json(sys.argv[1])
built = TypeAdapter(FeaturesRef).validate_json(sys.argv[2])
training.train(IRIS, built, "neighbours", settings=settings)
"""


def test_a_retry_completes_what_was_killed(iris: FeaturesRef, settings: Settings) -> None:
    documents = [TypeAdapter(type(ref)).dump_json(ref).decode() for ref in (settings, iris)]
    path = os.pathsep.join([str(PROJECT / "tests"), str(PROJECT / "include")])
    died = subprocess.run(
        [sys.executable, "-c", KILLED, *documents], env={**os.environ, "PYTHONPATH": path}
    )
    before = statuses(settings, "iris", "neighbours")

    ref = training.train(IRIS, iris, "neighbours", settings=settings)

    assert died.returncode == -signal.SIGKILL
    assert before == ["RUNNING"]
    assert sorted(statuses(settings, "iris", "neighbours")) == ["FINISHED", "KILLED"]
    assert tracking.fetch_model(settings, ref.model_uri, ref.sha256)
    assert not ref.reused


def test_searches_random_points_of_a_large_space_with_the_seed() -> None:
    candidate = replace(IRIS.candidate("forest"), search={"max_depth": range(1, 100)}, trials=5)

    points = searching.listed(IRIS, candidate)

    assert len(points) == 5
    assert points == searching.listed(IRIS, candidate)
    assert points != searching.listed(replace(IRIS, seed=1), candidate)


def test_picks_the_best_parameters_by_the_metric_of_the_gate(
    iris: FeaturesRef, settings: Settings
) -> None:
    candidate = replace(IRIS.candidate("logistic"), search={"C": [1e-6, 1.0]})
    frame = features.load(iris, settings)
    holdout = features.raw_holdout(iris, IRIS, settings)

    fitted = fitting.fit(IRIS, candidate, frame, holdout)

    assert fitted.best.parameters == {"C": 1.0}
    assert fitted.model[-1].C == 1.0
    assert max(fitted.importance, key=fitted.importance.get).startswith("petal")


def test_cross_validation_uses_the_folds_of_the_split(
    iris: FeaturesRef, settings: Settings
) -> None:
    frame = features.load(iris, settings)
    rows = frame[frame["part"] == "training"]
    truth = features.labels(IRIS, rows["species"])

    (trial,) = searching.search(IRIS, IRIS.candidate("forest"), rows, truth).trials

    model = models.pipeline(IRIS, IRIS.candidate("forest"))[1:]
    right = []
    for train, test in splits.folds(IRIS, rows):
        fold = model.fit(rows.iloc[train], truth[train])
        right.append((fold.predict(rows.iloc[test]) == truth[test]).mean())
    assert trial.mean["accuracy"] == pytest.approx(sum(right) / len(right))

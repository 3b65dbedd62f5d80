import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow.artifacts import download_artifacts
from pydantic import TypeAdapter
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from evergreen import catalog
from evergreen.errors import ModelRefused
from evergreen.learning import answers, models, searching, tracking, training
from evergreen.learning.recipes import Recipe
from evergreen.refs import CandidateRef, ChampionRef, FeaturesRef, InCharge, RecipeRef
from evergreen.settings import PROJECT, Settings
from evergreen.spec import CHAMPION, Candidate, Metric, UseCase
from fakes import FakeTrainings
from learning import AS_OF, IRIS, WEATHER, built, iris_rows, shuffled, weather_rows


class House:
    """Where a test trains."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.trainings = settings, FakeTrainings()

    def train(self, use_case: UseCase, ref: FeaturesRef, name: str, **options: Any) -> CandidateRef:
        return training.train(
            use_case, ref, name, trainings=self.trainings, settings=self.settings, **options
        )

    def fit(
        self, use_case: UseCase, ref: FeaturesRef, walked: CandidateRef, **options: Any
    ) -> CandidateRef:
        return training.fit(use_case, ref, walked, settings=self.settings, **options)


@pytest.fixture
def house(settings: Settings) -> House:
    return House(settings)


@pytest.fixture
def weather(settings: Settings) -> FeaturesRef:
    return built(WEATHER, weather_rows(), settings)


@pytest.fixture
def iris(settings: Settings) -> FeaturesRef:
    return built(IRIS, iris_rows(), settings)


def artifact(settings: Settings, ref: CandidateRef, path: str, folder: Path) -> Path:
    uri = f"runs:/{ref.run_id}/{path}"
    return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=settings.tracking_uri))


def test_logs_what_was_walked_and_how_good_it_is(weather: FeaturesRef, house: House) -> None:
    ref = house.train(WEATHER, weather, "logistic", note="after the storm")

    run = tracking.client(house.settings).get_run(ref.run_id)
    assert run.info.run_name == "logistic"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["holdout_roc_auc"] == ref.metrics["roc_auc"] > 0.75
    assert run.data.metrics["cv_roc_auc"] == ref.cv["roc_auc"] > 0.65
    assert run.data.metrics["cv_roc_auc_std"] > 0
    assert run.data.params["estimator"] == "LogisticRegression"
    assert run.data.params["seed"] == "0"
    assert run.data.params["split"] == weather.split
    assert run.data.params["blocks"] == str(len(ref.blocks)) == "5"
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


def test_keeps_an_answer_to_every_judged_row(weather: FeaturesRef, house: House) -> None:
    ref = house.train(WEATHER, weather, "logistic")

    output = answers.load(ref, house.settings)

    assert len(output) == weather.holdout.rows == sum(block.rows for block in ref.blocks)
    assert all(
        block.trained_until and block.start and block.trained_until + WEATHER.embargo <= block.start
        for block in ref.blocks
    )


def test_serves_a_fit_of_every_mature_row_that_takes_raw_rows_and_holds_no_pickle(
    weather: FeaturesRef, house: House, tmp_path: Path
) -> None:
    ref = house.fit(WEATHER, weather, house.train(WEATHER, weather, "boosting"))

    settings = house.settings
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
    plots = artifact(settings, ref, "plots", tmp_path)
    assert {p.stem for p in plots.iterdir()} == {"roc", "calibration", "confusion", "importance"}
    importance = json.loads(artifact(settings, ref, "importance.json", tmp_path).read_text())
    assert set(importance) == set(WEATHER.features.columns)


def test_the_same_training_is_done_once(iris: FeaturesRef, house: House) -> None:
    first = house.train(IRIS, iris, "forest")

    second = house.train(IRIS, iris, "forest")

    assert second == replace(first, reused=True)


def test_whoever_writes_tags_in_mlflow_does_not_say_what_was_trained(
    iris: FeaturesRef, house: House
) -> None:
    experiment = tracking.experiment(house.settings, "iris")
    key = training.training_key(IRIS, iris, "forest")
    forged = {tracking.KEY: key, "evergreen.model_uri": "runs:/evil/model"}
    run = experiment.client.create_run(experiment.id, tags=forged)
    experiment.client.set_terminated(run.info.run_id, "FINISHED")

    ref = house.train(IRIS, iris, "forest")

    assert not ref.reused
    assert ref.run_id != run.info.run_id


def test_training_again_gives_the_same_answers_and_bytes_to_the_last_digit(
    weather: FeaturesRef, house: House
) -> None:
    first, second = (house.train(WEATHER, weather, "forest", force=True) for _ in range(2))

    assert first.run_id != second.run_id
    assert (first.metrics, first.cv) == (second.metrics, second.cv)
    assert first.answers_sha256 == second.answers_sha256
    bytes_of = [house.fit(WEATHER, weather, ref).sha256 for ref in (first, second)]
    assert bytes_of[0] == bytes_of[1]


def test_one_more_day_fits_one_more_block_and_gives_what_everything_anew_gives(
    settings: Settings, house: House
) -> None:
    before = built(WEATHER, weather_rows().iloc[:-1], settings)
    after = built(WEATHER, weather_rows(), settings)
    house.train(WEATHER, before, "logistic")

    ref = house.train(WEATHER, after, "logistic")

    assert ref.fitted == 1
    everything = House(settings).train(WEATHER, after, "logistic")
    assert everything.fitted == len(ref.blocks)
    assert ref.answers_sha256 == everything.answers_sha256


def test_a_correction_of_an_old_row_fits_every_block_after_it_anew(
    settings: Settings, house: House
) -> None:
    house.train(WEATHER, built(WEATHER, weather_rows(), settings), "climatology")
    rows = weather_rows()
    rows.loc[700, "rain_tomorrow"] = not rows.loc[700, "rain_tomorrow"]

    ref = house.train(WEATHER, built(WEATHER, rows, settings), "climatology")

    assert ref.fitted == len(ref.blocks)


def in_charge(ref: CandidateRef, features: FeaturesRef) -> InCharge:
    assert ref.recipe is not None
    champion = ChampionRef(
        use_case="iris",
        version=1,
        run_id=ref.run_id,
        model_uri=ref.model_uri,
        sha256=ref.sha256,
        snapshot_sha256=features.snapshot.sha256,
        training=features.training,
        promotion_id=1,
        promoted_at=AS_OF,
    )
    return InCharge(champion=champion, recipe=ref.recipe)


def test_the_recipe_in_charge_is_that_of_the_champions_own_fit(
    iris: FeaturesRef, house: House
) -> None:
    walked = house.train(IRIS, iris, "logistic")
    present = in_charge(house.fit(IRIS, iris, walked), iris)
    elsewhere = replace(IRIS, candidates=(IRIS.candidate("forest"),))

    again = house.train(elsewhere, iris, CHAMPION, in_charge=present)
    served = house.fit(elsewhere, iris, again, in_charge=present)

    assert again.recipe == walked.recipe
    assert again.fitted == 0  # its answers are remembered
    assert again.answers_sha256 == walked.answers_sha256
    assert served.sha256 == present.champion.sha256


def test_another_recipe_than_was_judged_is_not_fitted(iris: FeaturesRef, house: House) -> None:
    walked = house.train(IRIS, iris, "logistic")
    changed = Candidate(name="logistic", build=lambda: LogisticRegression(C=7))

    with pytest.raises(ModelRefused, match="not the one that was judged"):
        house.fit(replace(IRIS, candidates=(changed,)), iris, walked)


@pytest.mark.parametrize(
    ("build", "name", "values"),
    [
        (partial(MLPClassifier, max_iter=5), "hidden_layer_sizes", [(2,), (3, 2)]),
        (KNeighborsClassifier, "weights", [abs, round]),
        (BaggingClassifier, "estimator", [DummyClassifier(), DecisionTreeClassifier(max_depth=1)]),
    ],
    ids=["tuples", "functions", "estimators"],
)
def test_what_a_search_chose_is_found_again(
    settings: Settings, build: Any, name: str, values: list[Any]
) -> None:
    candidate = Candidate(name="searched", build=build, search={name: values})
    use_case = replace(IRIS, candidates=(candidate,))

    for value in values:
        recipe = Recipe.of(use_case, candidate, {name: value})
        recorded = RecipeRef.from_json(json.loads(json.dumps(recipe.ref.to_json())))
        walked = CandidateRef(
            name="searched", run_id="r", cv={}, metrics={}, seconds=1, recipe=recorded
        )

        again = training.recipe_of(use_case, walked, None, settings)

        assert again.parameters[name] is value


def test_another_seed_search_window_or_snapshot_is_another_training(
    iris: FeaturesRef, settings: Settings
) -> None:
    def key(use_case: UseCase = IRIS, ref: FeaturesRef = iris, name: str = "forest") -> str:
        return training.training_key(use_case, ref, name)

    forest = IRIS.candidate("forest")
    searched = replace(IRIS, candidates=(replace(forest, search={"max_depth": [3]}),))
    less = built(IRIS, iris_rows().iloc[:-1], settings)

    keys = {key(), key(replace(IRIS, seed=1)), key(searched), key(ref=less), key(name="logistic")}
    own = Metric(name="own", function=matches, more_is_better=True)
    turned, reading = replace(own, more_is_better=False), replace(own, reads="probabilities")
    keys |= {key(replace(IRIS, metrics=(one,))) for one in (own, turned, reading)}

    assert len(keys) == 8


def matches(truth: Any, said: Any) -> float:
    return float((truth == said).mean())


def test_another_constant_that_the_business_figure_reads_is_another_training(
    iris: FeaturesRef, tmp_path: Path
) -> None:
    text = (PROJECT / "include" / "use_cases" / "churn.py").read_text()

    def key(text: str) -> str:
        (tmp_path / "churn.py").write_text(text)
        churn = catalog.load(tmp_path).find("churn")
        return training.training_key(churn, iris, "logistic")

    assert key(text) == key(text.replace('"""USD that', '"""US dollars that'))
    assert key(text) != key(text.replace("OFFER = 50.0", "OFFER = 20.0"))


def test_labels_that_mean_nothing_teach_nothing(settings: Settings, house: House) -> None:
    noise = built(WEATHER, shuffled(weather_rows(), "rain_tomorrow"), settings)

    ref = house.train(WEATHER, noise, "logistic")

    assert ref.cv["roc_auc"] == pytest.approx(0.5, abs=0.09)
    assert ref.metrics["roc_auc"] == pytest.approx(0.5, abs=0.12)


def test_an_estimator_that_fails_leaves_a_failed_run(iris: FeaturesRef, house: House) -> None:
    broken = Candidate(name="broken", build=lambda: LogisticRegression(C=-1))
    use_case = replace(IRIS, candidates=(*IRIS.candidates, broken))

    with pytest.raises(ValueError, match="'C' parameter"):
        house.train(use_case, iris, "broken")

    assert statuses(house.settings, use_case.name, "broken") == ["FAILED"]


def statuses(settings: Settings, experiment: str, run_name: str) -> list[str]:
    found = tracking.experiment(settings, experiment)
    runs = found.client.search_runs([found.id], f"attributes.run_name = '{run_name}'")
    return [run.info.status for run in runs]


KILLED = """
import os, signal, sys
from pydantic import TypeAdapter
from evergreen.learning import answers, training
from evergreen.refs import FeaturesRef
from evergreen.settings import Settings
from fakes import FakeTrainings
from learning import IRIS

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{moment} = die  # everything has been fitted and logged, and nothing is on record
settings = TypeAdapter(Settings).validate_json(sys.argv[1])
built = TypeAdapter(FeaturesRef).validate_json(sys.argv[2])
training.train(IRIS, built, "neighbours", trainings=FakeTrainings(), settings=settings)
"""


@pytest.mark.parametrize(
    ("moment", "left"), [("answers.keep", "RUNNING"), ("FakeTrainings.finish", "FINISHED")]
)
def test_a_retry_completes_what_was_killed(
    iris: FeaturesRef, house: House, moment: str, left: str
) -> None:
    settings = house.settings
    documents = [TypeAdapter(type(ref)).dump_json(ref).decode() for ref in (settings, iris)]
    path = os.pathsep.join([str(PROJECT / "tests"), str(PROJECT / "include")])
    died = subprocess.run(
        [sys.executable, "-c", KILLED.format(moment=moment), *documents],
        env={**os.environ, "PYTHONPATH": path},
    )
    before = statuses(settings, "iris", "neighbours")

    ref = house.train(IRIS, iris, "neighbours")

    assert died.returncode == -signal.SIGKILL
    assert before == [left]
    assert sorted(statuses(settings, "iris", "neighbours")) == ["FINISHED", "KILLED"]
    assert answers.load(ref, settings)
    assert not ref.reused


def test_searches_random_points_of_a_large_space_with_the_seed() -> None:
    candidate = replace(IRIS.candidate("forest"), search={"max_depth": range(1, 100)}, trials=5)

    points = searching.listed(IRIS, candidate)

    assert len(points) == 5
    assert points == searching.listed(IRIS, candidate)
    assert points != searching.listed(replace(IRIS, seed=1), candidate)


def test_picks_the_best_parameters_by_the_metric_of_the_gate(
    iris: FeaturesRef, house: House
) -> None:
    candidate = replace(IRIS.candidate("logistic"), search={"C": [1e-6, 1.0]})
    use_case = replace(IRIS, candidates=(candidate,))

    ref = house.train(use_case, iris, "logistic")

    assert ref.recipe is not None
    assert ref.recipe.parameters == {"C": 1.0}
    served = house.fit(use_case, iris, ref)
    model = tracking.fetch_model(house.settings, served.model_uri, served.sha256)
    assert model[-1].C == 1.0

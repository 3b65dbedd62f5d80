"""A logged model answers elsewhere, too: with MLflow, its own requirements, and nothing of ours."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from evergreen.learning import elsewhere, features, model_folder, models
from evergreen.learning.recipes import Recipe
from evergreen.spec import Candidate, Features, Gate, Kind, UseCase
from flights import flights, use_case_of
from learning import IRIS, WEATHER, iris_rows, weather_rows

ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pyarrow.parquet
assert "evergreen" not in {each.split(".")[0] for each in sys.modules}
for folder in sys.argv[1:]:
    # not by pandas: Arrow's threads may hold a file of Python's beyond the interpreter's end
    rows = pyarrow.parquet.read_table(f"{folder}/../rows").to_pandas()
    answers = mlflow.pyfunc.load_model(folder).predict(rows)
    print(json.dumps(answers.to_dict("list"), default=str))
"""

ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
from evergreen.learning import models
assert models.__file__.startswith(sys.argv[1]), models.__file__
"""


def ridge() -> UseCase:
    return replace(
        IRIS,
        kind=Kind.REGRESSION,
        source=replace(IRIS.source, target="petal_width"),
        features=Features(numeric=("sepal_length", "petal_length")),
        gate=Gate(metric="mae", floors={"mae": 1}),
        candidates=(Candidate(name="ridge", build=Ridge),),
    )


def logged(
    folder: Path, use_case: UseCase, candidate: Candidate, raw: pd.DataFrame, **wrapped: Any
) -> Pipeline:
    """Train a model, write its folder, and the rows to ask for beside it."""
    truth = features.labels(use_case, raw[use_case.source.target])
    model = Recipe.of(use_case, candidate, {}).fresh(**wrapped).fit(raw, truth)
    asked = raw[list(use_case.features.raw)].tail(40)
    folder.mkdir(parents=True)
    asked.to_parquet(folder / "rows")
    labels = models.predict(model, asked).labels
    model_folder.write(folder / "model", model, asked.tail(3), labels, "0" * 32, "m-1")
    return model


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what the models ask for, and nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    wanted = folder / "requirements.txt"
    case = use_case_of(LGBMClassifier)
    light = models.pipeline(case, case.candidates[0])
    wanted.write_text("\n".join(model_folder.requirements(light)))
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
    install = [uv, "pip", "install", "-q", "--python", folder / "venv", "-r", wanted]
    subprocess.run(install, check=True)
    return folder / "venv" / "bin" / "python"


@pytest.mark.elsewhere
def test_answers_elsewhere_as_it_does_here(python: Path, tmp_path: Path) -> None:
    planes = use_case_of(LGBMClassifier, text=("notes",))
    here = {
        "flights": logged(tmp_path / "flights", planes, planes.candidates[0], flights()),
        "iris": logged(tmp_path / "iris", IRIS, IRIS.candidates[0], iris_rows()),
        "weather": logged(
            tmp_path / "weather", WEATHER, WEATHER.candidate("logistic"), weather_rows(),
            threshold=0.3, positive=True,
        ),
        "ridge": logged(
            tmp_path / "ridge", ridge(), ridge().candidates[0], iris_rows(), half_width=0.5
        ),
    }  # fmt: skip

    folders = [str(tmp_path / name / "model") for name in here]
    done = subprocess.run(
        [python, "-c", ASK, *folders], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr[-3000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (name, model), there in zip(here.items(), answers, strict=True):
        output = models.predict(model, pd.read_parquet(tmp_path / name / "rows"))
        assert [str(label) for label in there["label"]] == [str(each) for each in output.labels]
        if output.probabilities is not None:
            columns = [f"probability_{label}" for label in model.classes_]
            found = np.column_stack([there[column] for column in columns])
            np.testing.assert_allclose(found, output.probabilities, rtol=1e-12)
        if output.half_width is not None:
            np.testing.assert_allclose(np.subtract(there["high"], there["label"]), 0.5)


def test_its_signature_names_what_it_answers(tmp_path: Path) -> None:
    logged(tmp_path / "iris", IRIS, IRIS.candidates[0], iris_rows())

    text = (tmp_path / "iris" / "model" / "MLmodel").read_text()

    assert '"probability_setosa"' in text.replace('\\"', '"')


def test_what_a_model_carries_along_lacks_nothing_of_ours(tmp_path: Path) -> None:
    rows = iris_rows()
    logged(tmp_path / "iris", IRIS, IRIS.candidates[0], rows)
    [carried] = (tmp_path / "iris").rglob(elsewhere.CLASSES)

    done = subprocess.run(
        [sys.executable, "-c", ALONE, carried], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr

"""The engine is a library: it imports, and judges a recipe, without Airflow and a server."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ALONE = """
import importlib, json, pkgutil, socket, sys

OTHERS = {"airflow", "evergreen_airflow", "evergreen_workshop"}


class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in OTHERS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def connect(*_):
    raise AssertionError("there is no server")


sys.meta_path.insert(0, Missing)
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = connect
"""
IMPORTED = """
import evergreen

names = [module.name for module in pkgutil.walk_packages(evergreen.__path__, "evergreen.")]
names = [name for name in names if ".migrations." not in name]  # scripts that Alembic runs
for name in names:
    importlib.import_module(name)
print(json.dumps(len(names)))
"""
JUDGED = """
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from sklearn.datasets import load_iris

from evergreen.data import snapshots
from evergreen.learning import features, fitting, metrics, models
from evergreen.learning.training import Forgetful
from evergreen.refs import Counts, SnapshotRef
from evergreen.settings import Settings
from use_cases.iris import USE_CASE

here = Path.cwd()
settings = Settings(home=here, database_url="", tracking_uri="", artifacts_url="",
    use_cases_dir=here, expectations_dir=here)
flowers = load_iris()
columns = dict(zip(USE_CASE.features.numeric, flowers.data.T, strict=True))
rows = pa.table({"id": range(150), **columns, "species": flowers.target_names[flowers.target]})
stored = snapshots.of(settings).write("iris", rows.to_batches(), rows.schema, {})
snapshot = SnapshotRef(use_case="iris", uri=stored.uri, sha256=stored.sha256, rows=150,
    as_of=datetime(2026, 11, 1, tzinfo=UTC), counts=Counts(taken=150))

data = features.data(features.build(snapshot, USE_CASE, settings), USE_CASE, settings)
tried = fitting.judge(USE_CASE, USE_CASE.candidate("logistic"), data, Forgetful())
model = fitting.newest(tried.recipe, data, tried.held)
scores = metrics.score(USE_CASE.kind, data.rows.truth[data.judged], tried.output)
right = models.predict(model, data.raw.between(0, len(data.raw))).labels == data.rows.truth
print(json.dumps([scores["f1"], right.mean()]))
"""

LOADED = """
import {0}

print(json.dumps([name for name in {1} if name in sys.modules]))
"""


def alone(script: str, folder: Path) -> Any:
    """Run a script where Airflow is not installed and nothing listens; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE + script],
        cwd=folder, env={"HOME": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_module_of_the_engine_imports_alone(tmp_path: Path) -> None:
    assert alone(IMPORTED, tmp_path) > 200


def test_a_recipe_is_judged_and_fitted_alone(tmp_path: Path) -> None:
    f1, right = alone(JUDGED, tmp_path)

    assert f1 > 0.88
    assert right > 0.9


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("evergreen.planning", ["skops", "matplotlib", "great_expectations"]),
        ("evergreen.champions.in_charge", ["pandas", "sklearn", "mlflow"]),
    ],
)
def test_what_needs_no_model_waits_for_none_of_what_models_need(
    module: str, heavy: list[str], tmp_path: Path
) -> None:
    assert alone(LOADED.format(module, heavy), tmp_path) == []

"""What one fit of boosted trees costs as rows grow: held, streamed from Parquet, by two workers.

    python benchmarks/fits.py [--rows 1000000,3000000] [--with xgboost,lightgbm]        # no stack
    python benchmarks/fits.py --ways streamed,2,4     # 2 and 4: so many workers of XGBoost
    python benchmarks/fits.py --numbers               # the 14 numbers alone: nothing is prepared

18 features (14 numbers, one of them with gaps, and categories of 5, 40, 400 and 2,000 values), 20
trees, in a store of the benchmark's own. Each fit is a process of its own: the peak of its memory
(with its imports), the seconds of the fit, what it answers of 100,000 rows that it has not seen
(ROC AUC), and the first digits of its trees' sha256. `held` is the same with all rows in memory. Of
a fit by workers the process is the one that prepares; each worker has a peak of its own, beside it.
"""

import hashlib
import logging
import os
import resource
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

import numpy as np
import pandas as pd
import pyarrow as pa

from common import Figures, alone, measuring, options
from evergreen.data.manifests import Group
from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore
from evergreen.learning import crews, frames, models, weighing
from evergreen.learning.frames import Stored
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

NUMBERS = tuple(f"x{n}" for n in range(14))
CATEGORIES = {"kind": 5, "shop": 40, "town": 400, "plane": 2_000}
CHUNK = 250_000
UNSEEN = 100_000
WAYS = ("held", "streamed", "2")
CLASSES = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}


def candidate(package: str) -> Candidate:
    """XGBoost or LightGBM, extras; where they are not there, scikit-learn's of the same kind."""
    try:
        kind = getattr(import_module(package), CLASSES[package])
    except ImportError:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return Candidate(name="boosting", build=lambda: HistGradientBoostingClassifier(max_iter=20))
    return Candidate(name=package, build=lambda: kind(n_estimators=20, max_depth=6))


def prior() -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def use_case(package: str, categories: tuple[str, ...] = tuple(CATEGORIES)) -> UseCase:
    return UseCase(
        name="fits", doc="", owner="benchmark", kind=Kind.BINARY,
        source=Source(table="fits", key=("id",), target="label"), windows=Windows(holdout=0.1),
        features=Features(numeric=NUMBERS, categorical=categories),
        candidates=(candidate(package),), baselines=(Candidate(name="prior", build=prior),),
        gate=Gate(metric="roc_auc", floors={"roc_auc": 0.5}),
    )  # fmt: skip


def drawn(rows: int) -> Iterator[pa.Table]:
    """Yield chunks of features, with the label beside them."""
    random = np.random.default_rng(0)
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        found = {name: random.normal(size=size) for name in NUMBERS}
        codes = {name: random.integers(0, n, size) for name, n in CATEGORIES.items()}
        score = 2 * found["x0"] + found["x1"] * (codes["kind"] == 1) + (codes["town"] % 4) / 2
        label = (score + random.normal(size=size) > 1).astype(float)
        found["x13"] = np.where(random.random(size) < 0.05, np.nan, found["x13"])
        texts = {name: pa.array("v" + pd.Series(code).astype(str)) for name, code in codes.items()}
        yield pa.table({**found, **texts, "label": label})


def keep(rows: int, folder: Path) -> dict[str, str]:
    """Store the rows in chunks; return where."""
    store, chunks, schema = SnapshotStore(str(folder)), [], None
    for n, table in enumerate(drawn(rows + UNSEEN)):
        schema = table.schema
        chunks.append(store.add("fits", str(n), str(n), table.to_batches(), schema))
    assert schema is not None
    kept = store.seal("fits", schema, [Group(tuple(schema.names), tuple(chunks))], {})
    return {"uri": kept.uri, "sha256": kept.sha256, "folder": str(folder)}


class Peaks(logging.Handler):
    """Hears of each worker how much memory it took."""

    def __init__(self) -> None:
        super().__init__()
        self.gb: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        _, _, _, gb, _ = record.args
        self.gb.append(gb)


def fit(way: str, package: str, at: dict[str, str], numbers: bool) -> dict[str, Any]:
    """Make one fit in this process."""
    from sklearn.metrics import roc_auc_score

    store = SnapshotStore(at["folder"])
    case = use_case(package, () if numbers else tuple(CATEGORIES))
    picked = Picked(store, at["uri"], at["sha256"], case.features.columns)
    truth = store.table(at["uri"], at["sha256"], ["label"])["label"].to_numpy()
    rows = Rows(frames.stored(picked) if way == "held" else Stored(picked), truth, None)
    train, test = np.split(np.arange(len(truth)), [len(truth) - UNSEEN])
    recipe = Recipe.of(case, candidate(package), {})
    crew, peaks = crews.Here(int(way)) if way.isdecimal() else None, Peaks()
    crews.logger.setLevel(logging.INFO)
    crews.logger.addHandler(peaks)
    model, began = recipe.fresh()[1:], time.perf_counter()
    weighing.fit(model, rows.chosen(train), truth[train], None, crew)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    said = models.predict(model, rows.take(test)).positive
    trees = getattr(model[-1], "model_", b"")  # not of scikit-learn's
    digest = hashlib.sha256(trees).hexdigest()[:12] if trees else "-"
    return {
        "gb": peak / 1e9, "seconds": seconds, "roc_auc": float(roc_auc_score(truth[test], said)),
        "trees": digest, "workers_gb": peaks.gb,
    }  # fmt: skip


def measure(
    rows: int, packages: list[str], ways: list[str], numbers: bool, figures: Figures
) -> None:
    with TemporaryDirectory(dir="/var/tmp") as folder:
        at = keep(rows, Path(folder))
        for package, way in product(packages, ways):
            if candidate(package).name == "xgboost" or not way.isdecimal():  # others learn alone
                found = alone(fit, way, package, at, numbers)
                beside = ", ".join(f"{gb:.2f}" for gb in found["workers_gb"])
                figures.tell(
                    f"{rows:>10,} rows {package:8} {way:8} {found['gb']:5.2f} GB"
                    f"{f' and workers {beside}' if beside else ''}"
                    f" {found['seconds']:6.1f} s  ROC AUC {found['roc_auc']:.4f}"
                    f"  trees {found['trees']}",
                    rows=rows, package=package, way=way, numbers=numbers, **found,
                )  # fmt: skip


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", default="1000000,3000000", help="so many, one by one")
    parser.add_argument("--with", dest="packages", default="xgboost", help="xgboost, lightgbm")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of them")
    parser.add_argument("--numbers", action="store_true", help="no categories")
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        for rows in [20_000] if arguments.small else map(int, arguments.rows.split(",")):
            measure(
                rows, arguments.packages.split(","), arguments.ways.split(","), arguments.numbers,
                figures,
            )  # fmt: skip

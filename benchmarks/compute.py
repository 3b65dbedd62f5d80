"""Fits in this process beside the same on Ray: overhead of each, and from what length it pays.

python benchmarks/compute.py [--address ray://host:10001]

Without an address a cluster is started here, with a worker for each core of the machine: what it
wins is that they work side by side. Connecting (with the start, and the imports of the workers) is
paid once a step, the rows once, the overhead for each fit. With `w` workers, `n` fits of `f` s
take `n f` here and `connect + n (f + overhead) / w` there: `pays_from` is the `f` at which they are
even. `OMP_NUM_THREADS` is 1, as in the stack.
"""

import os
import time
from importlib.util import find_spec
from typing import Any

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier

from common import Figures, happened, measuring, options
from evergreen.data.splits import Fold
from evergreen.learning.computing import LOCAL, Compute, Fit, Made
from evergreen.learning.on_ray import OnRay
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

COLUMNS = tuple(f"x{number}" for number in range(20))
FITS, TRIFLES = 8, 40
SIZES = (2_000, 50_000, 400_000)


def made_up(rows: int) -> Rows:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(rows, len(COLUMNS)))
    truth = (values[:, :3].sum(axis=1) + draw.normal(size=rows) > 0).astype(int)
    return Rows(pd.DataFrame(values, columns=list(COLUMNS)), truth, None)


def recipe(estimator: Any) -> Recipe:
    candidate = Candidate(name="one", build=lambda: estimator)
    use_case = UseCase(
        name="made_up", doc="Made up.", owner="nobody", kind=Kind.BINARY,
        source=Source(table="made_up", key=("id",), target="y"), windows=Windows(holdout=0.2),
        features=Features(numeric=COLUMNS), candidates=(candidate,),
        baselines=(Candidate(name="prior", build=DummyClassifier),),
        gate=Gate(metric="roc_auc", floors={"roc_auc": 0.5}),
    )  # fmt: skip
    return Recipe.of(use_case, candidate, {})


def fits(one: Recipe, rows: Rows, number: int) -> list[Fit]:
    """Folds that each leave out other rows."""
    parts = np.array_split(np.arange(len(rows.truth)), number)
    return [Fit(one, Fold(np.setdiff1d(np.arange(len(rows.truth)), p), p)) for p in parts]


def timed(compute: Compute, asked: list[Fit], rows: Rows) -> tuple[float, list[Made]]:
    began = time.perf_counter()
    made = list(compute.run(asked, rows))
    return time.perf_counter() - began, made


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--address", default="ray", help="of a cluster; default: started here")
    arguments = parser.parse_args()
    sizes = SIZES[:1] if arguments.small else SIZES
    with measuring(arguments) as figures:
        if find_spec("ray") is None:
            here(sizes, figures)
            return
        with OnRay(arguments.address) as cluster:
            beside(cluster, sizes, figures)


def here(sizes: tuple[int, ...], figures: Figures) -> None:
    for size in sizes:
        rows = made_up(size)
        seconds, _ = timed(LOCAL, fits(recipe(HistGradientBoostingClassifier()), rows, FITS), rows)
        figures.tell(
            f"{size:9,} rows: {FITS} fits here {seconds:.2f} s (ray is not installed)",
            rows=size, fits=FITS, here=seconds, ray=None,
        )  # fmt: skip


def beside(cluster: OnRay, sizes: tuple[int, ...], figures: Figures) -> None:
    rows = made_up(SIZES[0])
    trifles = fits(recipe(DummyClassifier()), rows, TRIFLES)
    connect, _ = timed(cluster, trifles[:4], rows)
    there, _ = timed(cluster, trifles, rows)
    trifle, _ = timed(LOCAL, trifles, rows)
    workers = cluster.cores
    overhead = max(0.0, there - trifle / workers) / TRIFLES * workers
    figures.tell(
        f"{workers} workers: connected, with their imports, in {connect:.1f} s; overhead"
        f" {1000 * overhead:.0f} ms a fit",
        workers=workers, connect=connect, overhead=overhead,
    )  # fmt: skip
    for number in (4, 20, 100):
        pays = (connect / number + overhead / workers) / (1 - 1 / workers) if workers > 1 else None
        told = "never, with one worker" if pays is None else f"from {pays:.2f} s a fit"
        figures.tell(f"{number:4} fits: it pays {told}", fits=number, pays_from=pays)
    for size in sizes:
        compare(cluster, size, figures)


def compare(cluster: OnRay, size: int, figures: Figures) -> None:
    rows = made_up(size)
    asked = fits(recipe(HistGradientBoostingClassifier()), rows, FITS)
    here, ours = timed(LOCAL, asked, rows)
    there, theirs = timed(cluster, asked, rows)
    same = all(
        np.array_equal(one.output.probabilities, other.output.probabilities)
        for one, other in zip(ours, theirs, strict=True)
    )
    happened("the same answers to the last digit", same, True)
    figures.tell(
        f"{size:9,} rows: {FITS} fits here {here:.2f} s, on Ray {there:.2f} s, with the rows:"
        f" {here / there:.2f} times as fast",
        rows=size, fits=FITS, here=here, there=there, ratio=here / there,
    )  # fmt: skip


if __name__ == "__main__":
    main()

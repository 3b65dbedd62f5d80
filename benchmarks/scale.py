"""What a training costs as rows grow: memory, time and bytes of each step, each in its own process.

    python benchmarks/scale.py [--rows 300000,1000000,3000000]        # up to 10000000; no stack

20 columns: a time (the key), 14 numbers, categories of 5, 40, 400 and 2,000 values, and a label; a
year of them, however many. The steps are those of every training (`evergreen.steps`), on a
PostgreSQL and an MLflow of the benchmark's own. The memory is the peak of the step's process, with
its imports; the bytes are what the step wrote: rows (snapshot, features), answers (one for each
judged row, twice: for the gate and for tomorrow's walk), and what is told (evidence, reports, Data
Docs), which must not grow with the rows.
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE"}

from common import Figures, alone, happened, house, measuring, options, records_of
from evergreen import steps
from evergreen.data.warehouse import connect, reading
from evergreen.quality import profiling
from evergreen.refs import CandidateRef, EvaluationRef, FeaturesRef, SnapshotRef, ValidationRef
from evergreen.refs import Verdict as GateRef
from evergreen.settings import Settings
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows

AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
NUMBERS = tuple(f"x{n}" for n in range(14))
CATEGORIES = {"kind": 5, "shop": 40, "town": 400, "plane": 2_000}
STEPS = ("extract", "validate", "build_features", "baseline", "train", "evaluate", "gate", "fit")
"""Of a training; `baseline` is the training of what must be beaten."""
WRITTEN = {
    "rows": ("snapshots/scale/", "snapshots/scale.features/"),
    "answers": ("snapshots/scale.answers/", "walks/"),
    "told": ("reports/", "data_docs/"),
}
"""What a step writes, by where it lies in the store."""
ROWS = """
CREATE TABLE scale AS SELECT at, {numbers}, {categories},
    (2 * x0 + x1 * (kind = 'v1')::int + length(town) / 4.0 + random_normal() > 1.5)::int AS label
FROM (
    SELECT TIMESTAMP '2026-11-21' - n * (INTERVAL '365 days' / {rows}) AS at, {values}
    FROM generate_series(1, {rows}) AS n
) AS drawn ORDER BY at
"""


def candidate() -> Candidate:
    """LightGBM, an extra; where it is not installed, scikit-learn's of the same kind."""
    try:
        from lightgbm import LGBMClassifier
    except ImportError:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return Candidate(name="boosting", build=lambda: HistGradientBoostingClassifier(max_iter=20))
    return Candidate(name="lightgbm", build=lambda: LGBMClassifier(n_estimators=20))


def prior() -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def use_case() -> UseCase:
    return UseCase(
        name="scale", doc="", owner="benchmark", kind=Kind.BINARY,
        source=Source(table="scale", key=("at",), timestamp="at", target="label"),
        windows=Windows(holdout=timedelta(days=28)),
        features=Features(numeric=NUMBERS, categorical=tuple(CATEGORIES)),
        candidates=(candidate(),), baselines=(Candidate(name="prior", build=prior),),
        gate=Gate(metric="roc_auc", floors={"roc_auc": 0.6}),
    )  # fmt: skip


def fill(rows: int, here: Settings) -> None:
    """Make the table, and a suite that it meets, and forget the one before."""
    values = [f"random_normal() AS {name}" for name in NUMBERS[:-1]]
    values += [f"CASE WHEN random() > 0.05 THEN random_normal() END AS {NUMBERS[-1]}"]
    values += [f"'v' || floor(random() * {n})::int AS {name}" for name, n in CATEGORIES.items()]
    asked = ROWS.format(
        rows=rows, numbers=", ".join(NUMBERS), categories=", ".join(CATEGORIES),
        values=", ".join(values),
    )  # fmt: skip
    with connect(here.database_url) as opened, opened.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS scale")
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(asked)
    with reading(here.database_url) as moment:
        profile = profiling.profile(moment, "scale")
    suite = profiling.suite("scale", profile, key=("at",), time="at", target="label", classes=True)
    (here.expectations_dir / "scale.json").write_text(json.dumps(suite))


def do(step: str, here: Settings) -> dict[str, float]:
    """Do a step in this process, hand on what it returned, and tell what it took."""
    ours, home = use_case(), here.home
    run = steps.Run(as_of=AS_OF, asked_at=AS_OF, key="benchmark", actor="benchmark")
    kept: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if (file := home / f"{name}.json").is_file():
            kept[name] = kind.from_json(json.loads(file.read_text()))
    before = resident()
    with records_of(here) as records:
        with_these = {"records": records, "settings": here}
        match step:
            case "extract":
                done: Any = steps.extract(ours, run, **with_these)
            case "validate":
                done = steps.validate(ours, kept["extract"], run, **with_these)
            case "build_features":
                done = steps.build_features(ours, kept["validate"], run, **with_these)
            case "train" | "baseline":
                asked = ours.contenders if step == "train" else ours.baselines
                name = asked[0].name
                done = steps.train(ours, kept["build_features"], name, run, **with_these)
                happened("the candidate's problem", done.problem, "")
            case "evaluate":
                built, trained = kept["build_features"], [kept["train"], kept["baseline"]]
                done = steps.evaluate(ours, built, trained, run, **with_these)
            case "gate":
                done = steps.gate(ours, kept["evaluate"], run, **with_these)
                happened(done.sentence, done.passed, True)
            case "fit":
                done = steps.fit(ours, kept["gate"], run, **with_these)
                happened(done.sentence, done.passed, True)
        [cost, *_] = records.costs.newest(ours.name)
    (home / f"{step}.json").write_text(json.dumps(done.to_json()))
    return {"seconds": cost.seconds, "gb": cost.peak_bytes / 1e9, "idle_gb": before}


KINDS: dict[str, Any] = {
    "extract": SnapshotRef, "validate": ValidationRef, "build_features": FeaturesRef,
    "baseline": CandidateRef, "train": CandidateRef, "evaluate": EvaluationRef,
    "gate": GateRef, "fit": GateRef,
}  # fmt: skip


def resident() -> float:
    """Return the memory of this process in GB: what the imports take."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def sizes(here: Settings) -> dict[str, int]:
    """Return the bytes of each sort of what was written."""
    return {
        sort: sum(
            file.stat().st_size
            for place in places
            for file in (here.home / place).rglob("*")
            if file.is_file()
        )
        for sort, places in WRITTEN.items()
    }


def measure(rows: int, figures: Figures) -> None:
    with house() as settings:
        here = replace(settings, expectations_dir=settings.home / "expectations")
        here.expectations_dir.mkdir()
        records_of(here).migrate()
        fill(rows, here)
        before = sizes(here)
        for step in STEPS:
            found, after = alone(do, step, here), sizes(here)
            wrote = {sort: after[sort] - before[sort] for sort in after}
            before = after
            told = ", ".join(f"{sort} {size / 1e6:.1f} MB" for sort, size in wrote.items() if size)
            figures.tell(
                f"{rows:>10,} rows {step:14} {found['gb']:5.2f} GB ({found['idle_gb']:.2f} idle)"
                f" {found['seconds']:7.1f} s {found['seconds'] / rows * 1e6:7.1f} us a row  {told}",
                rows=rows, step=step, **found, **{f"{sort}_bytes": n for sort, n in wrote.items()},
            )  # fmt: skip


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rows", default="300000,1000000,3000000", help="so many, one by one")
    arguments = parser.parse_args()
    with measuring(arguments) as figures:
        for rows in [5_000] if arguments.small else map(int, arguments.rows.split(",")):
            measure(rows, figures)

"""Watching: seconds and memory by logged rows, false alarms, windows until a drift is found.

Both tables of `usual.py` (streams with seasons and persistence) come first.

python benchmarks/drift.py [rows ...] (default: 100000 1000000)
"""

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import numpy as np
import psycopg2
import pyarrow as pa
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

import usual
from common import Figures, champion, happened, house, measuring, options, records_of
from common import settings as settings_of
from evergreen.refs import Window
from evergreen.settings import Settings
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows
from evergreen.watching import watch
from streams import STREAMS

FLOATS = tuple(f"x{n}" for n in range(18))
END = datetime(2026, 11, 21, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
WIDE = UseCase(
    name="wide", doc="", owner="benchmark", kind=Kind.BINARY,
    source=Source(table="wide", key=("id",), target="label"), windows=Windows(holdout=0.2),
    features=Features(numeric=FLOATS, categorical=("town", "shop")),
    candidates=(Candidate(name="logistic", build=LogisticRegression),),
    baselines=(Candidate(name="prior", build=DummyClassifier),),
    gate=Gate(metric="roc_auc", floors={"accuracy": 0.5}),
)  # fmt: skip
TRAINED_ON = 1_000_000

TRAFFIC = """
INSERT INTO evergreen.predictions
SELECT gen_random_uuid(), gen_random_uuid(),
    %(end)s::timestamptz - (n + 0.5) / %(rows)s * interval '1 hour', 'wide', 1, 'run', %(sha256)s,
    %(sha256)s, '', 'sklearn', 'champion', NULL, NULL,
    jsonb_build_object('town', (ARRAY['Graz','Linz','Wien'])[1 + floor(random() * 3)::int],
        'shop', 's' || floor(random() * 40)::int, {columns}),
    NULL, to_jsonb(CASE WHEN p > 0.5 THEN 1 ELSE 0 END), greatest(p, 1 - p),
    jsonb_build_object('0', 1 - p, '1', p), 1.0
FROM (SELECT n, {values}, 1 / (1 + exp(-z)) AS p FROM (
    SELECT n, random_normal() AS z FROM generate_series(0, %(rows)s - 1) AS n) AS drawn) AS row
"""
LABELS = """
INSERT INTO evergreen.labels
SELECT id, 'wide', to_jsonb((random() < (probabilities->>'1')::float)::int), time, time
FROM evergreen.predictions
WHERE time > %(start)s AND time <= %(end)s
"""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    arguments = parser.parse_args()
    with measuring(arguments) as figures, house() as settings:
        known = list(STREAMS)  # all of them are tried out by `usual.py --small`
        usual.tables(figures, known[:1] if arguments.small else known, small=arguments.small)
        if arguments.small:
            run(settings, [1_000], 2_000, 1, figures)
        else:
            run(settings, arguments.rows, TRAINED_ON, 200, figures)


def run(settings: Settings, sizes: list[int], trained_on: int, calm: int, figures: Figures) -> None:
    records_of(settings).migrate()
    sha256 = champion(WIDE, table(trained_on), "logistic", settings).sha256
    for number, rows in enumerate(sizes):
        end = END + number * timedelta(days=60)
        traffic(settings, sha256, rows, end, labels=True)
        for what in ("first window of a champion", "every later window"):
            end += timedelta(seconds=1)
            alone(settings, rows, what, end, figures)
    streams(settings, sha256, figures, calm=calm)


def table(rows: int) -> pa.Table:
    """Rows to train on."""
    draw = np.random.default_rng(0)
    columns = {name: draw.normal(size=rows) for name in FLOATS}
    label = (draw.random(rows) < 1 / (1 + np.exp(-columns["x0"]))).astype(int)
    return pa.table({
        "id": np.arange(rows), **columns, "town": draw.choice(["Graz", "Linz", "Wien"], rows),
        "shop": np.char.add("s", draw.integers(0, 40, rows).astype(str)), "label": label,
    })  # fmt: skip


def traffic(
    settings: Settings, sha256: str, rows: int, end: datetime, shift: float = 0.0,
    together: float = 0.0, labels: bool = False,
) -> None:  # fmt: skip
    """Log rows like the training rows, x0 shifted by so many standard deviations.

    x1 has the correlation `together` with x0, and is by itself as in training.
    """
    drawn = dict.fromkeys(FLOATS, "random_normal()") | {
        "x0": f"z + {shift}",
        "x1": f"{together} * z + {(1 - together**2) ** 0.5} * random_normal()",
    }
    values = ", ".join(f"{value} AS {name}" for name, value in drawn.items())
    sql = TRAFFIC.format(columns=", ".join(f"'{n}', {n}" for n in FLOATS), values=values)
    given = {"end": end, "rows": rows, "sha256": sha256, "start": end - HOUR}
    with closing(psycopg2.connect(settings.database_url)) as opened, opened.cursor() as cursor:
        cursor.execute(sql, given)
        if labels:
            cursor.execute(LABELS, given)
        opened.commit()
        opened.autocommit = True
        cursor.execute("ANALYZE evergreen.predictions")


def alone(settings: Settings, rows: int, what: str, end: datetime, figures: Figures) -> None:
    """Watch one window in a process of its own."""
    home, url, mlflow = settings.home, settings.database_url, settings.tracking_uri
    command = [sys.executable, __file__, "--watch", str(home), url, mlflow, end.isoformat()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    happened(f"the window of {rows} rows was watched", seen["rows"] > 0.99 * rows, True)
    figures.tell(
        f"{rows} logged rows x {len(FLOATS) + 2} columns, {what}: {seen['seconds']:.1f} s (imports"
        f" {seen['imports']:.1f} s before), peak {seen['peak_gb']:.2f} GB; {seen['outcome']},"
        f" {seen['labelled']} labels",
        what=what, **seen,
    )  # fmt: skip


def watch_alone(home: str, url: str, mlflow: str, end: str) -> None:
    started = time.perf_counter()
    settings = settings_of(Path(home), url, mlflow)
    from evergreen.watching.drift import _evidently

    _evidently()
    imported = time.perf_counter() - started
    started, moment = time.perf_counter(), datetime.fromisoformat(end)
    seen = watch(
        WIDE,
        Window(start=moment - HOUR, end=moment),
        records=records_of(settings),
        settings=settings,
    )
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text()  # ru_maxrss would hold the parent's, forked
    peak = int(status.split("VmHWM:")[1].split()[0]) / 2**20
    told = {"seconds": seconds, "imports": imported, "peak_gb": peak, "outcome": seen.outcome,
            "rows": seen.rows, "labelled": seen.labelled}  # fmt: skip
    print(json.dumps(told))


def streams(
    settings: Settings, sha256: str, figures: Figures, rows: int = 300, calm: int = 200
) -> None:
    """Watch hourly windows without drift, then streams with one drifting column of twenty."""
    clock = END + timedelta(days=400)
    limits = replace(WIDE.monitoring, sample=2_000, labels_window=HOUR)
    use_case = replace(WIDE, monitoring=limits)

    def outcome(shift: float, together: float = 0.0) -> str:
        nonlocal clock
        clock += HOUR
        traffic(settings, sha256, rows, clock, shift, together)
        return watch(
            use_case,
            Window(start=clock - HOUR, end=clock),
            records=records_of(settings),
            settings=settings,
        ).outcome

    outcomes = [outcome(0.0) for _ in range(calm)]
    alarms = calm - outcomes.count("calm")
    figures.tell(
        f"no drift: {alarms} of {calm} windows of {rows} rows alarm ({alarms / calm:.1%})",
        drift="none", windows=calm, alarms=alarms,
    )  # fmt: skip
    streams_of_each, longest, times = (5, 25, 20) if calm > 100 else (1, 2, 1)
    for name, shift in {
        "sudden, 0.25 sd": lambda _: 0.25,
        "sudden, 0.5 sd": lambda _: 0.5,
        "sudden, 1 sd": lambda _: 1.0,
        "slow, 0.05 sd a window": lambda n: 0.05 * n,
    }.items():
        delays = []
        for _ in range(streams_of_each):
            later = range(1, longest)
            delay = next((n for n in later if outcome(shift(n)) != "calm"), longest)
            delays.append(delay)
        figures.tell(
            f"{name} in 1 of 20 columns: found after {median(delays):g} windows"
            f" ({len(delays)} streams: {delays})",
            drift=name, windows=median(delays), streams=delays,
        )  # fmt: skip
    found = [outcome(0.0, 0.5) != "calm" for _ in range(times)]
    figures.tell(
        f"a correlation of 0.5 between 2 of 20 columns that had none: found in {np.mean(found):.0%}"
        f" of {len(found)} windows",
        drift="together, 0.5", windows=len(found), found=float(np.mean(found)),
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        watch_alone(*sys.argv[2:])
    else:
        main()

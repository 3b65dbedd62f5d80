"""The records of a long life: what their size costs a watch, a page, a check, a label, a pruning.

python benchmarks/records.py [rows ...] (default: 1000000 10000000; needs no stack)

A million predictions a month, of one use case, so that more of them are more months: what a window
costs must not grow with them. Each fifth has its label. Beside them 10,000 decisions with the
evidence of a real gate, 1,000 promotions, a year of hourly windows. MLflow and the store are those
of one champion: what grows there is not measured here.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

os.environ |= {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

import psycopg2

from common import Figures, champion, happened, house, measuring, options, records_of
from drift import HOUR, WIDE, table, traffic
from evergreen import retention
from evergreen.catalog import Catalog
from evergreen.invariants import RULES
from evergreen.invariants.inspection import Scene
from evergreen.records import Given, Records, decision_id
from evergreen.records.migrations import upgrade
from evergreen.refs import Window
from evergreen.retention.limits import PREDICTIONS, Limits
from evergreen.settings import Settings
from evergreen.watching import watch
from evergreen_airflow.pages import drift_page, model_page

END = datetime(2026, 11, 21, 15, tzinfo=UTC)
MONTH = 1_000_000
"""Predictions a month."""
MONTH_DAYS = timedelta(days=365.25 / 12)
DECISIONS, PROMOTIONS, WINDOWS = 10_000, 1_000, 8_760
BEFORE = "028_quarantine_by_key"
"""The last revision without months."""
HISTORY = """
INSERT INTO evergreen.predictions (id, request_id, time, use_case, version, run_id, sha256,
    snapshot_sha256, code, engine, variant, inputs, output, probability, probabilities, latency_ms,
    key)
SELECT id, id, time, 'wide', 1, %(run_id)s, %(sha256)s, %(snapshot)s, 'abc', 'onnx', 'champion',
    jsonb_build_object('town', 'Graz', 'shop', 's' || n %% 40, 'x0', n %% 977 / 977.0, 'x1', 0.5),
    to_jsonb(n %% 2), 0.7, '{"0": 0.3, "1": 0.7}', 1.0, jsonb_build_object('id', n)
FROM (
    SELECT n, time, (lpad(to_hex((extract(epoch FROM time) * 1000)::bigint), 12, '0') || '7000'
        || substr(md5(n::text), 1, 16))::uuid AS id
    FROM (
        SELECT n, %(end)s::timestamptz - (n + 0.5) / %(month)s * %(length)s AS time
        FROM generate_series(%(first)s::bigint, %(last)s) AS n
    ) AS timed
) AS named
"""
LABELS = """
INSERT INTO evergreen.labels (prediction_id, use_case, label, time{answered_at})
SELECT id, use_case, output, time{at} FROM evergreen.predictions
WHERE time > %(since)s AND time <= %(until)s AND output = '1' AND (key ->> 'id')::bigint %% 5 < 2
"""
MORE_PROMOTIONS = """
INSERT INTO evergreen.promotions (use_case, version, run_id, model_uri, sha256, snapshot_sha256,
    golden_sha256, training, predecessor_id, decision_id, kind, reason, actor, state)
SELECT first.use_case, version, run_id, model_uri, sha256, snapshot_sha256, golden_sha256, training,
    first.id + number - 2, decisions.id, 'refresh', reason, first.actor, 'done'
FROM (SELECT * FROM evergreen.promotions LIMIT 1) AS first, evergreen.decisions
WHERE number > 1 ORDER BY number LIMIT %s
"""
MORE_WINDOWS = """
INSERT INTO evergreen.windows (use_case, started_at, ended_at, champion, rows, outcome, sentence,
    document)
SELECT use_case, started_at - n * interval '1 hour', ended_at - n * interval '1 hour', champion,
    rows, outcome, sentence, document
FROM evergreen.windows, generate_series(1, %s) AS n
"""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000, 10_000_000])
    arguments = parser.parse_args()
    small = arguments.small
    sizes = [2_000] if small else arguments.rows
    with measuring(arguments) as figures:
        for rows in sizes:
            with house() as settings, records_of(settings) as kept:
                per_month = rows // 2 if small else MONTH
                Life(settings, kept, figures, rows, per_month, small=small).measure()
        with house() as settings:
            taking_over(settings, sizes[0], figures)


class Life:
    """A use case that has answered so many times."""

    def __init__(
        self, settings: Settings, kept: Records, figures: Figures, rows: int, per_month: int, *,
        small: bool,
    ) -> None:  # fmt: skip
        self.settings, self.kept, self.figures = settings, kept, figures
        self.rows, self.per_month, self.small = rows, per_month, small
        kept.migrate()
        champion(WIDE, table(2_000), "logistic", settings)
        [self.served] = kept.promotions.of("wide")

    def measure(self) -> None:
        self.fill()
        self.insert()
        self.label()
        self.watch()
        self.past()
        self.pages()
        self.check()
        self.prune()

    def tell(self, what: str, seconds: float, more: str = "", **figures: Any) -> None:
        self.figures.tell(
            f"{self.rows:,} predictions: {what}: {seconds:.3f} s{more}",
            rows=self.rows, what=what, seconds=seconds, **figures,
        )  # fmt: skip

    def fill(self) -> None:
        """Answer month by month, the oldest first."""
        months, started = range(self.rows // self.per_month), time.perf_counter()
        self.kept.months.make(END)
        for month in reversed(months):
            until = END - month * MONTH_DAYS
            given = {
                "end": END, "month": self.per_month, "length": MONTH_DAYS,
                "first": month * self.per_month, "last": (month + 1) * self.per_month - 1,
                "run_id": self.served.run_id, "sha256": self.served.sha256,
                "snapshot": self.served.snapshot_sha256, "until": until,
                "since": until - MONTH_DAYS,
            }  # fmt: skip
            self.kept.months.make(until - MONTH_DAYS)
            run(self.settings, HISTORY, given)
            run(self.settings, LABELS.format(answered_at=", answered_at", at=", time"), given)
        self.kept.months.make()
        run(self.settings, "VACUUM ANALYZE", alone=True)
        [(size,)] = run(self.settings, "SELECT pg_database_size(current_database())")
        seconds = time.perf_counter() - started
        self.tell("generated, with labels", seconds, f", {size / 1e9:.2f} GB", bytes=size)

    def insert(self) -> None:
        """Ship a thousand answers, as the journal does."""
        [(row,)] = run(self.settings, "SELECT to_jsonb(p) FROM evergreen.predictions AS p LIMIT 1")

        def ship(number: int) -> None:
            ids = [f"{number:08x}-0000-4000-8000-{n:012x}" for n in range(1_000)]
            before = f"{END - 2 * HOUR}"
            lines = [row | {"id": i, "request_id": i, "time": before} for i in ids]
            stored = self.kept.predictions.insert([json.dumps(line).encode() for line in lines])
            happened("answers that are stored", stored, 1_000)

        self.tell("1,000 answers shipped", repeated(ship, 5))

    def label(self) -> None:
        """Give labels by id and by key."""
        unlabelled = run(self.settings, "SELECT id::text FROM evergreen.predictions"
                         " WHERE output = '0' ORDER BY md5(id::text) LIMIT 100")  # fmt: skip
        ids = [id for (id,) in unlabelled]
        self.tell("a label by id", repeated(
            lambda n: self.kept.labels.give("wide", ids[n], 1), len(ids)))  # fmt: skip
        keys = [Given(key=json.dumps({"id": n * 2}), label=1) for n in range(1_000)]
        seconds = repeated(lambda _: self.kept.labels.give_many("wide", keys, END), 1)
        self.tell("1,000 labels by key", seconds)

    def watch(self) -> None:
        """Watch an hour of 10,000 answers, with the labels of the declared while."""
        traffic(self.settings, self.served.sha256, 200 if self.small else 10_000, END)
        run(self.settings, "UPDATE evergreen.predictions SET run_id = %(run)s, code = 'abc',"
            " snapshot_sha256 = %(snapshot)s WHERE run_id = 'run' AND time > %(since)s",
            {"run": self.served.run_id, "since": END - HOUR,
             "snapshot": self.served.snapshot_sha256})  # fmt: skip
        run(self.settings, "VACUUM ANALYZE evergreen.predictions, evergreen.labels", alone=True)
        window = Window(start=END - HOUR, end=END)
        digests, limits = [self.served.sha256], WIDE.monitoring
        reach, log = Window(start=END - WIDE.labels_reach, end=END), self.kept.predictions
        self.tell("the window, read", repeated(
            lambda _: log.logged("wide", window, digests, limits.sample), 3
        ))  # fmt: skip
        self.tell("its labels, read", repeated(
            lambda _: log.labelled("wide", reach, digests, timedelta(0), limits.sample), 3
        ))  # fmt: skip
        for what, length in (("first", HOUR), ("later", timedelta(minutes=59))):
            began = time.perf_counter()
            seen = watch(
                WIDE, Window(start=END - length, end=END), records=self.kept,
                settings=self.settings,
            )  # fmt: skip
            self.tell(f"a watch, {what}", time.perf_counter() - began, f" ({seen.rows} rows)")

    def past(self) -> None:
        """Put a past of decisions, promotions and windows beside it."""
        [first] = self.kept.decisions.newest("wide", 1)
        for number in range(100 if self.small else DECISIONS):
            evaluation = first.evidence["evaluation"] | {"report_id": f"{number}"}
            self.kept.decisions.record(replace(
                first, id=decision_id("wide", "fit/train", f"{number}"),
                evidence=first.evidence | {"evaluation": evaluation}, created_at=None,
            ))  # fmt: skip
        run(self.settings, MORE_PROMOTIONS, (10 if self.small else PROMOTIONS,))
        run(self.settings, MORE_WINDOWS, (24 if self.small else WINDOWS,))
        run(self.settings, "VACUUM ANALYZE", alone=True)

    def pages(self) -> None:
        """Ask for what the pages tell, but for their rendering."""
        page = {
            "the card of a use case": lambda _: model_page.declared_card(WIDE, self.kept, END, ""),
            "who answered": lambda _: self.kept.predictions.of_champion(
                "wide", 1, END - timedelta(days=1)),
            "its windows": lambda _: drift_page.group(WIDE, self.kept, ""),
            "its newest answers": lambda _: self.kept.predictions.newest(WIDE.name, 20),
            "figures for Prometheus": lambda _: self.kept.figures.all(),
        }  # fmt: skip
        for what, ask in page.items():
            self.tell(f"page: {what}", repeated(ask, 5))

    def check(self) -> None:
        """Check every invariant twice: the second time only what has changed is counted."""
        for what in ("first", "again"):
            scene = Scene(self.kept, self.settings, Catalog({}), datetime.now(UTC))
            total = 0.0
            for number, name, rule in RULES:
                began = time.perf_counter()
                found = rule(scene)  # type: ignore[misc]
                seconds = time.perf_counter() - began
                total += seconds
                if number in {3, 11}:
                    happened(f"invariant {number}", found.failed, [])
                if seconds > 0.5:
                    self.tell(f"check, {what}: {number}, {name}", seconds)
            self.tell(f"check, {what}: all", total)

    def prune(self) -> None:
        """Let go of the oldest months at once, and of a day of the next one in batches."""
        oldest = END - (self.rows // self.per_month) * MONTH_DAYS
        border = min(oldest + 2 * timedelta(days=31), END).replace(day=1, hour=0)
        began = time.perf_counter()
        gone = self._pruned(border, apply=False)
        self.tell("pruning whole months, told", time.perf_counter() - began, f" ({gone:,} rows)")
        began = time.perf_counter()
        happened("as many go as was told", self._pruned(border, apply=True), gone)
        self.tell("pruning whole months, done", time.perf_counter() - began, f" ({gone:,} rows)")
        began = time.perf_counter()
        gone = self._pruned(border + timedelta(hours=24), apply=True)
        self.tell("pruning a day, in batches", time.perf_counter() - began, f" ({gone:,} rows)")

    def _pruned(self, border: datetime, *, apply: bool) -> int:
        ages = dict.fromkeys(Limits.of(self.settings).ages, timedelta(days=36_500))
        limits = Limits(
            ages=ages | {PREDICTIONS: END - border}, champions=10, decisions=100
        )  # fmt: skip
        found = retention.prune_all(
            ["wide"], limits, as_of=END, apply=apply, actor="benchmark", catalog=Catalog({}),
            records=self.kept, settings=self.settings,
        )  # fmt: skip
        return sum(one.things for one in found if one.kind == PREDICTIONS)


def taking_over(settings: Settings, rows: int, figures: Figures) -> None:
    """Bring a database of before there were months up to date."""
    upgrade.to_head(settings.database_url, BEFORE)
    span = {"since": END - 400 * timedelta(days=1), "until": END}
    given = {"end": END, "month": rows, "length": MONTH_DAYS, "first": 0, "last": rows - 1,
             "run_id": "r", "sha256": "s", "snapshot": "5"}  # fmt: skip
    run(settings, HISTORY, given | span)
    run(settings, LABELS.format(answered_at="", at=""), span)
    began = time.perf_counter()
    upgrade.to_head(settings.database_url)
    seconds = time.perf_counter() - began
    [(left,)] = run(settings, "SELECT count(*) FROM evergreen.predictions")
    happened("predictions that were taken over", left, rows)
    figures.tell(
        f"{rows:,} predictions taken over from before there were months: {seconds:.1f} s",
        rows=rows, what="taken over", seconds=seconds,
    )  # fmt: skip


def run(settings: Settings, sql: str, values: Any = None, *, alone: bool = False) -> list[Any]:
    """Run a statement; `alone`: outside of a transaction."""
    with closing(psycopg2.connect(settings.database_url)) as opened, opened.cursor() as cursor:
        opened.autocommit = alone
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(sql, values)
        rows = cursor.fetchall() if cursor.description else []
        if not alone:
            opened.commit()
    return rows


def repeated(ask: Callable[[int], object], times: int) -> float:
    """Return the median seconds."""
    found = []
    for number in range(times):
        began = time.perf_counter()
        ask(number)
        found.append(time.perf_counter() - began)
    return median(found)


if __name__ == "__main__":
    main()

"""What Prometheus sees of the pipeline: windows, decisions, retrainings, alerts, from PostgreSQL.

Registered with the service's own metrics, so that one scrape tells all of it. When PostgreSQL is
away the metrics are absent and `evergreen_pipeline_up` is 0: nothing stale is told.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from evergreen.serving import store

log = logging.getLogger(__name__)

NEWEST_WINDOW = "SELECT DISTINCT ON (use_case) * FROM evergreen.windows"
NEWEST_WINDOW += " ORDER BY use_case, ended_at DESC, id DESC"


@dataclass(frozen=True)
class Question:
    """A metric, and the rows it is made of: labels first, the value last (null: left out)."""

    name: str
    help: str
    labels: Sequence[str]
    sql: str
    counter: bool = False

    def metric(self, cursor: Any) -> Metric:
        """Ask PostgreSQL."""
        family = CounterMetricFamily if self.counter else GaugeMetricFamily
        found = family(f"evergreen_{self.name}", self.help, labels=self.labels)
        cursor.execute(self.sql)
        for *labels, value in cursor.fetchall():
            if value is not None:
                found.add_metric([str(label) for label in labels], float(value))
        return found


def _of_window(name: str, help: str, field: str) -> Question:
    sql = f"SELECT use_case, (document->>'{field}')::float8 FROM ({NEWEST_WINDOW}) AS newest"
    return Question(name, help, ("use_case",), sql)


def _metric_of_window(name: str, help: str, field: str) -> Question:
    sql = (
        f"SELECT use_case, document->>'metric', (document->>'{field}')::float8"
        f" FROM ({NEWEST_WINDOW}) AS newest"
    )
    return Question(name, help, ("use_case", "metric"), sql)


QUESTIONS = (
    _of_window("drift_share", "Share of drifted columns in the newest window", "drift_share"),
    _of_window("drift_weighted_share", "The same, by importance", "weighted_share"),
    _of_window("confidence", "Mean top probability in the newest window", "confidence"),
    _of_window("label_coverage", "Share of due labels that are known", "coverage"),
    _of_window("window_rows", "Logged predictions of the newest window", "rows"),
    _metric_of_window("live_metric", "Metric on delayed labels", "live"),
    _metric_of_window("live_metric_floor", "The gate's floor of it", "floor"),
    Question(
        "window_end_timestamp_seconds", "When the newest window ended", ("use_case",),
        "SELECT use_case, extract(epoch FROM max(ended_at)) FROM evergreen.windows GROUP BY 1",
    ),
    Question(
        "windows", "Watched windows", ("use_case", "outcome"),
        "SELECT use_case, outcome, count(*) FROM evergreen.windows GROUP BY 1, 2", counter=True,
    ),
    Question(
        "decisions", "Decisions on record", ("use_case", "kind", "outcome"),
        "SELECT use_case, kind, outcome, count(*) FROM evergreen.decisions GROUP BY 1, 2, 3",
        counter=True,
    ),
    Question(
        "retrainings", "Retrainings that monitoring asked for", ("use_case", "cause"),
        "SELECT use_case, cause, count(*) FROM evergreen.retrainings GROUP BY 1, 2", counter=True,
    ),
    Question(
        "training_seconds", "How long the newest challenger took to train", ("use_case",),
        "SELECT DISTINCT ON (use_case) use_case,"
        " (evidence #>> '{evaluation,challenger,seconds}')::float8 FROM evergreen.decisions"
        " WHERE kind IN ('gate', 'dry_run') ORDER BY use_case, number DESC",
    ),
    Question(
        "gate_timestamp_seconds", "When the gate judged last", ("use_case",),
        "SELECT use_case, extract(epoch FROM max(created_at)) FROM evergreen.decisions"
        " WHERE kind = 'gate' GROUP BY 1",
    ),
    Question(
        "champion_timestamp_seconds", "When the newest champion was promoted", ("use_case",),
        "SELECT use_case, extract(epoch FROM max(created_at)) FROM evergreen.promotions GROUP BY 1",
    ),
    Question(
        "incidents_open", "Incidents and alerts that last", ("use_case", "kind"),
        "SELECT use_case, kind, count(*) FROM evergreen.incidents WHERE resolved_at IS NULL"
        " GROUP BY 1, 2",
    ),
)  # fmt: skip


class Pipeline:
    """A collector that asks PostgreSQL at each scrape."""

    def __init__(self, url: str) -> None:
        self._url = url

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of one moment; without PostgreSQL, only that it is away."""
        up = GaugeMetricFamily("evergreen_pipeline_up", "1: PostgreSQL told the state of things")
        try:
            with store.connect(self._url) as opened, opened.cursor() as cursor:
                found = [question.metric(cursor) for question in QUESTIONS]
        except psycopg2.Error as error:
            log.warning("the pipeline's metrics cannot be read: %s", error)
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found

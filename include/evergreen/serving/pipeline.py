"""What Prometheus sees of the pipeline: windows, decisions, retrainings, alerts, from PostgreSQL.

Registered with the service's own metrics, so that one scrape tells all of it. When PostgreSQL is
away the metrics are absent and `evergreen_pipeline_up` is 0: nothing stale is told.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from evergreen.errors import SchemaOutdated
from evergreen.records import Records
from evergreen.records.errors import DatabaseError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """A metric, and what the records call its labels."""

    name: str
    """As in `records.figures`."""
    help: str
    labels: Sequence[str]
    counter: bool = False

    def metric(self, rows: Iterable[tuple[Any, ...]]) -> Metric:
        """Make the metric of its rows: labels first, the value last (null: left out)."""
        family = CounterMetricFamily if self.counter else GaugeMetricFamily
        found = family(f"evergreen_{self.name}", self.help, labels=self.labels)
        for *labels, value in rows:
            if value is not None:
                found.add_metric([str(label) for label in labels], float(value))
        return found


ONE, TWO = ("use_case",), ("use_case", "metric")
QUESTIONS = (
    Question("drift_share", "Share of drifted columns in the newest window", ONE),
    Question("drift_weighted_share", "The same, by importance", ONE),
    Question("confidence", "Mean top probability in the newest window", ONE),
    Question("label_coverage", "Share of due labels that are known", ONE),
    Question("window_rows", "Logged predictions of the newest window", ONE),
    Question("live_metric", "Metric on delayed labels", TWO),
    Question("live_metric_floor", "The gate's floor of it", TWO),
    Question("estimated_metric", "Metric of the newest window, estimated without labels", TWO),
    Question("estimated_metric_low", "Lower end of its band", TWO),
    Question("estimated_metric_high", "Upper end of its band", TWO),
    Question(
        "estimated_metric_outside", "Share of rows, at least, that it was extrapolated to", TWO
    ),
    Question("window_end_timestamp_seconds", "When the newest window ended", ONE),
    Question("windows", "Watched windows", ("use_case", "outcome"), counter=True),
    Question("decisions", "Decisions on record", ("use_case", "kind", "outcome"), counter=True),
    Question(
        "retrainings", "Retrainings that monitoring asked for", ("use_case", "cause"), counter=True
    ),
    Question("training_seconds", "How long the newest challenger took to train", ONE),
    Question("gate_timestamp_seconds", "When the gate judged last", ONE),
    Question("champion_timestamp_seconds", "When the newest champion was promoted", ONE),
    Question("knowledge_timestamp_seconds", "Newest row that the champion learned from", ONE),
    Question("watchdog_timestamp_seconds", "When it looked last", ("name",)),
    Question("incidents_open", "Incidents and alerts that last", ("use_case", "kind")),
)


class Pipeline:
    """A collector that asks PostgreSQL at each scrape."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of one moment; without PostgreSQL, only that it is away."""
        up = GaugeMetricFamily("evergreen_pipeline_up", "1: PostgreSQL told the state of things")
        try:
            rows = self._records.figures.all()
            found = [question.metric(rows[question.name]) for question in QUESTIONS]
        except (DatabaseError, SchemaOutdated) as error:
            log.warning("the pipeline's metrics cannot be read: %s", error)
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found

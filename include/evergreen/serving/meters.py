"""What Prometheus sees of the service."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from evergreen.serving.journal import Journal
from evergreen.serving.minutes import Minutes

LATENCIES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meters:
    """The metrics of one service, in a registry of its own."""

    def __init__(self, journal: Journal, ui_url: str = "") -> None:
        self.registry = registry = CollectorRegistry()
        if ui_url:  # the rules' links begin with it
            Info("evergreen_ui", "Where people look", registry=registry).info({"url": ui_url})
        self.requests = Counter(
            "evergreen_requests", "Requests", ["use_case", "route", "status"], registry=registry
        )
        self.latency = Histogram(
            "evergreen_latency_seconds", "From a read request to its answer", ["use_case"],
            buckets=LATENCIES, registry=registry,
        )  # fmt: skip
        self.predictions = Counter(
            "evergreen_predictions", "Answers, by who gave them",
            ["use_case", "version", "variant"], registry=registry,
        )  # fmt: skip
        self.unseen = Counter(
            "evergreen_unseen_categories", "Values never seen in training",
            ["use_case", "column"], registry=registry,
        )  # fmt: skip
        self.features = Counter(
            "evergreen_features", "Rows by key of use cases whose features are stored: who gave"
            " them, stored or computed", ["use_case", "source"], registry=registry,
        )  # fmt: skip
        self.failures = Counter(
            "evergreen_scoring_failures", "Rows that the model could not score",
            ["use_case", "version"], registry=registry,
        )  # fmt: skip
        self.shadow_drops = Counter(
            "evergreen_shadow_drops", "Requests that a shadow was too slow for",
            ["use_case"], registry=registry,
        )  # fmt: skip
        self.version = Gauge(
            "evergreen_champion_version", "Version that answers", ["use_case"], registry=registry
        )
        self.promoted = Gauge(
            "evergreen_champion_promoted_timestamp_seconds", "When it became champion",
            ["use_case"], registry=registry,
        )  # fmt: skip
        self.problem = Gauge(
            "evergreen_serving_problem", "1: not in step with the ledger; /ready says why",
            ["use_case"], registry=registry,
        )  # fmt: skip
        registry.register(_JournalCollector(journal))
        self.minutes = Minutes()
        """The last of them, for people; see `minutes`."""

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class _JournalCollector:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def collect(self) -> Iterator[Metric]:
        counts = self._journal.counts
        for name in ("accepted", "adopted", "logged", "dropped"):
            metric = CounterMetricFamily(f"evergreen_predictions_{name}", f"Predictions {name}")
            metric.add_metric([], getattr(counts, name))
            yield metric
        waiting = GaugeMetricFamily("evergreen_predictions_waiting", "On disk, not in PostgreSQL")
        waiting.add_metric([], counts.waiting)
        yield waiting

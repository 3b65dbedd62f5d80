"""Alerts to a real webhook: one message when a state begins, one when it is over."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, TCPServer
from typing import Any

import psycopg2
import pytest

from answering import answering
from database import records_of
from deciding.champion import make_champion
from deciding.test_policy import NOW, critical, poor, seen
from evergreen import notify
from evergreen.deciding import alerts, decide
from evergreen.records import Incident, Pin
from evergreen.refs import Band, Check, WindowRef
from evergreen.settings import Settings
from evergreen.spec import Retraining, UseCase
from evergreen.steps import Run
from evergreen_workshop.stack.ports import free_port
from learning import CATALOG
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

HOUR = timedelta(hours=1)
WEATHER = replace(CATALOG.find("weather"), retraining=Retraining())


@pytest.fixture
def told(settings: Settings, webhook: Webhook) -> Settings:
    """Settings that tell the webhook; weather has a champion, version 3, and is to be served."""
    make_champion(settings, "weather", 3)
    return replace(settings, notify_urls=(webhook.url,), ui_url="http://ui", serve_host="127.0.0.1")


def titles(webhook: Webhook) -> list[str]:
    return [message["title"] for message in webhook.messages]


def run_of(window: WindowRef, **changes: Any) -> Run:
    fields = {"as_of": window.end, "asked_at": window.end, "key": "k", "actor": "schedule"}
    return Run(**fields | changes)


def watch_and_tell(settings: Settings, *windows: WindowRef, use_case: UseCase = WEATHER) -> None:
    kept = records_of(settings)
    for window in windows:
        kept.windows.keep(window)
        decided = decide(use_case, window, run_of(window), records=kept, settings=settings)
        alerts.of_window(use_case, window, decided, records=kept, settings=settings)


def test_drift_is_told_once_while_it_lasts_and_once_when_it_is_over(
    told: Settings, webhook: Webhook
) -> None:
    drifting = [replace(critical(ago), report_id="r1") for ago in (9, 8, 7, 6)]

    watch_and_tell(told, *drifting, *drifting, seen(5), seen(4))

    assert titles(webhook) == ["Evergreen: weather drifts", "Evergreen: over: weather drifts"]
    began, over = (message["message"] for message in webhook.messages)
    why = "temp_max, wind drifted in 2 of the last 2 windows."
    assert began.startswith(f"Nothing drifted. Retrain: {why}")
    assert began.endswith("http://ui/evergreen/drift/weather/r1/")
    assert over.startswith("Nothing drifted.")


def test_what_answers_on_paper_alerts_nobody(told: Settings, webhook: Webhook) -> None:
    watch_and_tell(told, *(replace(critical(ago), on_paper=True) for ago in (9, 8, 7)))

    assert titles(webhook) == []


def test_confidence_that_falls_is_told_once_and_once_when_it_is_over(
    told: Settings, webhook: Webhook
) -> None:
    less = "mean top probability 0.6; it usually was 0.8"

    def unsure(ago: int) -> WindowRef:
        return seen(ago, unsure=less, confidence=0.6)

    watch_and_tell(told, unsure(9), seen(8, confidence=0.8))
    once = titles(webhook)
    watch_and_tell(told, unsure(7), unsure(6), unsure(5), seen(4, confidence=0.8), seen(3))

    assert once == []
    what = "weather is less sure than it was"
    assert titles(webhook) == [f"Evergreen: {what}", f"Evergreen: over: {what}"]
    assert webhook.messages[0]["message"].startswith("Mean top probability 0.6; it usually was 0.8")


def test_drift_that_comes_back_is_a_new_incident(told: Settings, webhook: Webhook) -> None:
    watch_and_tell(told, critical(9), critical(8), seen(7), seen(6), seen(5))
    watch_and_tell(told, critical(4), critical(3))

    assert titles(webhook) == [
        "Evergreen: weather drifts",
        "Evergreen: over: weather drifts",
        "Evergreen: weather drifts",
    ]


@pytest.mark.parametrize("outcome", ["unknown", "warning"])
def test_only_a_calm_window_ends_an_alert(told: Settings, webhook: Webhook, outcome: str) -> None:
    later = [seen(ago, outcome=outcome) for ago in (7, 6, 5)]

    watch_and_tell(told, critical(9), critical(8), *later)

    assert titles(webhook) == ["Evergreen: weather drifts"]


def test_poor_live_quality_is_told_and_its_end_too(told: Settings, webhook: Webhook) -> None:
    watch_and_tell(told, poor(9), poor(8), seen(7), seen(6, live=0.75, labelled=80))

    assert titles(webhook) == [
        "Evergreen: weather answers worse than it should",
        "Evergreen: over: weather answers worse than it should",
    ]


@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_trusted_estimate_began_it_ends(
    told: Settings, webhook: Webhook, trusted: bool
) -> None:
    monitoring = replace(WEATHER.monitoring, trust_estimate=trusted)
    good = Band(value=0.76, low=0.74, high=0.78)
    fallen = [replace(poor(ago), live=None, labelled=0) for ago in (9, 8)]

    watch_and_tell(
        told, *fallen, seen(7, estimate=replace(good, outside=0.3)), seen(6, estimate=good),
        use_case=replace(WEATHER, monitoring=monitoring),
    )  # fmt: skip

    began = "Evergreen: weather answers worse than it should"
    over = ["Evergreen: over: weather answers worse than it should"] * trusted
    assert titles(webhook) == [began, *over]


class FakeVerdict:
    """As much of a verdict as an alert reads."""

    refresh: "FakeVerdict | None" = None

    def __init__(self, passed: bool, *failed: str) -> None:
        self.passed, self.sentence = passed, "Kept champion v3."
        self.report = "weather/abc/report.html"
        self.checks = tuple(Check(name=name, status="failed", reason="") for name in failed)


def test_a_refusal_is_told_unless_it_is_routine(told: Settings, webhook: Webhook) -> None:
    run = run_of(seen())
    for verdict in (
        FakeVerdict(False, "better_than_champion", "floor_roc_auc"),
        FakeVerdict(False, "calibration"),
        FakeVerdict(True),
    ):
        alerts.of_gate(WEATHER, verdict, run, records=records_of(told), settings=told)  # type: ignore[arg-type]

    assert titles(webhook) == [
        "Evergreen: weather has no better model: the gate refused",
        "Evergreen: over: weather has no better model: the gate refused",
    ]
    assert "http://ui/evergreen/reports/weather/abc/" in webhook.messages[0]["message"]


@pytest.mark.parametrize("besides", [(), ("calibration",), ("coverage", "calibration")])
def test_what_else_a_challenger_lacks_that_is_no_better_is_routine(
    told: Settings, webhook: Webhook, besides: tuple[str, ...]
) -> None:
    verdict: Any = FakeVerdict(False, "better_than_champion", *besides)

    alerts.of_gate(WEATHER, verdict, run_of(seen()), records=records_of(told), settings=told)

    assert webhook.messages == []


def test_a_fit_that_may_not_serve_is_told_once_until_one_may(
    told: Settings, webhook: Webhook
) -> None:
    run = run_of(seen())
    for verdict in (FakeVerdict(False, "agreement"), FakeVerdict(False, "rate"), FakeVerdict(True)):
        alerts.of_fit(WEATHER, verdict, run, records=records_of(told), settings=told)  # type: ignore[arg-type]

    assert titles(webhook) == [
        "Evergreen: weather was not renewed: its newest fit did not pass",
        "Evergreen: over: weather was not renewed: its newest fit did not pass",
    ]
    assert "http://ui/evergreen/reports/weather/abc/" in webhook.messages[0]["message"]


def test_a_refresh_that_may_not_serve_is_told_though_a_challenger_goes_on_trial(
    told: Settings, webhook: Webhook
) -> None:
    verdict: Any = FakeVerdict(True)
    verdict.refresh = FakeVerdict(False, "agreement")

    alerts.of_fit(WEATHER, verdict, run_of(seen()), records=records_of(told), settings=told)

    assert titles(webhook) == ["Evergreen: weather was not renewed: its newest fit did not pass"]


def test_a_fit_that_was_never_to_serve_is_told_to_nobody(told: Settings, webhook: Webhook) -> None:
    verdict: Any = FakeVerdict(False, "agreement")

    alerts.of_fit(
        WEATHER, verdict, run_of(seen(), purpose="dry_run"), records=records_of(told), settings=told
    )

    assert webhook.messages == []


def test_a_refusal_of_what_drift_asked_for_is_no_routine(told: Settings, webhook: Webhook) -> None:
    window = critical(8)
    for each in (critical(9), window):
        records_of(told).windows.keep(each)
    decided = decide(WEATHER, window, run_of(window), records=records_of(told), settings=told)
    run = run_of(window, key=f"weather_training/{decided.run_id}")

    verdict: Any = FakeVerdict(False, "better_than_champion")
    alerts.of_gate(WEATHER, verdict, run, records=records_of(told), settings=told)

    assert titles(webhook) == ["Evergreen: weather has no better model: the gate refused"]


def test_one_that_takes_over_beyond_a_limit_is_told_as_that(
    told: Settings, webhook: Webhook
) -> None:
    both = Check(name="floor_recall", status="passed", reason="recall is 0.5, as is champion v3 ()")
    for checks in ((both,), (both,), ()):
        verdict: Any = FakeVerdict(True)
        verdict.checks = checks
        alerts.of_gate(WEATHER, verdict, run_of(seen()), records=records_of(told), settings=told)

    what = "weather has only a model that is beyond a limit"
    assert titles(webhook) == [f"Evergreen: {what}", f"Evergreen: over: {what}"]


def test_a_dry_run_ends_no_alert(told: Settings, webhook: Webhook) -> None:
    refused: Any = FakeVerdict(False, "calibration")
    passed: Any = FakeVerdict(True)
    alerts.of_gate(WEATHER, refused, run_of(seen()), records=records_of(told), settings=told)

    alerts.of_gate(
        WEATHER, passed, run_of(seen(), purpose="dry_run"), records=records_of(told), settings=told
    )

    assert titles(webhook) == ["Evergreen: weather has no better model: the gate refused"]


def test_a_dry_run_alerts_nobody(told: Settings, webhook: Webhook) -> None:
    verdict: Any = FakeVerdict(False, "calibration")

    alerts.of_gate(
        WEATHER, verdict, run_of(seen(), purpose="dry_run"), records=records_of(told), settings=told
    )

    assert webhook.messages == []


def test_a_champion_that_knows_nothing_new_is_told_once_with_what_else_lasts(
    settings: Settings, webhook: Webhook
) -> None:
    until = datetime(2026, 11, 1, tzinfo=UTC)
    make_champion(settings, "weather", 3, until=until)
    told = replace(settings, notify_urls=(webhook.url,))
    failed = Incident(
        use_case="weather", run_key="weather_training/1", step="extract", message="It is stale."
    )
    records_of(told).incidents.open(failed)

    for days in (7, 8, 9):
        alerts.of_knowledge(
            WEATHER, until + timedelta(days=days), records=records_of(told), settings=told
        )
    make_champion(settings, "weather", 4, until=until + timedelta(days=7))
    alerts.of_knowledge(
        WEATHER, until + timedelta(days=10), records=records_of(told), settings=told
    )

    assert titles(webhook) == [
        "Evergreen: weather has learned nothing new for too long",
        "Evergreen: over: weather has learned nothing new for too long",
    ]
    assert "8 days ago; 7 days are allowed" in webhook.messages[0]["message"]
    assert webhook.messages[0]["message"].rstrip().endswith("It is stale.")


def test_old_knowledge_of_a_champion_that_is_pinned_is_told_with_the_pin(
    settings: Settings, webhook: Webhook
) -> None:
    until = datetime(2026, 11, 1, tzinfo=UTC)
    make_champion(settings, "weather", 3, until=until)
    told = replace(settings, notify_urls=(webhook.url,))
    records_of(told).pins.put(Pin(use_case="weather", version=3, reason="complaints", actor="ada"))

    alerts.of_knowledge(WEATHER, until + timedelta(days=9), records=records_of(told), settings=told)

    assert "It is pinned by ada" in webhook.messages[0]["message"]
    assert "does its DAG run?" not in webhook.messages[0]["message"]


def test_a_champion_that_nothing_is_held_against_is_stale(told: Settings, webhook: Webhook) -> None:
    now = datetime.now(UTC)

    for days in (1, 31, 32):
        alerts.of_staleness(
            WEATHER, now + timedelta(days=days), records=records_of(told), settings=told
        )
    with psycopg2.connect(told.database_url) as connection:
        connection.cursor().execute(
            "UPDATE evergreen.decisions SET created_at = created_at + interval '31 days'"
        )
    connection.close()
    alerts.of_staleness(WEATHER, now + timedelta(days=33), records=records_of(told), settings=told)

    assert titles(webhook) == ["Evergreen: weather is stale", "Evergreen: over: weather is stale"]
    assert "http://ui/evergreen/models/weather/" in webhook.messages[0]["message"]


class _Ready(BaseHTTPRequestHandler):
    document: dict[str, Any]

    def do_GET(self) -> None:
        self.send_response(503 if self.document["status"] == "not ready" else 200)
        self.end_headers()
        self.wfile.write(json.dumps(self.document).encode())

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def service(port: int, **document: Any) -> Iterator[None]:
    """A service that says this of itself."""
    handler = type("Ready", (_Ready,), {"document": document})
    with answering(ThreadingHTTPServer(("127.0.0.1", port), handler)):
        yield


def test_a_service_that_is_down_is_told_and_when_it_is_back(
    told: Settings, webhook: Webhook
) -> None:
    here = replace(told, serve_port=free_port())

    down = [
        alerts.of_service(
            ["weather"], NOW + n * HOUR, again_after=0, records=records_of(here), settings=here
        )
        for n in range(2)
    ]
    with service(here.serve_port, status="ready", champions={"weather": 3}, reasons={}):
        up = alerts.of_service(["weather"], NOW + 2 * HOUR, records=records_of(here), settings=here)

    assert down[0][0].startswith("weather: it does not answer")
    assert up == []
    assert titles(webhook) == [
        "Evergreen: weather is not served",
        "Evergreen: over: weather is not served",
    ]


class _Foreign(StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"\x15\x03\x01 no HTTP\r\n")


def test_what_speaks_no_http_is_told_and_ends_no_look(told: Settings, webhook: Webhook) -> None:
    here = replace(told, serve_port=free_port())
    here = replace(here, heartbeat_url=f"{here.serve_url}/beat")

    with answering(TCPServer(("127.0.0.1", here.serve_port), _Foreign)):
        problems = alerts.of_service(
            ["weather"], NOW, again_after=0, records=records_of(here), settings=here
        )
        alerts.beat(here)

    assert problems[0].startswith("weather: it does not answer")
    assert titles(webhook) == ["Evergreen: weather is not served"]


def test_nobody_misses_a_service_that_there_is_not_to_be(told: Settings, webhook: Webhook) -> None:
    here = replace(told, serve_port=free_port())
    alerts.of_service(["weather"], NOW, again_after=0, records=records_of(here), settings=here)
    here = replace(here, serve_host="")

    problems = alerts.of_service(["weather"], NOW + HOUR, records=records_of(here), settings=here)

    assert problems == []
    assert titles(webhook)[1:] == ["Evergreen: over: weather is not served"]
    assert "EVERGREEN_SERVE_HOST is not set" in webhook.messages[1]["message"]


def test_a_service_that_is_only_starting_alarms_nobody(told: Settings, webhook: Webhook) -> None:
    here = replace(told, serve_port=free_port())
    ready = {"status": "ready", "champions": {"weather": 3}, "reasons": {}}
    late = service(here.serve_port, **ready)

    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        looking = pool.submit(
            alerts.of_service, ["weather"], NOW, again_after=2, records=records_of(here),
            settings=here,
        )  # fmt: skip
        time.sleep(0.5)
        stack.enter_context(late)
        problems = looking.result()

    assert problems == []
    assert webhook.messages == []


def test_only_the_champion_that_is_not_served_is_told(told: Settings, webhook: Webhook) -> None:
    here = replace(told, serve_port=free_port())
    reasons = {"iris": "the bytes are not those that were gated"}

    with service(here.serve_port, status="not ready", champions={"weather": 3}, reasons=reasons):
        problems = alerts.of_service(
            ["iris", "weather"], NOW, again_after=0, records=records_of(here), settings=here
        )

    assert problems == ["iris: the bytes are not those that were gated"]
    assert titles(webhook) == ["Evergreen: iris is not served"]


def test_a_run_that_goes_well_ends_the_failures_of_its_dag(
    told: Settings, webhook: Webhook
) -> None:
    for key in ("weather_training/1", "weather_training/2", "iris_training/1"):
        name = key.partition("_")[0]
        notify.report_failure(
            records_of(told), told, name, key, "validate", "3 values are above 50"
        )

    for _ in range(2):
        notify.recovered(records_of(told), told, "weather_training/3")

    assert titles(webhook)[3:] == ["Evergreen: over: weather failed in validate"] * 2
    assert webhook.messages[3]["message"].startswith("weather_training/3 went well.")
    (lasting,) = records_of(told).incidents.newest(open=True)
    assert lasting.run_key == "iris_training/1"


def test_an_end_that_did_not_get_through_is_told_later(told: Settings, webhook: Webhook) -> None:
    notify.alert(records_of(told), told, "weather", "stale", "Nothing came.", at=NOW)
    webhook.status = 500
    notify.all_clear(records_of(told), told, "weather", "stale", "It came.")
    webhook.status = 200

    notify.resend(records_of(told), told)
    notify.resend(records_of(told), told)

    assert len(webhook.messages) == 3
    assert webhook.messages[2]["message"] == "It came.\nhttp://ui/evergreen/models/weather/"


def test_nobody_hears_of_the_end_who_did_not_hear_of_the_beginning(
    settings: Settings, webhook: Webhook
) -> None:
    notify.alert(records_of(settings), settings, "weather", "stale", "Nothing came.", at=NOW)

    over = notify.all_clear(
        records_of(settings),
        replace(settings, notify_urls=(webhook.url,)),
        "weather",
        "stale",
        "It came.",
    )

    assert over is not None
    assert over.resolved_at is not None
    assert webhook.messages == []

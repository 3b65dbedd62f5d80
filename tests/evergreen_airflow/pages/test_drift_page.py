import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from database import records_of
from evergreen.refs import Band, WindowRef
from evergreen.settings import PROJECT, Settings

END = datetime(2026, 11, 21, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
ATTACK = "<img src=x onerror=alert(1)>"
CALM = WindowRef(
    use_case="weather", start=END - HOUR, end=END, champion=3, rows=1200, outcome="calm",
    sentence="Calm: none of 4 columns drifted.", drift_share=0.0, weighted_share=0.0,
    metric="roc_auc", live=0.74, holdout=0.75, floor=0.68, labelled=900, coverage=0.75,
    report_id="20261121T150000-v3",
)  # fmt: skip


@pytest.fixture
def weather(settings: Settings) -> Settings:
    shutil.copy(PROJECT / "include" / "use_cases" / "weather.py", settings.use_cases_dir)
    return settings


def report(settings: Settings) -> None:
    folder = settings.home / "drift" / "weather" / CALM.report_id
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>the report</p>")
    (folder / "evidently.html").write_text("<p>Evidently's</p>")


@pytest.mark.parametrize(
    "path", ["drift/", "drift/weather/1/", "drift/weather/1/report.html", "drift/weather/x.html"]
)
def test_who_has_not_logged_in_sees_no_drift(
    anonymous: TestClient, weather: Settings, path: str
) -> None:
    assert anonymous.get(f"/evergreen/{path}").status_code == 401


def test_says_how_windows_come_to_be_watched(browser: TestClient, weather: Settings) -> None:
    page = browser.get("/evergreen/drift/").text

    assert "No window has been watched yet" in page
    assert "weather_monitoring" in page


def test_without_a_use_case_there_is_nothing_to_watch(browser: TestClient) -> None:
    assert "Nothing to watch yet" in browser.get("/evergreen/drift/").text


def test_lists_the_windows_newest_first_with_their_figures(
    browser: TestClient, weather: Settings
) -> None:
    records_of(weather).windows.keep(CALM)
    critical = replace(
        CALM, start=END, end=END + HOUR, outcome="critical", sentence="Critical: all drifted.",
        drift_share=1.0, live=None, labelled=0, coverage=None, report_id="20261121T160000-v3",
    )  # fmt: skip
    records_of(weather).windows.keep(critical)

    page = browser.get("/evergreen/drift/").text

    assert page.find("Critical: all drifted.") < page.find("Calm: none of 4")
    assert 'class="badge critical"' in page
    assert "0.740" in page
    assert '<div class="muted">75%</div>' in page
    assert "/evergreen/drift/weather/20261121T160000-v3/" in page


def test_draws_drift_share_and_live_metric_over_time(
    browser: TestClient, weather: Settings
) -> None:
    for hours in range(5):
        known = 0.74 if hours != 2 else None
        records_of(weather).windows.keep(replace(CALM, start=END + (hours - 1) * HOUR,
                                           end=END + hours * HOUR, live=known))  # fmt: skip

    for name in ("drift", "models/weather"):
        page = browser.get(f"/evergreen/{name}/").text

        assert page.count("<circle") == 9
        assert page.count("<polyline") == 3  # the live metric has a gap
        assert "gate&#39;s floor 0.68" in page


def test_an_estimate_without_labels_stands_beside_the_live_metric(
    browser: TestClient, weather: Settings
) -> None:
    band = Band(value=0.713, low=0.655, high=0.771)
    records_of(weather).windows.keep(replace(CALM, live=None, estimate=band))

    drift, models = (
        browser.get(f"/evergreen/{name}/").text for name in ("drift", "models/weather")
    )

    assert "≈&nbsp;0.713" in drift
    assert "Estimated without labels: 0.655 to 0.771" in drift
    assert "Estimated roc_auc" in drift
    assert "Estimated roc_auc" in models


def test_what_was_judged_by_another_metric_before_keeps_its_name(
    browser: TestClient, weather: Settings
) -> None:
    records_of(weather).windows.keep(replace(CALM, metric="log_loss", live=0.512, floor=0.6))
    newest = replace(CALM, start=END, end=END + HOUR)  # roc_auc, whatever is declared by now
    records_of(weather).windows.keep(newest)

    page = browser.get("/evergreen/drift/").text

    assert '<th class="number">roc_auc</th>' in page
    assert '0.512<div class="muted">log_loss</div>' in page
    assert '0.740<div class="muted">roc_auc' not in page
    assert page.count("<circle") == 3  # two shares, and the one that was judged as today's
    assert "gate&#39;s floor 0.68" in page


def test_a_window_that_could_not_be_measured_is_no_point_on_the_line(
    browser: TestClient, weather: Settings
) -> None:
    records_of(weather).windows.keep(
        replace(CALM, outcome="unknown", drift_share=None, live=None, sentence="Few answers.")
    )

    page = browser.get("/evergreen/drift/").text

    assert "Few answers." in page
    assert "No window has been watched yet" not in page
    assert "<circle" not in page
    assert 'class="badge unknown"' in page
    assert "Share of drifted columns" not in page  # one that shows nothing is no picture

    records_of(weather).windows.keep(replace(CALM, start=END, end=END + HOUR))

    page = browser.get("/evergreen/drift/").text
    assert page.count("<circle") == 2  # share and live metric
    assert page.count("<time>2026-11-21 16:00") == 2  # it begins where something was measured


def test_text_of_a_window_is_escaped(browser: TestClient, weather: Settings) -> None:
    records_of(weather).windows.keep(replace(CALM, sentence=ATTACK, alarms=(ATTACK, ATTACK)))

    assert ATTACK not in browser.get("/evergreen/drift/").text


def test_opens_a_report_with_the_way_back(browser: TestClient, weather: Settings) -> None:
    report(weather)

    frame = browser.get(f"/evergreen/drift/weather/{CALM.report_id}/").text
    page = browser.get(f"/evergreen/drift/weather/{CALM.report_id}/report.html")

    assert f'src="/evergreen/drift/weather/{CALM.report_id}/report.html"' in frame
    assert "← Drift" in frame
    assert "the report" in page.text
    assert "script-src 'none'" in page.headers["content-security-policy"]


def test_evidentlys_page_runs_its_scripts_in_a_sandbox(
    browser: TestClient, weather: Settings
) -> None:
    report(weather)

    page = browser.get(f"/evergreen/drift/weather/{CALM.report_id}/evidently.html")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "path", ["..%2fsecret.txt", "%2e%2e/secret.txt", "weather/../../secret.txt"]
)
def test_no_path_leads_out_of_the_folder(browser: TestClient, weather: Settings, path: str) -> None:
    report(weather)
    (weather.home / "secret.txt").write_text("secret")

    assert browser.get(f"/evergreen/drift/{path}").status_code == 404

import json
from typing import Any

from fastapi.testclient import TestClient

from evergreen.settings import Settings

ATTACK = "<img src=x onerror=alert(1)>"


def policy(name: str, low: float = -0.1, high: float = 0.1, **changes: Any) -> dict[str, Any]:
    difference = {"estimate": (low + high) / 2, "low": low, "high": high}
    return {
        "name": name, "metric": 0.8123, "difference": difference, "age_days": 12.4, "trainings": 7,
        "seconds": 3.2, "changes": 2, "worse_later": 1, "recovery_days": 14.0,
        "refused": {"floor_roc_auc": ["2026-03-01", "2026-03-02"]}, **changes,
    }  # fmt: skip


def write(settings: Settings, replay_id: str, *policies: dict[str, Any], advice: str = "") -> None:
    folder = settings.home / "replays" / "weather" / replay_id
    folder.mkdir(parents=True)
    (folder / "chart.svg").write_text("<svg>the chart</svg>")
    document = {
        "metric": "roc_auc", "more_is_better": True, "starts": ["2026-01-01T00:00:00"],
        "end": "2026-06-01T00:00:00", "recommendation": advice, "problems": {},
        "policies": policies or [policy("as declared", 0.0, 0.0)],
    }  # fmt: skip
    (folder / "replay.json").write_text(json.dumps(document))


def test_says_how_to_replay_when_nothing_has_been(browser: TestClient) -> None:
    page = browser.get("/evergreen/replay/").text

    assert "Nothing has been replayed yet" in page
    assert 'href="/dags/operations_replay"' in page


def test_shows_each_policy_against_what_is_declared(
    browser: TestClient, settings: Settings
) -> None:
    write(
        settings,
        "20260101-20260601-aaaaaaaaaa",
        policy("as declared", 0.0, 0.0),
        policy("never retrain", -0.3, -0.1),
        policy("holdout 14d", 0.01, 0.03, recovery_days=None),
        advice="Keep it as it is.",
    )

    page = browser.get("/evergreen/replay/").text

    assert "2026-01-01 to 2026-06-01: roc_auc, more is better" in page
    assert "Keep it as it is." in page
    assert '<td class="worse">-0.2 (-0.3 to -0.1)</td>' in page
    assert '<td class="better">+0.02 (+0.01 to +0.03)</td>' in page
    assert "floor roc auc 2 ×" in page
    assert "14 days" in page


def test_the_latest_period_comes_first_and_its_picture_is_served(
    browser: TestClient, settings: Settings
) -> None:
    write(settings, "20260101-20260601-aaaaaaaaaa", advice="The earlier.")
    write(settings, "20250601-20260701-bbbbbbbbbb", advice="The later.")

    page = browser.get("/evergreen/replay/").text
    picture = browser.get("/evergreen/replay/weather/20250601-20260701-bbbbbbbbbb/chart.svg")

    assert page.find("The later.") < page.find("The earlier.")
    assert picture.text == "<svg>the chart</svg>"
    assert "script-src 'none'" in picture.headers["Content-Security-Policy"]


def test_one_that_cannot_be_read_hides_no_other(browser: TestClient, settings: Settings) -> None:
    write(settings, "20260101-20260601-aaaaaaaaaa", advice="Sound.")
    write(settings, "20260101-20260701-bbbbbbbbbb")
    broken = settings.home / "replays" / "weather" / "20260101-20260701-bbbbbbbbbb"
    (broken / "replay.json").write_text("{")

    assert "Sound." in browser.get("/evergreen/replay/").text


def test_its_text_is_escaped(browser: TestClient, settings: Settings) -> None:
    write(settings, "20260101-20260601-aaaaaaaaaa", policy(ATTACK), advice=ATTACK)

    assert ATTACK not in browser.get("/evergreen/replay/").text

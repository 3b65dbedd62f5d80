import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from database import records_of
from evergreen.data import warehouse
from evergreen.records import (
    Decision,
    Incident,
    Pin,
    Promotion,
    Records,
    Retirement,
    Scored,
    TrialRow,
    decision_id,
)
from evergreen.refs import Span
from evergreen.serving import releases
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import PROJECT, Settings
from evergreen_airflow.pages.model_page import Bar
from verdicts import dossier_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PAGE = "/evergreen/models/weather/"
ATTACK = "<script>alert('x')</script>"


@pytest.fixture
def weather(settings: Settings) -> Records:
    """The use case weather, declared, and an empty ledger."""
    shutil.copy(PROJECT / "include" / "use_cases" / "weather.py", settings.use_cases_dir)
    return records_of(settings)


def decide(
    ledger: Records, number: int, outcome: str = "passed", sentence: str = "", kind: str = "fit"
) -> Decision:
    challenger = {"name": "boosting", "metrics": {"roc_auc": 0.74, "accuracy": 0.55}}
    decision = Decision(
        id=decision_id("weather", f"{kind}/train", str(number)),
        use_case="weather",
        kind=kind,
        outcome=outcome,
        sentence=sentence or f"Decision {number}.",
        evidence={
            "report": f"weather/{number}/report.html",
            "evaluation": {"challenger": challenger},
        },
        as_of=NOW,
        run_key=f"weather_training/manual__{number}",
        actor="ada",
    )
    return ledger.decisions.record(decision)


def promote(ledger: Records, number: int, reason: str = "better", kind: str = "change") -> None:
    past = ledger.promotions.of("weather")
    found = dossier_of(
        "weather", number, figures={"roc_auc": 0.74, "accuracy": 0.55},
        floors={"roc_auc": 0.64, "accuracy": 0.6},
    )  # fmt: skip
    ledger.dossiers.put("weather", number, found.to_json())
    ledger.promotions.append(
        Promotion(
            use_case="weather",
            version=number,
            run_id=f"{number:032x}",
            model_uri=f"models:/m-{number}",
            sha256=f"{number:064x}",
            snapshot_sha256="0" * 64,
            golden_sha256=None,
            training=Span(rows=1000, start=NOW - timedelta(days=1000), end=NOW),
            predecessor_id=past[0].id if past else None,
            decision_id=decide(ledger, number + 100 * len(past)).id,
            kind=kind,
            reason=reason,
            actor="ada",
        )
    )


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "file gone"])
def test_shows_what_is_retired_with_the_reason_and_its_history(
    browser: TestClient, weather: Records, settings: Settings, declared: bool
) -> None:
    promote(weather, 1, reason="It was better.")
    weather.retirements.put(Retirement(use_case="weather", reason=f"sold {ATTACK}", actor="ada"))
    if not declared:
        (settings.use_cases_dir / "weather.py").unlink()

    page = browser.get(PAGE).text

    assert '<span class="badge retired">retired</span>' in page
    assert "weather was retired by ada on" in page
    assert ATTACK not in page
    assert "It was better." in page


def test_shows_a_draft_as_one_and_says_how_it_goes_live(
    browser: TestClient, weather: Records, settings: Settings
) -> None:
    file = settings.use_cases_dir / "weather.py"
    file.write_text(file.read_text().replace("= UseCase(", "= UseCase(draft=True,"))

    page = browser.get(PAGE).text

    assert '<span class="badge draft">draft</span>' in page
    assert "<code>evergreen activate weather</code>" in page
    assert "by hand" in page
    assert "becomes champion" not in page
    assert "drift/?use_case=weather" not in page  # nobody watches it


def test_leads_to_no_page_that_has_nothing_to_show_yet(
    browser: TestClient, weather: Records
) -> None:
    before = browser.get(PAGE).text
    decide(weather, 1, "refused")

    after = browser.get(PAGE).text

    assert "reports/?use_case=weather" not in before
    assert "reports/?use_case=weather" in after


def test_shows_commands_in_the_table_as_code(
    browser: TestClient, weather: Records, settings: Settings
) -> None:
    file = settings.use_cases_dir / "weather.py"
    file.write_text(file.read_text().replace("= UseCase(", "= UseCase(draft=True,"))

    page = browser.get(PAGE.replace("weather/", "")).text

    assert "<code>evergreen activate weather</code> confirms it" in page


def test_says_what_to_do_for_a_use_case_without_a_champion(
    browser: TestClient, weather: Records
) -> None:
    page = browser.get(PAGE).text

    assert "no champion yet" in page
    assert 'href="/dags/weather_training"' in page


def test_shows_the_champion_its_metrics_and_where_to_look(
    browser: TestClient, weather: Records
) -> None:
    promote(weather, 1)

    page = browser.get(PAGE).text

    assert "Version 1" in page
    assert "roc_auc 0.74, at least 0.64" in page
    assert 'class="bar short"' in page  # its accuracy lies below the floor
    assert 'href="/evergreen/reports/weather/1/"' in page
    assert f'href="/evergreen/open-mlflow/#/runs/{1:032x}"' in page
    assert 'href="/dags/weather_training/runs/manual__1"' in page


def test_a_figure_and_the_limit_that_it_misses_do_not_read_alike() -> None:
    close, far = (Bar("roc_auc", value, 0.8, more_is_better=True) for value in (0.7999, 0.74))

    assert (close.text, close.floor_text) == ("0.7999", "0.8000")
    assert (far.text, far.floor_text) == ("0.74", "0.8")


@pytest.mark.parametrize(
    ("metric", "value", "floor", "more", "share", "tick"),
    [
        ("roc_auc", 0.7, 0.8, True, 70.0, 80.0),
        ("mae", 3.0, 4.0, False, 60.0, 80.0),
        ("profit", 300.0, 500.0, True, 48.0, 80.0),
        ("sharpe", 1.4, 1.2, True, 80.0, 68.6),
        ("loss", -3.0, -2.0, False, 15.8, 36.8),
    ],
)
def test_a_bar_is_as_long_as_its_figure_beside_the_tick_of_the_limit(
    metric: str, value: float, floor: float, more: bool, share: float, tick: float
) -> None:
    bar = Bar(metric, value, floor, more)

    assert (bar.share, bar.floor_share) == (share, tick)


def test_shows_the_last_decision_in_words(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    decide(weather, 7, outcome="refused", sentence="Kept version 1: not better.")

    page = browser.get(PAGE).text

    assert "Kept version 1: not better." in page
    assert 'class="badge refused"' in page


def test_lists_every_champion_and_why(browser: TestClient, weather: Records) -> None:
    for number in range(1, 7):
        promote(weather, number, reason=f"reason {number}")

    page = browser.get(PAGE).text

    assert [page.find(f"reason {number}") > 0 for number in range(1, 7)] == [True] * 6
    assert page.find("reason 6") < page.find("reason 1")
    assert "2 earlier" in page


def test_after_a_rollback_shows_what_the_version_proved_at_first(
    browser: TestClient, weather: Records
) -> None:
    promote(weather, 1)
    promote(weather, 2)
    promote(weather, 1, kind="rollback", reason="complaints")

    page = browser.get(PAGE).text

    assert 'href="/evergreen/reports/weather/1/"' in page
    assert "complaints" in page


def test_shows_by_whom_a_champion_is_pinned(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    weather.pins.put(
        Pin(use_case="weather", version=1, reason=f"worse since {ATTACK}", actor="monitoring")
    )

    page = browser.get(PAGE).text

    assert "Pinned by monitoring on 20" in page
    assert "<code>evergreen unpin weather --reason …</code>" in page
    assert ATTACK not in page


def test_shows_an_incident_until_a_training_decides_again(
    browser: TestClient, weather: Records
) -> None:
    weather.incidents.open(
        Incident(use_case="weather", run_key="weather_training/9", step="train", message="boom")
    )
    for kind in ("scoring", "rollback"):
        decide(weather, 10, kind=kind)
    shown = browser.get(PAGE).text
    decide(weather, 10)

    after = browser.get(PAGE).text

    assert "train failed: boom" in shown
    assert "train failed: boom" not in after


def test_text_from_people_and_data_is_escaped(browser: TestClient, weather: Records) -> None:
    promote(weather, 1, reason=ATTACK)
    decide(weather, 8, sentence=ATTACK)

    page = browser.get(PAGE).text

    assert ATTACK not in page
    assert "&lt;script&gt;" in page


def test_shows_a_broken_use_case_with_its_error(
    browser: TestClient, settings: Settings, weather: Records
) -> None:
    (settings.use_cases_dir / "churn.py").write_text(f"raise ValueError({ATTACK!r})\n")

    page = browser.get("/evergreen/models/churn/").text

    assert 'class="badge broken"' in page
    assert "ValueError" in page
    assert ATTACK not in page


def test_shows_whose_file_is_gone_while_its_champion_answers(
    browser: TestClient, settings: Settings, weather: Records
) -> None:
    promote(weather, 1)
    (settings.use_cases_dir / "weather.py").unlink()

    assert "Its file is gone. Its champion goes on answering" in browser.get(PAGE).text


def test_a_use_case_that_never_was_has_no_page(browser: TestClient, weather: Records) -> None:
    for name in ("nobody", "%2e%2e", "<b>"):
        assert browser.get(f"/evergreen/models/{name}/").status_code == 404


def test_leads_back_to_the_table(browser: TestClient, weather: Records) -> None:
    assert 'href="/evergreen/models/"' in browser.get(PAGE).text


def test_says_so_when_the_database_does_not_answer(
    browser: TestClient, settings: Settings, weather: Records
) -> None:
    object.__setattr__(settings, "database_url", "postgresql://nobody@127.0.0.1:1/nothing")

    answer = browser.get(PAGE)

    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    assert "nobody" not in answer.text


def test_shows_whether_to_retrain_and_what_lasts_beside_the_last_decision(
    browser: TestClient, weather: Records
) -> None:
    decide(weather, 1, sentence="The gate let it pass.")
    for hour in range(60):
        weather.decisions.record(
            Decision(
                id=decision_id("weather", "trigger", str(hour)), use_case="weather",
                kind="trigger", outcome="held back", sentence=f"Due, but held back {hour}.",
                evidence={}, as_of=NOW, run_key="weather_monitoring/1", actor="monitoring",
            )
        )  # fmt: skip
    key = "alert/weather/drift/1"
    weather.incidents.open(
        Incident(use_case="weather", run_key=key, step="drifts", message="It drifts.", kind="drift")
    )

    page = browser.get(PAGE).text
    weather.incidents.resolve(key)
    calm = browser.get(PAGE).text

    assert "The gate let it pass." in page
    assert "Due, but held back 59." in page
    assert "held back 58" not in page
    assert "It drifts." in page
    assert "It drifts." not in calm


def test_what_was_decided_before_there_was_a_champion_is_of_no_use_beside_one(
    browser: TestClient, weather: Records
) -> None:
    weather.decisions.record(
        Decision(
            id=decision_id("weather", "trigger", "1"), use_case="weather", kind="trigger",
            outcome="unknown", sentence="There is no champion to hold it against.", evidence={},
            as_of=NOW, run_key="weather_monitoring/1", actor="monitoring",
        )
    )  # fmt: skip
    before = browser.get(PAGE).text
    promote(weather, 1)

    assert "There is no champion to hold it against." in before
    assert "There is no champion to hold it against." not in browser.get(PAGE).text


def test_there_is_a_way_back_where_there_was_another(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    assert "Go back to an earlier one" not in browser.get(PAGE).text

    promote(weather, 2)
    assert "Go back to an earlier one" in browser.get(PAGE).text


def test_an_alert_that_repeats_the_last_decision_is_not_told_twice(
    browser: TestClient, weather: Records
) -> None:
    said = decide(weather, 1, "failed", "Kept champion v1: worse.").sentence
    weather.incidents.open(
        Incident(use_case="weather", run_key="alert/weather/gate/1", step="x", message=said,
                 kind="gate")
    )  # fmt: skip

    assert browser.get(PAGE).text.count(said) == 1


def on_trial(settings: Settings, strategy: str) -> TrialRow:
    challenger = ModelRef(use_case="weather", version=2, run_id="r", model_uri="m", sha256="2",
                          snapshot_sha256="5")  # fmt: skip
    return releases.start(
        records_of(settings).trials, "weather", strategy, 0.1, challenger, reason="new", actor="ada"
    )


def answer(settings: Settings, number: int, release: TrialRow, variant: str, right: bool) -> None:
    """Put an answer and its label on record."""
    with warehouse.connect(settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evergreen.predictions (id, request_id, time, use_case, version, run_id,"
            " sha256, snapshot_sha256, code, engine, variant, release_id, inputs, output,"
            " latency_ms) SELECT id, id, %s, 'weather', 1, '', '', '', '', 'onnx', %s, %s, '{}',"
            " 'true', 1 FROM (SELECT %s::uuid AS id) AS made",
            (datetime.now(UTC), variant, release.id, str(UUID(int=number))),
        )
    records_of(settings).labels.give("weather", str(UUID(int=number)), right)


def test_shows_a_trial_with_what_the_labels_say(
    browser: TestClient, weather: Records, settings: Settings
) -> None:
    promote(weather, 1)
    release = on_trial(settings, "ab")
    for number in range(20):
        side = "challenger" if number % 2 else "champion"
        answer(settings, number, release, side, right=number % 2 == 1)

    page = browser.get(PAGE).text

    assert '<span class="badge runs">runs</span>' in page
    assert "Version 2 as A/B test, 10% of the subjects" in page
    assert "champion 0.000 of 10 labels, challenger 1.000 of 10 labels (p &lt; 0.001" in page
    assert "challenger 10, champion 10" in page
    assert "Served by ONNX; has answered 10 times in the last day." in page


def test_shows_that_a_canary_was_aborted_and_why(
    browser: TestClient, weather: Records, settings: Settings
) -> None:
    promote(weather, 1)
    release = on_trial(settings, "canary")
    records_of(settings).trials.stop(release.id, "aborted: 20 of 20 requests failed")

    page = browser.get(PAGE).text

    assert '<span class="badge aborted">aborted</span>' in page
    assert "aborted: 20 of 20 requests failed" in page
    assert "Has answered no request in the last day." in page


def test_shows_what_was_scored_last_in_batch(browser: TestClient, weather: Records) -> None:
    promote(weather, 1)
    for day in (20, 21):
        at = datetime(2026, 11, day, tzinfo=UTC)
        weather.scorings.keep(
            Scored(
                use_case="weather", version=1, run_id="r", sha256="2", snapshot_sha256="5",
                code="c", interval_start=at - timedelta(days=1), interval_end=at, source="query",
                destination="scored", rows=1000 + day, refused=0, seconds=2, as_of=at,
                asked_at=at, run_key="k", actor="ada",
            ),
            [],
        )  # fmt: skip

    page = browser.get(PAGE).text

    assert "Scored 1,021 rows of 2026-11-20 00:00 to 2026-11-21 00:00 UTC with version 1" in page
    assert "Scored 1,020 rows" not in page


@pytest.mark.parametrize(
    ("about", "where"), [("weather", "weather/"), ("operations", ""), ("gone", "gone/")]
)
def test_shows_each_state_that_lasts(
    browser: TestClient, weather: Records, about: str, where: str
) -> None:
    promote(weather, 1)
    gone = replace(weather.promotions.of("weather")[0], use_case="gone", predecessor_id=None)
    weather.promotions.append(gone)
    alarm = Incident(
        use_case=about, run_key=f"alert/{about}/disk/1", step="", message=f"full {ATTACK}",
        kind="disk",
    )  # fmt: skip
    weather.incidents.open(alarm)
    shown = browser.get(f"/evergreen/models/{where}").text
    weather.incidents.resolve(alarm.run_key)

    over = browser.get(f"/evergreen/models/{where}").text

    assert '<span class="badge incident">disk</span> full' in shown
    assert "full" not in over
    assert ATTACK not in shown

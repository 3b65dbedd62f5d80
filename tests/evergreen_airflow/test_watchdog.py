"""The watchdog's task: each state reaches people, whatever else is wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest
from test_edge import STARTED, running
from test_schedules import asked_of

from bag import USE_CASES
from database import records_of
from deciding.champion import make_champion
from evergreen import notify
from evergreen.deciding import alerts
from evergreen.settings import Settings
from webhook import Webhook

pytestmark = [
    pytest.mark.usefixtures("airflow"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

UNSERVED = "whether champions are served (EVERGREEN_SERVE_HOST is not set)"


@pytest.fixture
def known(settings: Settings, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a house without Airflow's server, or a service."""
    known = replace(settings, notify_urls=(webhook.url,), digest="@weekly")
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: known)
    for asked in ("_told", "_newest_told"):
        monkeypatch.setattr(f"evergreen_airflow.assets.{asked}", lambda _: {})
    monkeypatch.setattr(alerts.time, "sleep", lambda _: None)  # the service may be starting
    folder = settings.home / "use_cases"
    folder.mkdir()
    monkeypatch.setenv("EVERGREEN_USE_CASES_DIR", str(folder))
    return known


def test_tells_of_a_file_that_does_not_load_once_and_of_the_week_once(
    settings: Settings, webhook: Webhook, known: Settings
) -> None:
    from evergreen_airflow.retraining import look_after_everything

    folder = settings.home / "use_cases"
    folder.joinpath("weather.py").write_text("USE_CASE = UseCase(")
    folder.joinpath("iris.py").write_text((USE_CASES / "iris.py").read_text())
    make_champion(settings, "weather", 1)

    for _ in range(2):
        with running() as ti:
            ti.task_id, ti.map_index = "look", -1
            problems = look_after_everything().problems

    assert any("SyntaxError" in problem for problem in problems)
    assert ti.updated["evergreen://weather/champion"]["version"] == 1
    told = [message["title"] for message in webhook.messages]
    assert told.count("Evergreen: weather has a file that does not load, or is gone") == 1
    assert sum("what happened from" in title for title in told) == 1
    assert "file" in {row.kind for row in records_of(settings).incidents.newest(open=True)}


@pytest.mark.parametrize(
    ("slept", "unseen"),
    [
        (
            timedelta(hours=3),
            "whether champions are fresh and schedules kept, until 2026-11-21 02:05 UTC,"
            " as nobody had looked for a while",
        ),
        (timedelta(minutes=5), "the schedules of weather (Airflow does not answer)"),
    ],
)
def test_what_was_not_looked_at_is_not_called_fresh(
    known: Settings, slept: timedelta, unseen: str
) -> None:
    from evergreen_airflow.retraining import look_after_everything

    for name, below in (("weather", ""), ("iris", "USE_CASE = replace(USE_CASE, draft=True)")):
        text = f"from dataclasses import replace\n{(USE_CASES / f'{name}.py').read_text()}\n{below}"
        (known.home / "use_cases" / f"{name}.py").write_text(text)
        make_champion(known, name, 1)
    records_of(known).heartbeats.beat("watchdog", STARTED - slept)
    notify.alert(records_of(known), known, "iris", "drift", "It drifts.", at=STARTED)

    with running() as ti:
        ti.task_id, ti.map_index, ti.get_dag = "look", -1, asked_of({}, 503)
        looked = look_after_everything()

    assert looked.unseen == [UNSERVED, "whether iris is fresh (it is a draft)", unseen]
    assert not records_of(known).incidents.newest("iris", kind="drift", open=True)
    assert looked.sentence.endswith(f". Not looked at: {'; '.join(looked.unseen)}.")


@pytest.mark.parametrize(
    ("problems", "unseen", "sentence"),
    [
        ([], [], "Every champion is served, crowned and fresh."),
        ([], ["x"], "All else is well. Not looked at: x."),
        (["iris: gone.", "It drifts."], [], "iris: gone.; It drifts."),
        (["It drifts."], ["x", "y"], "It drifts. Not looked at: x; y."),
    ],
)
def test_the_note_tells_what_lasts_and_what_nobody_knows(
    problems: list[str], unseen: list[str], sentence: str
) -> None:
    from evergreen_airflow.retraining import Looked

    assert Looked(problems=problems, unseen=unseen).sentence == sentence

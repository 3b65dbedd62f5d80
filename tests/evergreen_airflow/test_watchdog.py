"""The watchdog's task: each state reaches people, whatever else is wrong."""

from dataclasses import replace

import pytest
from test_edge import running

from bag import USE_CASES
from database import records_of
from deciding.champion import make_champion
from evergreen.deciding import alerts
from evergreen.settings import Settings
from webhook import Webhook

pytestmark = [
    pytest.mark.usefixtures("airflow"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


def test_tells_of_a_file_that_does_not_load_once_and_of_the_week_once(
    settings: Settings, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen_airflow.retraining import look_after_everything

    folder = settings.home / "use_cases"
    folder.mkdir()
    folder.joinpath("weather.py").write_text("USE_CASE = UseCase(")
    folder.joinpath("iris.py").write_text((USE_CASES / "iris.py").read_text())
    known = replace(settings, notify_urls=(webhook.url,), digest="@weekly")
    monkeypatch.setattr("evergreen_airflow.here.settings", lambda: known)
    monkeypatch.setenv("EVERGREEN_USE_CASES_DIR", str(folder))
    for asked in ("_told", "_newest_told"):
        monkeypatch.setattr(f"evergreen_airflow.assets.{asked}", lambda _: {})
    monkeypatch.setattr(alerts.time, "sleep", lambda _: None)  # the service may be starting
    make_champion(settings, "weather", 1)

    for _ in range(2):
        with running() as ti:
            ti.task_id, ti.map_index = "look", -1
            problems = look_after_everything()

    assert any("SyntaxError" in problem for problem in problems)
    assert ti.updated["evergreen://weather/champion"]["version"] == 1
    told = [message["title"] for message in webhook.messages]
    assert told.count("Evergreen: weather has a file that does not load, or is gone") == 1
    assert sum("what happened from" in title for title in told) == 1
    assert "file" in {row.kind for row in records_of(settings).incidents.newest(open=True)}

"""One message of a while: trained, changed, refused and why, alarms, who is needed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from database import query, records_of
from deciding.champion import make_champion
from evergreen import cli, notify
from evergreen.deciding import digest
from evergreen.deciding.digest import Digest, Part
from evergreen.records import Decision, Pin, Records, Retirement, decision_id
from evergreen.settings import Settings
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

UNTIL = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def kept(settings: Settings) -> Records:
    """A ledger of a week: a change, a refresh, two refusals, an alarm that ended, and one not."""
    for version, kind, ago in ((1, "change", 20), (2, "change", 5), (3, "refresh", 4)):
        make_champion(settings, "weather", version, kind=kind, until=UNTIL - 6 * DAY)
        put_at(settings, "promotions", f"version = {version}", UNTIL - ago * DAY)
        put_at(settings, "decisions", f"run_key LIKE '%/{version}'", UNTIL - ago * DAY)
    kept = records_of(settings)
    for number in (8, 9):
        refuse(kept, number)
        put_at(settings, "decisions", f"run_key = 'weather_training/{number}'", UNTIL - 3 * DAY)
    raised(kept, settings, "drift", begun=9, over=2)
    raised(kept, settings, "labels", begun=1)
    raised(kept, settings, "warning", begun=30, over=20)
    return kept


def put_at(
    settings: Settings, table: str, which: str, at: datetime, column: str = "created_at"
) -> None:
    sql = f"UPDATE evergreen.{table} SET {column} = '{at.isoformat()}' WHERE {which}"
    query(settings.database_url, "SET session_replication_role = replica;" + sql)


def refuse(kept: Records, number: int) -> None:
    kept.decisions.record(
        Decision(
            id=decision_id("weather", "gate", str(number)), use_case="weather", kind="gate",
            outcome="refused", sentence="Not surely better.", evidence={}, as_of=None,
            run_key=f"weather_training/{number}", actor="monitoring",
        )
    )  # fmt: skip


def raised(
    kept: Records, settings: Settings, kind: str, *, begun: int, over: int | None = None
) -> None:
    at = UNTIL - begun * DAY
    notify.alert(kept, settings, "weather", kind, f"It is {kind}.", at=at)
    put_at(settings, "incidents", f"kind = '{kind}'", at)
    if over is not None:
        notify.all_clear(kept, settings, "weather", kind, f"No {kind} any more.")
        put_at(settings, "incidents", f"kind = '{kind}'", UNTIL - over * DAY, "resolved_at")


def of_week(kept: Records) -> Digest:
    return digest.digest(UNTIL - 7 * DAY, UNTIL, records=kept)


def test_tells_what_was_trained_changed_and_refused_and_why(kept: Records) -> None:
    [weather] = of_week(kept).parts

    assert weather.trained == "trained 4 times (2 for monitoring, 2 for schedule)."
    assert weather.changed == (
        "version 3 (refresh, by ada): better",
        "version 2 (change, by ada): better",
    )
    assert weather.refused == ("gate: Not surely better. (2 times)",)
    assert weather.knowledge == (
        "Version 3 is champion, and knows rows up to 2026-11-16, 6.0 days old."
    )


def test_what_was_refused_is_not_lost_among_what_monitoring_decides(
    kept: Records, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "READ", 10)
    before = of_week(kept)

    for number in range(10):
        kept.decisions.record(
            Decision(
                id=decision_id("weather", "trigger", str(number)), use_case="weather",
                kind="trigger", outcome="no", sentence="Calm.", evidence={}, as_of=None,
                run_key=f"weather_monitoring/{number}", actor="schedule",
            )
        )  # fmt: skip
    put_at(settings, "decisions", "kind = 'trigger'", UNTIL - DAY)

    assert of_week(kept) == before


def test_says_that_there_may_be_more_than_was_read(
    kept: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "READ", 2)

    [weather] = of_week(kept).parts

    more = "perhaps more: only the newest 2 were read"
    assert weather.refused == ("gate: Not surely better. (2 times)", more)
    assert weather.begun[-1] == more
    assert "2 times or more" in weather.trained


def test_tells_which_alarms_began_and_ended_and_who_is_needed(kept: Records) -> None:
    kept.pins.put(Pin(use_case="weather", version=3, reason="complaints", actor="ada"))

    [weather] = digest.digest(UNTIL - 7 * DAY, datetime.now(UTC) + DAY, records=kept).parts

    assert weather.begun == ("labels (has no live quality any more): It is labels.",)
    assert weather.over == ("drift: No drift any more.",)
    assert [one.partition(" ")[0] for one in weather.needs] == ["labels", "pinned"]


def test_what_has_no_champion_yet_has_a_part_if_anything_happened(
    kept: Records, settings: Settings
) -> None:
    kept.decisions.record(
        Decision(
            id=decision_id("iris", "gate", "1"), use_case="iris", kind="gate", outcome="refused",
            sentence="No champion yet: luck.", evidence={}, as_of=None, run_key="iris_training/1",
            actor="schedule",
        )
    )  # fmt: skip
    put_at(settings, "decisions", "use_case = 'iris'", UNTIL - DAY)

    iris, weather = of_week(kept).parts
    later = digest.digest(UNTIL, UNTIL + DAY, records=kept).parts

    assert (iris.about, iris.trained) == ("iris", "trained 1 time (1 for schedule).")
    assert iris.knowledge == "It had no champion yet."
    assert iris.refused == ("gate: No champion yet: luck.",)
    assert weather.about == "weather"
    assert [part.about for part in later] == ["weather"]


def test_is_the_same_whenever_it_is_asked_for(kept: Records, settings: Settings) -> None:
    before = of_week(kept)
    make_champion(settings, "weather", 4)
    kept.pins.put(Pin(use_case="weather", version=4, reason="complaints", actor="ada"))
    notify.all_clear(kept, settings, "weather", "labels", "They come again.")

    assert of_week(kept) == before


def test_what_is_retired_has_no_part_and_the_house_has_one(
    kept: Records, settings: Settings
) -> None:
    kept.retirements.put(Retirement(use_case="weather", reason="sold", actor="ada"))
    at = UNTIL - DAY
    notify.alert(kept, settings, "operations", "disk", "2 GB are free.", at=at)
    put_at(settings, "incidents", "kind = 'disk'", at)

    [house] = of_week(kept).parts

    assert house.about == "operations"
    assert house.needs == ("disk (have a disk that is nearly full): 2 GB are free.",)


def test_a_long_list_is_cut_and_says_so() -> None:
    many = Part(about="weather", refused=tuple(f"{n} {'x' * 900}" for n in range(30)))

    lines = list(many.lines)

    assert lines[-1] == "  refused: and 20 more"
    assert max(map(len, lines)) < 500


@pytest.mark.parametrize("down", [False, True])
def test_is_sent_once_for_each_week_even_if_the_webhook_was_down(
    kept: Records, settings: Settings, webhook: Webhook, down: bool
) -> None:
    told = replace(settings, notify_urls=(webhook.url,), digest="@weekly")
    webhook.status = 500 if down else 200
    for hours in (1, 2, 30):
        digest.send(UNTIL + timedelta(hours=hours), records=kept, settings=told)
    if down:
        webhook.messages.clear()
        webhook.status = 200
    query(settings.database_url, "DELETE FROM evergreen.incidents WHERE kind <> 'digest'")
    for _ in range(2):
        notify.resend(kept, told)

    [message] = webhook.messages
    assert message["title"] == "Evergreen: what happened from 2026-11-15 to 2026-11-22"
    assert "  refused: gate: Not surely better. (2 times)" in message["message"]
    assert kept.incidents.newest(open=True) == ()
    digest.send(UNTIL + 7 * DAY, records=kept, settings=told)
    assert len(webhook.messages) == 2


def test_begins_where_the_one_before_it_ended(
    kept: Records, settings: Settings, webhook: Webhook
) -> None:
    daily, weekly = (
        replace(settings, notify_urls=(webhook.url,), digest=schedule)
        for schedule in ("@daily", "@weekly")
    )

    digest.send(UNTIL - 3 * DAY, records=kept, settings=daily)
    digest.send(UNTIL - 2 * DAY, records=kept, settings=weekly)
    digest.send(UNTIL + 9 * DAY, records=kept, settings=weekly)

    assert [message["title"].partition("happened ")[2] for message in webhook.messages] == [
        "from 2026-11-18 to 2026-11-19",
        "from 2026-11-19 to 2026-11-29",
    ]
    assert "  refused: gate: Not surely better. (2 times)" in webhook.messages[1]["message"]


@pytest.mark.parametrize("changes", [{"digest": ""}, {"notify_urls": ()}])
def test_is_for_who_opts_in(kept: Records, settings: Settings, changes: dict[str, object]) -> None:
    told = replace(settings, notify_urls=("json://127.0.0.1:1/",), digest="@weekly")

    done = digest.send(UNTIL, records=kept, settings=replace(told, **changes))  # type: ignore[arg-type]

    assert done is None


def test_the_command_prints_it(
    kept: Records, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergreen.cli.base.get_settings", lambda: settings)
    asked = ["digest", "--as-of", "2026-11-22"]

    text = CliRunner().invoke(cli.app, asked)
    as_json = CliRunner().invoke(cli.app, [*asked, "--json"])

    assert "changed: version 2 (change, by ada): better" in text.stdout
    document = json.loads(as_json.stdout)
    assert document["parts"][0]["refused"] == ["gate: Not surely better. (2 times)"]
    assert document["since"] == "2026-11-15 00:00:00+00:00"

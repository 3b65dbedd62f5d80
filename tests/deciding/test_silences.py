"""What nobody hears unless it is told: each begins once and ends once, and calm tells nothing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from database import records_of
from deciding.champion import make_champion
from deciding.test_policy import seen
from evergreen import notify
from evergreen.deciding import alerts, silences
from evergreen.deciding.states import State
from evergreen.records import Ends, RequestCounts, Retirement
from evergreen.refs import Outcome
from evergreen.settings import Settings
from learning import CATALOG
from records.test_months import line, log, reading
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

WEATHER = CATALOG.find("weather")
STALE = replace(WEATHER, retraining=replace(WEATHER.retraining, stale_after=timedelta(days=5)))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALM = Ends(since=NOW - 30 * DAY, watched=NOW, known=NOW, calm=NOW, live=NOW, due=True, rows=200)


def lasting(ends: Ends, asked: RequestCounts | None = None, now: datetime = NOW) -> list[str]:
    return [
        s.kind for s in silences.states(WEATHER, ends, asked or RequestCounts(), now) if s.lasts
    ]


def said(ends: Ends, kind: str, asked: RequestCounts | None = None) -> State:
    found = silences.states(WEATHER, ends, asked or RequestCounts(), NOW)
    return next(state for state in found if state.kind == kind)


def test_calm_tells_nothing() -> None:
    assert lasting(CALM, RequestCounts(answered=1000)) == []


def test_a_use_case_that_nobody_has_ever_asked_is_silent_by_nature() -> None:
    assert lasting(Ends(since=NOW - 30 * DAY, watched=NOW)) == []


@pytest.mark.parametrize(
    ("kind", "early", "late"),
    [
        ("blind", {"watched": NOW - 3 * HOUR}, {"watched": NOW - 5 * HOUR}),
        ("blind", {"watched": None, "since": NOW - 3 * HOUR}, {"watched": None}),
        (  # brought back after it was retired
            "blind",
            {"watched": NOW - 90 * DAY, "since": NOW - 3 * HOUR},
            {"watched": NOW - 90 * DAY, "since": NOW - 5 * HOUR},
        ),
        ("quiet", {"known": NOW - 2 * DAY}, {"known": NOW - 4 * DAY}),
        ("labels", {"live": NOW - 2 * DAY}, {"live": NOW - 4 * DAY}),
        ("warning", {"calm": NOW - 2 * DAY}, {"calm": NOW - 4 * DAY}),
        ("warning", {"calm": None, "since": NOW - 2 * DAY}, {"calm": None}),
    ],
)
def test_a_silence_is_one_only_after_a_while(
    kind: str, early: dict[str, Any], late: dict[str, Any]
) -> None:
    same = {"known": None, "calm": None, "live": None} if kind == "blind" else {}

    assert lasting(replace(CALM, **same | early)) == []
    assert lasting(replace(CALM, **same | late)) == [kind]


def test_labels_that_are_not_due_do_not_lack() -> None:
    assert lasting(replace(CALM, live=NOW - 9 * DAY, due=False)) == []


def test_windows_that_are_unknown_for_another_reason_say_that_one() -> None:
    unknown = replace(CALM, known=NOW - 4 * DAY, rows=5000, said="Unknown: a column is gone.")

    assert said(unknown, "quiet").message.endswith(
        " is unknown. The newest: Unknown: a column is gone."
    )
    assert "it takes 50" in said(replace(unknown, rows=3), "quiet").message


def test_of_labels_that_all_came_it_is_not_said_that_they_lack() -> None:
    unknown = replace(CALM, live=NOW - 9 * DAY, due=True, coverage=1.0)

    assert "all labels that are due have come" in said(unknown, "labels").message
    assert "99% of the labels" in said(replace(unknown, coverage=0.996), "labels").message


def test_a_rare_schedule_is_given_three_of_its_pauses() -> None:
    weekly = replace(WEATHER, monitoring=replace(WEATHER.monitoring, schedule="@weekly"))
    ends = replace(CALM, known=NOW - 20 * DAY, calm=NOW - 20 * DAY, live=NOW - 20 * DAY)

    found = [
        state.kind for state in silences.states(weekly, ends, RequestCounts(), NOW) if state.lasts
    ]

    assert found == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (RequestCounts(answered=0, refused=19, reason="row: x"), False),
        (RequestCounts(answered=1000, refused=40, reason="row: x"), False),
        (RequestCounts(answered=100, refused=200, reason="row: no column humid"), True),
    ],
)
def test_refused_requests_are_told_when_they_are_many_and_no_small_share(
    asked: RequestCounts, told: bool
) -> None:
    state = said(CALM, "refusals", asked)

    assert state.lasts is told
    if told:
        assert state.message == (
            "200 of 300 requests of the last hour were refused, most of them as follows:"
            " row: no column humid."
        )


def test_what_is_asked_for_no_more_is_over(settings: Settings, webhook: Webhook) -> None:
    make_champion(settings, "weather", 1)
    here = replace(settings, notify_urls=(webhook.url,))
    told: Any = {"records": records_of(settings), "settings": here}
    for kind in ("blind", "ingest", "stale"):
        notify.alert(records_of(settings), here, "weather", kind, "It lasts.", at=NOW)
    watched = replace(WEATHER.monitoring, schedule=None)
    asked = replace(WEATHER.retraining, stale_after=None)
    answer = replace(WEATHER, monitoring=watched, retraining=asked, ingest=None)

    assert silences.of_use_case(answer, NOW, **told) == []
    alerts.of_staleness(answer, NOW, **told)

    assert records_of(settings).incidents.newest(open=True) == ()
    assert "It is not asked for any more." in webhook.messages[-1]["message"]


def test_of_a_draft_only_what_is_looked_at_lasts(settings: Settings) -> None:
    kept = records_of(settings)
    for kind in notify.ALERTS:
        notify.alert(kept, settings, "weather", kind, "It lasts.", at=NOW)
    notify.report_failure(kept, settings, "weather", "weather_training/1", "train", "boom")

    silences.of_draft("weather", records=kept, settings=settings)

    assert {row.kind for row in kept.incidents.newest(open=True)} == silences.OF_DRAFTS


def test_until_all_has_caught_up_only_refusals_are_told(settings: Settings) -> None:
    kept = records_of(settings)
    make_champion(settings, "weather", 3)
    promoted = kept.promotions.champion("weather")
    assert promoted is not None
    later = promoted.promoted_at + 5 * DAY
    refused = {"id": str(uuid4()), "use_case": "weather", "time": later.isoformat(), "refused": 30}
    kept.requests.insert([json.dumps(refused | {"answered": 0, "reason": "no rain"}).encode()])
    how: dict[str, Any] = {"records": kept, "settings": settings}

    asleep = silences.of_use_case(WEATHER, later, caught_up=False, **how)
    awake = silences.of_use_case(WEATHER, later, caught_up=True, **how)

    assert ["refused" in told for told in asleep] == [True]
    assert any("No window has been watched" in told for told in awake)


def test_each_is_told_once_and_once_when_it_is_over(settings: Settings, webhook: Webhook) -> None:
    known = replace(settings, notify_urls=(webhook.url,))
    kept = records_of(settings)
    make_champion(settings, "weather", 3)
    promoted = kept.promotions.champion("weather")
    assert promoted is not None
    start = promoted.promoted_at

    def window(after: timedelta, **changes: Any) -> datetime:
        end = start + after
        kept.windows.keep(replace(seen(0), start=end - HOUR, end=end, **changes))
        return end

    def look(at: datetime) -> list[str]:
        return silences.of_use_case(WEATHER, at, records=kept, settings=known)

    window(HOUR)
    gap = window(5 * DAY, outcome=Outcome.UNKNOWN, rows=3, live=None)
    first, second = look(gap), look(gap + HOUR)
    webhook.status = 500
    back = window(5 * DAY + 2 * HOUR)
    over = look(back)
    webhook.status = 200

    assert len(first) == len(second) == 1
    assert "Every window since" in first[0]
    assert over == []
    titles = [message["title"] for message in webhook.messages]
    assert titles[0] == "Evergreen: weather cannot be watched: nothing can be measured"
    assert set(titles[1:]) == {f"Evergreen: over: {titles[0].removeprefix('Evergreen: ')}"}


def test_a_champion_that_is_refreshed_each_day_does_not_hide_a_silence(settings: Settings) -> None:
    kept = records_of(settings)
    for version, kind in ((1, "change"), (2, "refresh")):
        make_champion(settings, "weather", version, kind=kind)
    refreshed, first = (row.created_at for row in kept.promotions.of("weather"))
    assert first is not None
    assert refreshed is not None
    between = first + (refreshed - first) / 2
    kept.windows.keep(replace(seen(0), start=between - HOUR, end=between))
    later = refreshed + 5 * DAY
    kept.windows.keep(
        replace(seen(0), start=later - HOUR, end=later, outcome=Outcome.UNKNOWN, rows=3, live=None)
    )

    [told] = silences.of_use_case(WEATHER, later, records=kept, settings=settings)

    assert "Every window since" in told


def test_a_disk_that_fills_up_is_told_and_over(
    settings: Settings, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(settings, notify_urls=(webhook.url,))
    kept = records_of(settings)

    for free in (50, 2, 1, 40):
        usage = (100 * 10**9, (100 - free) * 10**9, free * 10**9)
        found = silences.shutil._ntuple_diskusage(*usage)  # type: ignore[attr-defined]
        monkeypatch.setattr(silences.shutil, "disk_usage", lambda _, found=found: found)
        silences.of_house(NOW, records=kept, settings=known)

    assert [message["title"] for message in webhook.messages] == [
        "Evergreen: operations have a disk that is nearly full",
        "Evergreen: over: operations have a disk that is nearly full",
    ]
    assert "2.0 GB are free" in webhook.messages[0]["message"]


def test_a_beat_goes_to_its_owner_and_a_lost_one_stops_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    alerts.beat(replace(settings, heartbeat_url="http://127.0.0.1:1/ping"))
    alerts.beat(settings)

    assert "did not take a beat" in caplog.text
    assert len(caplog.records) == 1


def test_predictions_that_cannot_be_given_their_month_are_told_and_over(
    settings: Settings, webhook: Webhook
) -> None:
    known, kept = replace(settings, notify_urls=(webhook.url,)), records_of(settings)
    with reading(settings.database_url, "predictions_outside"):
        log(kept, line(NOW - 400 * DAY))
        lasting = silences.of_house(NOW, records=kept, settings=known)

    assert "1 predictions lie in no month" in lasting[0]
    assert silences.of_house(NOW, records=kept, settings=known) == []
    assert [message["title"] for message in webhook.messages] == [
        "Evergreen: operations have predictions that lie in no month",
        "Evergreen: over: operations have predictions that lie in no month",
    ]


def test_the_months_to_come_are_made_as_the_house_is_looked_after(settings: Settings) -> None:
    kept = records_of(settings)

    silences.of_house(NOW + 1000 * DAY, records=kept, settings=settings)

    assert kept.months.make(NOW + 1000 * DAY) == 0


def test_who_is_brought_back_has_not_been_silent_meanwhile(settings: Settings) -> None:
    make_champion(settings, "weather", 3)
    kept = records_of(settings)
    later = datetime.now(UTC) + 90 * DAY
    asked = {"records": kept, "settings": settings}
    assert alerts.of_staleness(STALE, later, **asked) is not None
    kept.retirements.put(Retirement(use_case="weather", reason="sold", actor="ada"))
    kept.retirements.lift("weather", "bob")
    kept._session.write(
        "UPDATE evergreen.retirements SET lifted_at = %s RETURNING use_case", (later - HOUR,)
    )

    told = silences.of_use_case(WEATHER, later, **asked)
    over = alerts.of_staleness(STALE, later, **asked)

    assert (told, over is not None and over.resolved_at is not None) == ([], True)

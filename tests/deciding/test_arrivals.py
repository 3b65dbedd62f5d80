"""What stays away: each begins once and ends once, with a webhook that is down meanwhile."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from database import query, records_of
from deciding.champion import make_champion
from evergreen.deciding import arrivals, silences
from evergreen.deciding.arrivals import Scheduled
from evergreen.deciding.states import State
from evergreen.errors import DeclarationError
from evergreen.notify import resend
from evergreen.records import Records
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import Files, Ingest, UseCase
from learning import CATALOG
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Ingest(source=Files(url="/data/*.csv"))


def landed(*days_ago: float) -> list[datetime]:
    return [NOW - days * DAY for days in days_ago]


def lasting(states: Sequence[State] | Callable[[], State]) -> list[str]:
    return [state.kind for state in states if state.lasts]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("moments", "told"),
    [
        (landed(2, 3, 4, 5, 6), False),
        (landed(4, 5, 6, 7, 8), True),  # three runs of a daily schedule, and more
        (landed(12, 19, 26, 33), False),  # files come once a week
        (landed(15, 22, 29, 36), True),
        (landed(15, 15.01, 22, 29, 36), True),  # two files of one run are no gap
        (landed(30, 37, 44), False),  # two gaps tell nothing
        ([], False),
    ],
)
def test_an_ingest_is_starved_when_it_pauses_longer_than_it_usually_did(
    moments: list[datetime], told: bool
) -> None:
    found = list(arrivals.starved(DAILY, moments, NOW - 90 * DAY, NOW))

    assert lasting(found) == ["ingest"] * told


def test_one_long_outage_of_the_past_is_not_what_is_usual() -> None:
    gaps = [40] + [1] * 40
    moments = [NOW - 5 * DAY]
    for gap in reversed(gaps):
        moments.append(moments[-1] - gap * DAY)

    [state] = arrivals.starved(DAILY, moments, NOW - 400 * DAY, NOW)

    assert state.lasts
    assert "3 days are allowed, 2 times as long as it usually pauses" in state.message


@pytest.mark.parametrize(("days", "told"), [(1, False), (3, True)])
def test_what_is_declared_needs_no_history(days: int, told: bool) -> None:
    declared = replace(DAILY, silent_after=2 * DAY)

    [state] = arrivals.starved(declared, [], NOW - days * DAY, NOW)

    assert state.lasts is told


def test_a_silence_of_no_length_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"ingest\.silent_after"):
        replace(DAILY, silent_after=timedelta(0))


@pytest.mark.parametrize(
    ("day", "before", "told"),
    [
        (60, [100] * 14, False),
        (40, [100] * 14, True),
        (0, [100] * 14, True),
        (40, [100] * 13 + [70], False),  # one day had few, too
        (0, [100] * 13, False),  # too short a history
        (0, [100] * 13 + [0], False),  # nobody asks on Sundays
    ],
)
def test_fewer_than_ever_is_less_than_half_of_the_quietest_day(
    day: int, before: list[int], told: bool
) -> None:
    assert lasting(list(arrivals.fewer(day, before))) == ["fewer"] * told


DAG = Scheduled(dag_id="weather_training", schedule="@daily", ended=NOW - 4 * DAY)


@pytest.mark.parametrize(
    ("dag", "why"),
    [
        (replace(DAG, ended=NOW - 3 * DAY), ""),
        (replace(DAG, running=True), ""),
        (replace(DAG, schedule=None), ""),
        (replace(DAG, schedule=None, paused=True), ""),
        (replace(DAG, schedule=None, queued=True), ""),
        (replace(DAG, schedule=None, paused=True, queued=True), "does not start"),
        (replace(DAG, schedule="@weekly"), ""),
        (replace(DAG, due=NOW + 3 * DAY), ""),
        (replace(DAG, due=NOW - 3 * DAY), "does not load (an import error)"),
        (replace(DAG, due=NOW + 3 * DAY, paused=True), "it is paused"),
        (DAG, "does not load (an import error)"),
        (replace(DAG, paused=True), "it is paused"),
        (replace(DAG, known=False), "Airflow has it no more"),
    ],
)
def test_a_schedule_that_nobody_keeps_is_told_with_what_is_known_of_it(
    dag: Scheduled, why: str
) -> None:
    [state] = arrivals.unrun([dag], NOW)

    assert state.lasts is bool(why)
    assert why in state.message


@dataclass
class House:
    """Weather with a champion, in a house whose webhook is down whenever a test says so."""

    kept: Records
    settings: Settings
    webhook: Webhook
    use_case: UseCase

    def look(self, at: datetime) -> list[str]:
        return silences.of_use_case(self.use_case, at, records=self.kept, settings=self.settings)

    def schedules(self, dag: Scheduled, at: datetime) -> list[str]:
        return silences.of_schedules(
            self.use_case, [dag], at, records=self.kept, settings=self.settings
        )

    def file(self, error: str) -> list[str]:
        return silences.of_file("weather", error, NOW, records=self.kept, settings=self.settings)

    def told_once(self, begin: Callable[[], list[str]], end: Callable[[], list[str]]) -> str:
        """Begin and end a state while the webhook is down; return what is told when it is up."""
        self.webhook.status = 500
        assert len(begin()) == len(begin()) == 1
        assert end() == end() == []
        self.webhook.messages.clear()
        self.webhook.status = 200
        for _ in range(2):
            resend(self.kept, self.settings)
        first, over = self.webhook.messages
        assert first["title"].replace("Evergreen: ", "Evergreen: over: ") == over["title"]
        return first["message"]


@pytest.fixture
def house(settings: Settings, webhook: Webhook) -> House:
    make_champion(settings, "weather", 3)
    weather = replace(CATALOG.find("weather"), ingest=DAILY)
    return House(
        records_of(settings), replace(settings, notify_urls=(webhook.url,)), webhook, weather
    )


def ingested(house: House, at: datetime, rows: int = 9) -> None:
    landing = Landing(use_case="weather", item=f"{at}", sha256="0" * 64, rows=rows)
    number = house.kept.landings.record(landing)
    query(
        house.settings.database_url,
        f"UPDATE evergreen.landings SET landed_at = '{at.isoformat()}' WHERE id = {number}",
    )


def test_an_ingest_of_nothing_is_told_once_and_ends_once(house: House) -> None:
    now = datetime.now(UTC)
    for days in (8, 7, 6, 5):
        ingested(house, now - days * DAY)
    ingested(house, now - DAY, rows=0)  # it runs, and lands nothing

    def back() -> list[str]:
        ingested(house, now)
        return house.look(now)

    told = house.told_once(lambda: house.look(now), back)

    assert told.startswith("No row has been landed since")


def ask(house: House, at: datetime, answered: int) -> None:
    line = {
        "id": str(uuid4()), "time": at.isoformat(), "use_case": "weather", "reason": "",
        "answered": answered, "refused": 0,
    }  # fmt: skip
    house.kept.requests.insert([json.dumps(line).encode()])


def test_fewer_requests_than_ever_are_told_once_and_end_once(house: House) -> None:
    now = datetime.now(UTC)
    for days in range(20):
        ask(house, now - days * DAY - HOUR, 10 if days == 0 else 100)

    def back() -> list[str]:
        ask(house, now - HOUR, 90)
        return house.look(now)

    told = house.told_once(lambda: house.look(now), back)

    assert told == "10 requests came in 24 hours; the quietest of the 18 days before had 100."


def test_days_of_few_requests_are_not_what_is_usual_while_they_last(house: House) -> None:
    now = datetime.now(UTC)
    for days in range(20):
        ask(house, now - days * DAY - HOUR, 10 if days == 0 else 100)

    begun = house.look(now)
    later = house.look(now + 5 * DAY)

    assert len(begun) == 1
    assert "weather: 0 requests came in 24 hours" in later[-1]


def test_a_dag_that_does_not_run_is_told_once_and_ends_once(house: House) -> None:
    ran = replace(DAG, ended=NOW)

    told = house.told_once(
        lambda: house.schedules(DAG, NOW), lambda: house.schedules(ran, NOW + HOUR)
    )

    assert told.startswith("No run of weather_training has ended since 2026-11-17 12:00 UTC")


@pytest.mark.parametrize("error", ["SyntaxError: invalid syntax", arrivals.GONE])
def test_a_file_that_does_not_load_is_told_once_and_ends_once(house: House, error: str) -> None:
    told = house.told_once(lambda: house.file(error), lambda: house.file(""))

    assert told.endswith(f"watched no more: {error}")

"""Rows of an HTTP API, from a real server, landed in PostgreSQL."""

import gzip
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from database import query, records_of
from evergreen import ingest
from evergreen.errors import DataRefused, SettingError, SourceAway
from evergreen.ingest import api
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import Api
from ingest.conftest import Server, orders

DAY = date(2026, 2, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PATH = "/orders?day=2026-02-01"


def row(id: int) -> dict[str, Any]:
    return {"id": id, "price": 1.5, "returned": False}


def land(server: Server, settings: Settings, **options: Any) -> Landing:
    use_case = orders(Api(url=f"{server.url}/orders?day={{day}}", **options))
    [landed] = ingest.land(
        use_case, as_of=NOW, day=DAY, records=records_of(settings), settings=settings
    )
    return landed


def rows(settings: Settings, columns: str = "id") -> list[Any]:
    return query(settings.database_url, f"SELECT {columns} FROM orders ORDER BY id")


def ids(settings: Settings) -> list[int]:
    return [id for (id,) in rows(settings)]


def test_a_day_that_is_asked_for_again_changes_nothing(server: Server, settings: Settings) -> None:
    server.answers[PATH] = [row(1), row(2)]

    landed = [land(server, settings) for _ in range(2)]

    assert [one.rows for one in landed] == [2, 2]
    assert ids(settings) == [1, 2]


def test_goes_on_after_the_last_day_that_was_landed(server: Server, settings: Settings) -> None:
    server.answers |= {f"/orders?day=2026-02-0{n}": [row(n)] for n in (1, 2, 3)}
    use_case = orders(Api(url=f"{server.url}/orders?day={{day}}"))

    for day in (2, 4, 4):  # the third finds nothing to do
        as_of = datetime(2026, 2, day, tzinfo=UTC)
        list(ingest.land(use_case, as_of=as_of, records=records_of(settings), settings=settings))

    assert [path[-2:] for path, _ in server.asked] == ["01", "02", "03"]
    assert ids(settings) == [1, 2, 3]


def test_a_day_that_fails_is_asked_for_by_the_next_run(server: Server, settings: Settings) -> None:
    server.answers |= {PATH: [row(1)], "/orders?day=2026-02-02": [(404, {}), (200, [row(2)])]}
    server.answers["/orders?day=2026-02-03"] = [row(3)]
    use_case = orders(Api(url=f"{server.url}/orders?day={{day}}"))
    land(server, settings)
    last = {"as_of": datetime(2026, 2, 4, tzinfo=UTC), "settings": settings}

    with pytest.raises(DataRefused, match="404"):
        list(ingest.land(use_case, records=records_of(settings), **last))
    list(ingest.land(use_case, records=records_of(settings), **last))

    assert ids(settings) == [1, 2, 3]


def test_an_empty_day_is_an_empty_day(server: Server, settings: Settings) -> None:
    server.answers[PATH] = []

    landed = land(server, settings)

    assert landed.rows == 0
    assert list(records_of(settings).landings.newest("orders")) == ["2026-02-01"]


@pytest.mark.parametrize("found", [[], [row(1)]])
def test_the_moment_before_a_day_was_asked_for_is_kept(
    found: list[Any], server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_wait", lambda _: 0.5)
    server.answers[PATH] = [(503, {}), (200, found)]

    land(server, settings)

    kept = records_of(settings).landings.newest("orders")["2026-02-01"]
    assert kept.delivered_at is not None and kept.landed_at is not None
    assert kept.landed_at - kept.delivered_at > timedelta(seconds=0.5)


def test_fields_that_the_first_record_lacks_arrive(server: Server, settings: Settings) -> None:
    server.answers[PATH] = [row(1), row(2) | {"note": "gift"}, {"id": 3}]

    land(server, settings)

    assert rows(settings, "id, price, note") == [(1, 1.5, None), (2, 1.5, "gift"), (3, None, None)]


def test_numbers_keep_their_digits_and_texts_stay_texts(server: Server, settings: Settings) -> None:
    numbers = '"id": 9007199254740993, "price": 0.10, "fine": 0.12345678901234567890'
    server.answers[PATH] = [(200, f'[{{{numbers}, "code": "7"}}]'.encode())]

    land(server, settings)

    assert rows(settings, "id, price, fine::text, code") == [
        (9007199254740993, 0.1, "0.12345678901234567890", "7")
    ]


@pytest.mark.parametrize(
    ("charset", "told"),
    [
        ("", "not utf-8: .*byte 0xfc"),
        ("; charset=ascii", "not ascii"),
        ("; charset=hex", "not hex"),
    ],
)
def test_an_answer_in_another_encoding_than_it_says_is_refused(
    charset: str, told: str, server: Server, settings: Settings
) -> None:
    content = '[{"id": 1, "city": "Zürich"}]'.encode("latin-1")
    server.answers[PATH] = [(200, content, ("Content-Type", f"application/json{charset}"))]

    with pytest.raises(DataRefused, match=told):
        land(server, settings)


def test_an_answer_is_read_in_the_encoding_that_it_says(server: Server, settings: Settings) -> None:
    content = '[{"id": 1, "city": "Zürich"}]'.encode("latin-1")
    says = ("Content-Type", "application/json; charset=latin-1")
    server.answers[PATH] = [(200, content, says)]

    land(server, settings)

    assert rows(settings, "city") == [("Zürich",)]


@pytest.mark.parametrize("value", [{"street": "a"}, [1, 2]])
def test_what_no_column_holds_is_refused(value: Any, server: Server, settings: Settings) -> None:
    server.answers[PATH] = [row(1), row(2) | {"address": value}]

    with pytest.raises(DataRefused, match="row 2: address holds"):
        land(server, settings)


def test_waits_as_long_as_it_is_asked_to(server: Server, settings: Settings) -> None:
    server.answers[PATH] = [(429, {}, ("Retry-After", "2")), (200, [row(1)])]
    begun = time.monotonic()

    land(server, settings)

    assert time.monotonic() - begun >= 2


@pytest.mark.parametrize("code", [408, 425, 429, 500, 503, 520, 529])
def test_trouble_that_lasts_may_pass_later(
    code: int, server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ATTEMPTS", 1)
    server.answers[PATH] = [(code, {})]

    with pytest.raises(SourceAway, match=str(code)):
        land(server, settings)


def test_a_page_that_follows_itself_is_refused(server: Server, settings: Settings) -> None:
    server.answers[PATH] = {"rows": [row(1)], "next": PATH}

    with pytest.raises(DataRefused, match="its own next page"):
        land(server, settings, records="rows", next="next")


def test_follows_the_address_of_the_next_page(server: Server, settings: Settings) -> None:
    server.answers[PATH] = {"data": {"items": [row(1)]}, "links": {"next": "/orders?after=1"}}
    server.answers["/orders?after=1"] = {"data": {"items": [row(2)]}, "links": {"next": None}}

    land(server, settings, records="data.items", next="links.next")

    assert ids(settings) == [1, 2]


def test_other_braces_of_an_address_stay(server: Server, settings: Settings) -> None:
    server.answers[f"{PATH}&fields={{id,price}}"] = [row(1)]
    use_case = orders(Api(url=f"{server.url}/orders?day={{day}}&fields={{id,price}}"))

    list(ingest.land(use_case, as_of=NOW, day=DAY, records=records_of(settings), settings=settings))

    assert ids(settings) == [1]


def test_counts_pages_until_one_is_empty(server: Server, settings: Settings) -> None:
    server.answers |= {f"{PATH}&page=1": [row(1)], f"{PATH}&page=2": [row(2)], f"{PATH}&page=3": []}

    land(server, settings, page="page")

    assert ids(settings) == [1, 2]


def test_trouble_that_passes_is_waited_for(server: Server, settings: Settings) -> None:
    server.answers[PATH] = [(503, {}), (200, [row(1)])]

    land(server, settings)

    assert ids(settings) == [1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([(404, {})], "404"),
        ([(200, b"<html>")], "JSON"),
        ([(200, b"[" * 100_000)], "nested too deeply"),
        ([(302, {}, ("Location", "http://169.254.169.254/latest/meta-data"))], "302"),
        ({"rows": []}, "no list of objects"),
        ([1, 2], "no list of objects"),
    ],
)
def test_an_answer_without_rows_is_refused(
    answer: Any, said: str, server: Server, settings: Settings
) -> None:
    server.answers[PATH] = answer

    with pytest.raises(DataRefused, match=said):
        land(server, settings)


def test_secrets_are_not_carried_to_another_host(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "Bearer secret")
    server.answers[PATH] = {"rows": [row(1)], "next": "http://elsewhere.example/orders"}

    with pytest.raises(DataRefused, match="another host"):
        land(server, settings, records="rows", next="next", headers={"Authorization": "SHOP_TOKEN"})

    assert server.asked[0][1]["Authorization"] == "Bearer secret"


def test_a_next_page_that_is_no_address_is_refused(server: Server, settings: Settings) -> None:
    server.answers[PATH] = {"rows": [row(1)], "next": "http://[::1"}

    with pytest.raises(DataRefused, match="has no address"):
        land(server, settings, records="rows", next="next")


@pytest.mark.parametrize("packed", [True, False])
def test_a_page_that_is_too_large_packed_or_not_is_refused(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(api, "PAGE", 1_000_000)
    content = b" " * 5_000_000 + b"[]"
    answer = (200, gzip.compress(content), ("Content-Encoding", "gzip"))
    server.answers[PATH] = [answer if packed else (200, content)]

    with pytest.raises(DataRefused, match="more than 1 MB; ask for smaller pages"):
        land(server, settings)


def test_a_header_without_its_setting_is_told(server: Server, settings: Settings) -> None:
    with pytest.raises(SettingError, match="NO_SUCH_TOKEN"):
        land(server, settings, headers={"Authorization": "NO_SUCH_TOKEN"})

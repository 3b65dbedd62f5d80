"""Rows of an HTTP API, from a real server, landed in PostgreSQL."""

from datetime import date
from typing import Any

import pytest

from database import records_of
from evergreen import ingest
from evergreen.data import warehouse
from evergreen.errors import DataRefused, SettingError
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import Api
from ingest.conftest import Server, orders

DAY = date(2026, 2, 1)
PATH = "/orders?day=2026-02-01"


def row(id: int) -> dict[str, Any]:
    return {"id": id, "price": 1.5, "returned": False}


def land(server: Server, settings: Settings, **options: Any) -> Landing:
    use_case = orders(Api(url=f"{server.url}/orders?day={{day}}", **options))
    [item] = ingest.items(use_case, DAY)
    return ingest.land(use_case, item, records=records_of(settings), settings=settings)


def ids(settings: Settings) -> list[int]:
    with warehouse.reading(settings.database_url) as reading:
        return [id for (id,) in reading.query("SELECT id FROM orders ORDER BY id")]


def test_a_day_is_landed_once(server: Server, settings: Settings) -> None:
    server.answers[PATH] = [row(1), row(2)]

    first, again = land(server, settings), land(server, settings)

    assert (first.rows, first.known) == (2, False)
    assert (again.rows, again.known) == (0, True)
    assert ids(settings) == [1, 2]


def test_follows_the_address_of_the_next_page(server: Server, settings: Settings) -> None:
    server.answers[PATH] = {"data": {"items": [row(1)]}, "links": {"next": "/orders?after=1"}}
    server.answers["/orders?after=1"] = {"data": {"items": [row(2)]}, "links": {"next": None}}

    land(server, settings, records="data.items", next="links.next")

    assert ids(settings) == [1, 2]


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


def test_a_header_without_its_setting_is_told(server: Server, settings: Settings) -> None:
    with pytest.raises(SettingError, match="NO_SUCH_TOKEN"):
        land(server, settings, headers={"Authorization": "NO_SUCH_TOKEN"})

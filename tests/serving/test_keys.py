"""A key opens what it is for, as long as it is; the service follows without a restart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database import records_of
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.records import Records
from evergreen.serving import keys
from evergreen.serving.guard import asked_for
from evergreen.serving.keys import KeyRing, digest
from evergreen.settings import Settings
from serving.conftest import Client, Shop, eventually

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


@pytest.fixture
def kept(settings: Settings) -> Records:
    return records_of(settings)


def make(kept: Records, name: str = "shop", now: datetime = NOW, **what: Any) -> str:
    asked = {"scopes": ("predict",), "actor": "ada", "now": now, "records": kept}
    return keys.create(name, **asked | what)[0]


def problem(
    kept: Records, key: str, scope: str = "predict", use_case: str = "iris", at: datetime = NOW
) -> tuple[int, str]:
    ring = KeyRing()
    ring.renew(kept.api_keys.all())
    return ring.problem(key.encode(), scope, use_case, at.timestamp())


def test_a_key_does_for_its_scopes_and_use_cases_only(kept: Records) -> None:
    key = make(kept, use_cases=("iris",))

    assert problem(kept, key) == (0, "")
    assert problem(kept, key, "feedback") == (403, "of shop is good for predict, not for feedback")
    assert problem(kept, key, use_case="churn") == (403, "of shop is good for iris only")
    assert problem(kept, "eg_another") == (401, "is missing or not known")
    assert problem(kept, "") == (401, "is missing or not known")


def test_a_key_ends_with_its_time(kept: Records) -> None:
    key = make(kept, days=30)

    assert problem(kept, key, at=NOW + timedelta(days=29)) == (0, "")
    status, reason = problem(kept, key, at=NOW + timedelta(days=30))
    assert (status, reason) == (401, "of shop has expired on 2026-12-21 00:00 UTC")


def test_a_new_key_takes_the_place_of_the_old_and_nobody_keeps_either(kept: Records) -> None:
    old, new = make(kept), make(kept)

    assert problem(kept, old)[0] == 401
    assert problem(kept, new)[0] == 0
    rows = kept.api_keys.all()
    assert [row.sha256 for row in rows] == [digest(new.encode()), digest(old.encode())]
    assert new not in str(rows)
    assert [row.revoked_by for row in rows] == [None, "ada"]


def test_whoever_revokes_the_last_key_opens_nothing(kept: Records) -> None:
    key, ring = make(kept), KeyRing()
    before = ring.needed
    keys.revoke("shop", actor="bob", records=kept)
    ring.renew(kept.api_keys.all())

    assert not before
    assert ring.needed
    assert problem(kept, key)[0] == 401
    with pytest.raises(EvergreenError, match="shop has no key; those that have: nobody"):
        keys.revoke("shop", actor="bob", records=kept)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"scopes": ("write",)}, "--scope is 'write'"), ({"days": 0}, "--days is 0")],
)
def test_what_is_no_key_is_refused(kept: Records, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        make(kept, **wrong)
    assert kept.api_keys.all() == ()


def test_the_service_follows_without_a_restart(iris: Client, shop: Shop, kept: Records) -> None:
    def ask(key: str, path: str = "/iris/predict") -> int:
        headers = {"X-API-Key": key} if key else {}
        if path != "/iris/predict":
            return iris.get(path, headers=headers).status_code
        return iris.post(path, json={"row": ROW}, headers=headers).status_code

    open_to_all = ask("")
    key = make(kept, now=datetime.now(UTC), days=1)
    eventually(lambda: ask("") == 401, 5)
    reader = make(kept, "prometheus", now=datetime.now(UTC), scopes=("read",))
    eventually(lambda: ask(reader, "/metrics") == 200, 5)

    assert open_to_all == 200
    assert (ask(key), ask(key, "/metrics"), ask(reader)) == (200, 403, 403)
    assert [ask("", path) for path in ("/health", "/ready", "/openapi.json")] == [200, 200, 401]
    keys.revoke("shop", actor="bob", records=kept)
    eventually(lambda: ask(key) == 401, 5)


def test_a_path_that_ends_with_a_line_end_is_none(shop: Shop, kept: Records) -> None:
    reader = make(kept, scopes=("read",), use_cases=("weather",), now=datetime.now(UTC))
    shop.promote(shop.put("iris", "logistic"), 1)

    with shop.open() as client:
        statuses = [
            client.request(method, f"/iris/{what}%0A", json={}, headers=headers).status_code
            for method, what in (("POST", "predict"), ("POST", "feedback"), ("GET", "model-info"))
            for headers in ({"X-API-Key": reader}, {})
        ]

    assert statuses == [404] * 6


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/iris/predict", ("predict", "iris")),
        ("/iris/predict/batch", ("predict", "iris")),
        ("/iris/feedback", ("feedback", "iris")),
        ("/iris/model-info", ("read", "iris")),
        ("/metrics", ("read", "")),
        ("/docs/swagger-ui.css", ("read", "")),
        ("/iris/predict\n", ("predict\n", "iris")),
        ("/docs/predict", ("predict", "docs")),
    ],
)
def test_a_path_asks_for_what_it_names_or_for_nothing_that_a_key_is_good_for(
    path: str, asked: tuple[str, str]
) -> None:
    assert asked_for(path) == asked

"""What the documents promise, asked by machine: no 5xx, and answers as described."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from evergreen.serving.guard import OPEN
from serving.conftest import Client, Shop
from serving.test_history import ROWS, put_into

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 20


@pytest.fixture
def both(shop: Shop) -> Iterator[Client]:
    """The service with a champion of plain rows and one that looks back."""
    put_into(shop.settings.database_url, ROWS)
    shop.promote(shop.put("iris", "logistic"), 1)
    shop.promote(shop.put("weather", "logistic"), 1)
    with shop.open() as client:
        yield client


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_the_service_does_as_it_documents(both: Client, mode: schemathesis.GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{both.base_url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]

    for operation in operations:
        if operation.method == "post" or mode == schemathesis.GenerationMode.POSITIVE:
            ask(operation, mode)

    assert len(operations) == 4 + 2 * 4
    assert both.get("/ready").json()["status"] == "ready"


def test_with_keys_only_who_has_one_is_answered(shop: Shop) -> None:
    shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open(api_keys=("one", "two")) as client:
        address = f"{client.base_url}/openapi.json"
        schema = schemathesis.openapi.from_url(address, headers={"X-API-Key": "two"})
        for operation in (found.ok() for found in schema.get_all_operations()):
            ask(operation, schemathesis.GenerationMode.POSITIVE, **{"X-API-Key": "two"})
            if operation.path not in OPEN:
                refused(operation, {}, {"X-API-Key": "three"}, {"X-API-Key": ""})

        assert client.get("/ready").json()["status"] == "ready"
        assert client.get("/openapi.json").status_code == 401


def refused(operation: schemathesis.APIOperation, *headers: dict[str, str]) -> None:
    """Make requests as they should be, but for the key."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def check(case: schemathesis.Case) -> None:
        case.headers.pop("X-API-Key", None)
        answers = [case.call(headers=each) for each in headers]

        assert {answer.status_code for answer in answers} == {401}
        assert all("X-API-Key" in answer.text for answer in answers)

    check()


def ask(
    operation: schemathesis.APIOperation, mode: schemathesis.GenerationMode, **headers: str
) -> None:
    """Make requests that follow the schema (positive), or break it in one place (negative)."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    check()

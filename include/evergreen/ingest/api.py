"""Pages of JSON over HTTP: paged, retried, and never beyond the host that was declared."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from evergreen import settings
from evergreen.errors import DataRefused, SettingError
from evergreen.spec import Api

SECONDS, ATTEMPTS, MOST_PAGES = 30.0, 4, 10_000
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that another try may better."""


def read(source: Api, day: str) -> tuple[str, pa.Table]:
    """Return the sha256 of a day's rows as JSON, and the rows.

    Raises:
        DataRefused: the API does not answer, not with JSON, or not with a list of objects.
        SettingError: a variable of a header is not set.
    """
    try:
        with httpx.Client(headers=_headers(source), timeout=SECONDS) as client:
            rows = [row for page in _pages(client, source, day) for row in page]
        told = json.dumps(rows, sort_keys=True).encode()
        return hashlib.sha256(told).hexdigest(), pa.Table.from_pylist(rows)
    except (httpx.HTTPError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataRefused([f"{source.url} for {day}: {error}"]) from error


def _pages(client: httpx.Client, source: Api, day: str) -> Iterator[list[dict[str, Any]]]:
    url = httpx.URL(source.url.format(day=day))
    for number in range(1, MOST_PAGES + 1):
        asked = url.copy_merge_params({source.page: number}) if source.page else url
        answer = _get(client, asked)
        rows = _records(source, answer, asked)
        yield rows
        following = _at(answer, source.next) if source.next else None
        if following:
            url = _same_host(url, url.join(str(following)))
        elif not (source.page and rows):
            return
    raise DataRefused([f"{source.url} for {day} has more than {MOST_PAGES} pages"])


def _get(client: httpx.Client, url: httpx.URL) -> Any:
    """Return the JSON of an answer; trouble that may pass is waited for, up to a minute."""
    tries = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=0.5, max=30),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    answer = tries(lambda: client.get(url).raise_for_status())
    try:
        return answer.json()
    except ValueError as error:
        raise DataRefused([f"{url} did not answer with JSON: {error}"]) from error


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in PASSING
    return isinstance(error, httpx.TransportError)


def _records(source: Api, answer: Any, url: httpx.URL) -> list[dict[str, Any]]:
    rows = _at(answer, source.records) if source.records else answer
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        place = f"at {source.records!r}" if source.records else "as its answer"
        raise DataRefused([f"{url} has no list of objects {place}"])
    return rows


def _at(document: Any, place: str) -> Any:
    """Return what stands at `data.items`; nothing if it is not there."""
    for name in place.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _same_host(url: httpx.URL, following: httpx.URL) -> httpx.URL:
    """Refuse to carry the headers' secrets to somebody else."""
    if (following.scheme, following.host, following.port) != (url.scheme, url.host, url.port):
        raise DataRefused([f"the next page of {url} is on another host: {following.host}"])
    return following


def _headers(source: Api) -> dict[str, str]:
    known = settings.environment()
    for header, variable in source.headers.items():
        if variable not in known:
            raise SettingError(f"{variable} is not set; it holds the header {header}")
    return {header: known[variable] for header, variable in source.headers.items()}

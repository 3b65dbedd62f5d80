"""Pages of JSON over HTTP: paged, retried, and never beyond the host that was declared."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity import wait_exponential as exponential

from evergreen import settings
from evergreen.errors import DataRefused, SettingError, SourceAway
from evergreen.ingest.json_rows import JsonRows, parse
from evergreen.ingest.spool import draft
from evergreen.spec import Api

SECONDS, ATTEMPTS, MOST_PAGES = 30.0, 4, 10_000
LONGEST_WAIT = 120.0
PAGE = 256_000_000
"""Bytes of the largest page, unpacked: all of it is in memory."""
PASSING = {408, 425, 429}
"""Answers that another try may better, as those that blame the server (5xx)."""


@contextlib.contextmanager
def asked(source: Api, period: str) -> Iterator[JsonRows]:
    """Ask for the rows of a day or an hour, for the block.

    Raises:
        DataRefused: the API says no, or answers not with JSON, or not with a list of objects.
        SourceAway: it does not answer, or not now; another try may be luckier.
        SettingError: a variable of a header is not set.
    """
    with draft() as file:
        rows = JsonRows(period, file)
        try:
            with httpx.Client(headers=_headers(source), timeout=SECONDS) as client:
                for page in _pages(client, source, period):
                    rows.add(page)
        except httpx.HTTPError as error:
            said = f"{source.url} for {period}: {error}"
            if _may_pass(error):
                raise SourceAway(said) from error
            raise DataRefused([said]) from error
        yield rows


def _pages(client: httpx.Client, source: Api, period: str) -> Iterator[list[dict[str, Any]]]:
    asked_for = source.url.replace("{day}", period).replace("{hour}", period)
    url, seen = httpx.URL(asked_for), set[httpx.URL]()
    for number in range(1, MOST_PAGES + 1):
        page = url.copy_merge_params({source.page: number}) if source.page else url
        if page in seen:
            raise DataRefused([f"{page} is its own next page, again and again"])
        seen.add(page)
        answer = _get(client, page)
        rows = _records(source, answer, page)
        yield rows
        following = _at(answer, source.next) if source.next else None
        if following:
            url = _same_host(url, str(following))
        elif not (source.page and rows):
            return
    raise DataRefused([f"{source.url} for {period} has more than {MOST_PAGES} pages"])


def _get(client: httpx.Client, url: httpx.URL) -> Any:
    """Return the JSON of an answer; trouble that may pass is waited for, as long as it asks."""
    tries = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait,
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    text = tries(lambda: _text(client, url))
    try:
        return parse(text)
    except ValueError as error:
        begins = " ".join(text[:60].split())
        raise DataRefused([f"{url} did not answer with JSON: it begins {begins!r}"]) from error
    except RecursionError as error:
        raise DataRefused([f"{url} answered with JSON that is nested too deeply"]) from error


def _text(client: httpx.Client, url: httpx.URL) -> str:
    """Return an answer, as long as it is no larger than a page may be, packed or not."""
    content = bytearray()
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > PAGE:
                raise DataRefused([
                    f"{url} answers with more than {PAGE / 1e6:,.0f} MB; ask for smaller pages"
                    " (`page` or `next` of Api)"
                ])  # fmt: skip
    return _decoded(content, answer.encoding or "utf-8", url)


def _decoded(content: bytearray, encoding: str, url: httpx.URL) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise DataRefused([
            f"{url} answers with what is not {encoding}: {error}. The API should say its encoding"
            " (Content-Type: application/json; charset=...)"
        ]) from error  # fmt: skip


def _wait(state: RetryCallState) -> float:
    """Return the seconds that `Retry-After` asks for (two minutes at most), or ever more."""
    error = state.outcome and state.outcome.exception()
    answer = getattr(error, "response", None)
    said = answer.headers.get("Retry-After", "") if answer is not None else ""
    with contextlib.suppress(ValueError):
        asked_for = float(said) if said.strip().isdigit() else _until(said)
        return min(max(asked_for, 0.0), LONGEST_WAIT)
    return float(exponential(multiplier=0.5, max=30)(state))


def _until(moment: str) -> float:
    return (parsedate_to_datetime(moment).astimezone(UTC) - datetime.now(UTC)).total_seconds()


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code in PASSING
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


def _same_host(url: httpx.URL, said: str) -> httpx.URL:
    """Return the address of the next page; the headers' secrets are carried to nobody else."""
    try:
        following = url.join(said)
    except httpx.InvalidURL as error:
        raise DataRefused([f"the next page of {url} has no address: {said[:60]!r}"]) from error
    if (following.scheme, following.host, following.port) != (url.scheme, url.host, url.port):
        raise DataRefused([f"the next page of {url} is on another host: {following.host}"])
    return following


def _headers(source: Api) -> dict[str, str]:
    known = settings.environment()
    for header, variable in source.headers.items():
        if variable not in known:
            raise SettingError(f"{variable} is not set; it holds the header {header}")
    return {header: known[variable] for header, variable in source.headers.items()}

"""Failures that pass: a server that is away, a disk that is full. No recipe is to blame."""

import requests

from evergreen import room
from evergreen.errors import StackError, origins
from evergreen.records.errors import DatabaseAway

AWAY = (
    StackError, DatabaseAway, ConnectionError, TimeoutError, requests.ConnectionError,
    requests.Timeout, requests.exceptions.RetryError,
)  # fmt: skip
SERVER_ERROR = 500


def passes(error: BaseException) -> bool:
    """Tell whether another try may be luckier, by the error or by one that it came from."""
    return room.ran_out(error) is not None or any(map(_is_away, origins(error)))


def _is_away(error: BaseException) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return bool(error.response.status_code >= SERVER_ERROR)
    return isinstance(error, AWAY)

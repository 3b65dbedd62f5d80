"""Failures that pass: a server that is away or busy, a full disk. No recipe is to blame."""

import errno

import requests

from evergreen import room
from evergreen.errors import ChampionBusy, StackError, origins
from evergreen.records.errors import DatabaseAway

AWAY = (
    StackError, ChampionBusy, DatabaseAway, ConnectionError, TimeoutError,
    requests.ConnectionError, requests.Timeout, requests.exceptions.RetryError,
)  # fmt: skip
SERVER_ERROR = 500
CLIENTS = {"aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "s3fs", "urllib3"}
"""Packages whose own errors are of an object store that does not answer as it should."""
LASTING = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EEXIST,
    errno.EINVAL, errno.ENAMETOOLONG, errno.EROFS,
}  # fmt: skip
"""What another try finds as it was; s3fs tells by others (EBUSY, EREMOTEIO) of a busy store."""


def passes(error: BaseException) -> bool:
    """Tell whether another try may be luckier, by the error or by one that it came from."""
    return room.ran_out(error) is not None or any(map(_is_away, origins(error)))


def _is_away(error: BaseException) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return bool(error.response.status_code >= SERVER_ERROR)
    if isinstance(error, AWAY):
        return True
    if type(error).__module__.partition(".")[0] in CLIENTS:
        return not isinstance(error, FileNotFoundError | PermissionError)
    return isinstance(error, OSError) and error.errno is not None and error.errno not in LASTING

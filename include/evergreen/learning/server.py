"""Does the tracking server answer? Light to import: the service asks, too."""

import urllib.error
import urllib.request


def problem(tracking_uri: str, timeout: float) -> str:
    """Return why the server does not answer within so many seconds; empty: it does.

    A database as tracking store is not asked.
    """
    if not tracking_uri.startswith(("http://", "https://")):
        return ""
    try:
        with urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=timeout):  # noqa: S310 (http, see above)
            return ""
    except urllib.error.HTTPError:  # whoever refuses, answers
        return ""
    except OSError as error:
        return str(getattr(error, "reason", error))

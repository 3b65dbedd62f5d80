"""Does MLflow answer? Without it the service goes on, but could load no new champion."""

import asyncio
import urllib.error
import urllib.request

from evergreen.settings import Settings

PAUSE, TIMEOUT = 5.0, 2.0


class Upstream:
    """Asks the tracking server from time to time; a database as tracking store is not asked."""

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        """Why it matters that MLflow does not answer; empty: it does."""
        self._url = settings.tracking_uri.rstrip("/") + "/health"

    async def follow(self) -> None:
        """Ask until cancelled."""
        while self._url.startswith(("http://", "https://")):
            self.problem = await asyncio.to_thread(self._ask)
            await asyncio.sleep(PAUSE)

    def _ask(self) -> str:
        try:
            with urllib.request.urlopen(self._url, timeout=TIMEOUT):  # noqa: S310 (http, see above)
                return ""
        except urllib.error.HTTPError:  # whoever refuses, answers
            return ""
        except OSError as error:
            return f"MLflow does not answer, a new champion could not be loaded: {error}"

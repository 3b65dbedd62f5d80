"""Does MLflow answer? Without it the service goes on, but could load no new champion."""

import asyncio

from evergreen.learning import server
from evergreen.settings import Settings

PAUSE, TIMEOUT = 5.0, 2.0


class Upstream:
    """Asks the tracking server from time to time; a database as tracking store is not asked."""

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        """Why it matters that MLflow does not answer; empty: it does."""
        self._uri = settings.tracking_uri

    async def follow(self) -> None:
        """Ask until cancelled."""
        while self._uri.startswith("http"):
            self.problem = await asyncio.to_thread(self._ask)
            await asyncio.sleep(PAUSE)

    def _ask(self) -> str:
        problem = server.problem(self._uri, TIMEOUT)
        return problem and f"MLflow does not answer, a new champion could not be loaded: {problem}"

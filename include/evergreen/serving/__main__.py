"""Run the service: `python -m evergreen.serving`."""

import logging

from evergreen import settings
from evergreen.serving import server

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    server.run(settings.get())

"""The health checks of containers: is what answers there well?

python -m evergreen.healthy http://host:8100/health
python -m evergreen.healthy http://host:8080 scheduler     # a component of Airflow
"""

import json
import sys
import urllib.request

from evergreen.errors import StackError


def check_health(url: str, component: str = "") -> None:
    """Return if the URL answers and, for a component of Airflow, tells that it is healthy.

    Raises:
        OSError: nobody answers.
        StackError: the component is not healthy.
    """
    address = f"{url}/api/v2/monitor/health" if component else url
    with urllib.request.urlopen(address, timeout=8) as answer:  # noqa: S310 (ours)
        body = answer.read()
    if component:
        state = (json.loads(body).get(component) or {}).get("status")
        if state != "healthy":
            raise StackError(f"{component} is {state}")


if __name__ == "__main__":
    check_health(*sys.argv[1:])

"""An Airflow that others reach below a path of their host, as behind a proxy of many services."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from test_model_page import promote

from database import records_of
from evergreen.settings import PROJECT, Settings

PAGES = (
    "models/", "models/weather/", "reports/", "drift/", "replay/", "data-docs/", "open-mlflow/",
    "rollback/weather/",
)  # fmt: skip
ASKED = f"""
import json, warnings
warnings.simplefilter("ignore")
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.testclient import TestClient
from evergreen_airflow.pages.app import create_app
from evergreen_airflow.plugin import EvergreenPlugin

create_auth_manager()
pages, airflow = create_app(), FastAPI(root_path="/airflow")
pages.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="a", role="admin")
[ours] = EvergreenPlugin.fastapi_apps
airflow.mount(ours["url_prefix"], pages)
browser = TestClient(airflow, follow_redirects=False)
found = {{page: browser.get(f"/airflow/evergreen/{{page}}") for page in {PAGES!r}}}
print(json.dumps({{
    "pages": {{page: answer.text for page, answer in found.items()}},
    "status": sorted({{answer.status_code for answer in found.values()}}),
    "moved": browser.get("/airflow/evergreen/models").headers["location"],
    "policy": found["models/weather/"].headers["content-security-policy"],
    "menu": [view["href"] for view in EvergreenPlugin.external_views],
}}))
"""
ADDRESS = re.compile(r'(?:href|src|action|data-posts-to|data-live)="(/[^"]*)"')


def test_every_address_begins_with_that_path(settings: Settings, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "include" / "use_cases" / "weather.py", settings.use_cases_dir)
    for version in (1, 2):
        promote(records_of(settings), version)
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__API__BASE_URL": "https://example.com/airflow/",
        "EVERGREEN_HOME": str(settings.home),
        "EVERGREEN_DATABASE_URL": settings.database_url,
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "EVERGREEN_USE_CASES_DIR": str(settings.use_cases_dir),
        "PYTHONPATH": str(PROJECT / "include"),
    }

    done = subprocess.run([sys.executable, "-c", ASKED], env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] == [200]
    for page, text in told["pages"].items():
        found = ADDRESS.findall(text)
        assert found, page
        assert [each for each in found if not each.startswith("/airflow/")] == []
    assert told["moved"] == "/airflow/evergreen/models/"
    assert "connect-src testserver/airflow/evergreen/live/" in told["policy"]
    assert {href.startswith("/airflow/evergreen/") for href in told["menu"]} == {True}

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from evergreen.settings import Settings

PAGES = ("models/", "reports/", "drift/", "replay/", "data-docs/", "open-mlflow/")
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
OUTSIDE = (
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "%2e%2e%2fsecret.txt",
    "..%5csecret.txt",
    "%2e%2e%5csecret.txt",
    "inside/../../secret.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "link.txt",
    "folder/secret.txt",
    "page.html%00",
    "",
    "inside",
)


@pytest.fixture
def documents(settings: Settings) -> Path:
    """Data Docs and reports with a page, a folder, a secret beside, and links that lead to it."""
    (settings.home / "secret.txt").write_text("secret")
    for root in (settings.home / "data_docs", settings.home / "reports"):
        (root / "inside").mkdir(parents=True)
        (root / "page.html").write_text("<p>a page</p>")
        (root / "link.txt").symlink_to(settings.home / "secret.txt")
        (root / "folder").symlink_to(settings.home)
    return settings.home


@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "models",
        "models/weather/",
        "static/evergreen.css",
        "data-docs/page.html",
        "reports/page.html",
        "reports/weather/1/",
        "rollback/weather/",
        "cards/weather/1/",
        "replay/weather/1/chart.svg",
        "mlflow/",
        "mlflow/version",
        "docs",
        "openapi.json",
        "redoc",
        "no/such/page",
    ],
)
def test_who_has_not_logged_in_sees_nothing(
    anonymous: TestClient, documents: Path, path: str
) -> None:
    answer = anonymous.get(f"/evergreen/{path}")

    assert answer.status_code == 401


def test_no_route_answers_who_has_not_logged_in(anonymous: TestClient, documents: Path) -> None:
    from evergreen_airflow.pages.app import create_app

    routes = [
        (method, re.sub(r"\{[^}]*\}", "x", route.path))
        for route in create_app().routes
        for method in route.methods
    ]

    answers = {
        (method, path): anonymous.request(method, f"/evergreen{path}").status_code
        for method, path in routes
    }

    assert len(routes) > 20
    assert set(answers.values()) == {401}, answers


@pytest.mark.parametrize(
    ("role", "status"),
    [(None, 403), ("viewer", 200), ("user", 200), ("op", 200), ("admin", 200)],
)
def test_who_may_look_at_airflow_may_look_at_the_pages(
    logged_in: Callable[..., TestClient], role: str | None, status: int
) -> None:
    with logged_in(role) as browser:
        found = {path: browser.get(f"/evergreen/{path}").status_code for path in PAGES}
        changed = [browser.request(m, "/evergreen/models/").status_code for m in CHANGING]

    assert set(found.values()) == {status}
    assert set(changed) == {404 if status == 200 else status}


@pytest.mark.parametrize("path", PAGES)
def test_who_has_logged_in_sees_the_pages(browser: TestClient, path: str) -> None:
    answer = browser.get(f"/evergreen/{path}")

    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("root", ["data-docs", "reports"])
def test_a_document_is_served_without_its_scripts(
    browser: TestClient, documents: Path, root: str
) -> None:
    answer = browser.get(f"/evergreen/{root}/page.html")

    assert answer.status_code == 200
    assert "script-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("root", ["data-docs", "reports", "static"])
@pytest.mark.parametrize("path", [path for path in OUTSIDE if path])
def test_no_path_leads_out_of_the_folder(
    browser: TestClient, documents: Path, root: str, path: str
) -> None:
    answer = browser.get(f"/evergreen/{root}/{path}")

    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_an_address_without_its_last_slash_leads_there(browser: TestClient, path: str) -> None:
    answer = browser.get(f"/evergreen/{path.rstrip('/')}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (307, f"/evergreen/{path}")


@pytest.mark.parametrize("path", ["docs", "redoc", "openapi.json", "no/such/page", "models/a%00b/"])
def test_what_does_not_exist_is_not_found(browser: TestClient, path: str) -> None:
    assert browser.get(f"/evergreen/{path}").status_code == 404

from fastapi.testclient import TestClient
from test_model_page import promote, weather

from evergreen.records import Records

__all__ = ["weather"]


def test_the_card_of_a_version_is_a_page_without_scripts(
    browser: TestClient, weather: Records
) -> None:
    promote(weather, 1)

    models, page = (
        browser.get(f"/evergreen/{path}") for path in ("models/weather/", "cards/weather/1/")
    )

    assert 'href="/evergreen/cards/weather/1/"' in models.text
    assert page.status_code == 200
    assert "weather, version 1" in page.text
    assert "script-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_version_that_is_not_there_is_no_page(browser: TestClient, weather: Records) -> None:
    assert browser.get("/evergreen/cards/weather/7/").status_code == 404
    assert browser.get("/evergreen/cards/nobody/1/").status_code == 404

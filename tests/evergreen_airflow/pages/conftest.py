"""The pages as Airflow serves them: below `/evergreen`, behind its own guard."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from evergreen.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would like another HTTP client than Airflow's
    from fastapi.testclient import TestClient


@pytest.fixture(scope="session")
def pages(airflow: None) -> None:
    """The package of the pages, and Airflow's own authorization."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.api_fastapi.app import create_auth_manager

        import evergreen_airflow.pages.app  # noqa: F401

        create_auth_manager()


@pytest.fixture
def settings(
    pages: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """The settings that the pages read, with use cases that a test may add to."""
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    mine = replace(settings, use_cases_dir=use_cases)
    from evergreen_airflow import here

    monkeypatch.setattr(here, "settings", lambda: mine)
    return mine


@pytest.fixture
def anonymous(pages: None, settings: Settings) -> Iterator[TestClient]:
    """A browser that has not logged in."""
    with client() as browser:
        yield browser


@pytest.fixture
def logged_in(pages: None, settings: Settings) -> Callable[..., TestClient]:
    """A browser of somebody who has logged in and has a role."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    def browser(role: str | None) -> TestClient:
        return client({get_user: lambda: SimpleAuthManagerUser(username="ada", role=role)})

    return browser


@pytest.fixture
def browser(logged_in: Callable[..., TestClient]) -> Iterator[TestClient]:
    """A browser that has logged in."""
    with logged_in("admin") as browser:
        yield browser


def client(overrides: dict[object, object] | None = None) -> TestClient:
    from evergreen_airflow.pages.app import create_app

    pages, airflow = create_app(), FastAPI()
    pages.dependency_overrides.update(overrides or {})
    airflow.mount("/evergreen", pages)
    return TestClient(airflow, follow_redirects=False)

import base64
import json
import stat
import subprocess
from pathlib import Path

import pytest

from evergreen import settings
from evergreen.errors import SettingError
from evergreen_workshop.stack import environment
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import service_url
from evergreen_workshop.stack.postgres import EmbeddedPostgres

PORTS = {
    "EVERGREEN_POSTGRES_PORT": 1001,
    "EVERGREEN_MLFLOW_PORT": 1002,
    "EVERGREEN_UI_PORT": 1003,
    "EVERGREEN_SERVE_PORT": 1004,
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def made(layout: Layout) -> dict[str, str]:
    postgres = EmbeddedPostgres(layout.postgres, 1001)
    known = environment.remembered(layout)
    return environment.stack_environment(layout, PORTS, postgres, known)


def test_secrets_are_long_random_and_kept(layout: Layout) -> None:
    first = made(layout)
    environment.write(layout, first)

    again = made(layout)

    assert again == first
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert len(base64.urlsafe_b64decode(first["AIRFLOW__CORE__FERNET_KEY"])) == 32
    assert first[environment.PASSWORD] not in {"", "admin"}
    assert made(Layout(layout.home / "other"))[environment.PASSWORD] != first[environment.PASSWORD]


@pytest.mark.parametrize("service", ["mlflow", "serve"])
def test_what_reads_the_models_of_others_is_given_no_secret_of_airflows(
    service: str, layout: Layout
) -> None:
    everything = made(layout)

    given = environment.for_service(service, environment.for_services(everything))

    secrets = {*environment.make_secrets(everything).values()}
    secrets.add(everything["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    assert not secrets & set(given.values())
    assert ("EVERGREEN_DATABASE_URL" in given) == (service == "serve")
    assert ("MLFLOW_BACKEND_STORE_URI" in given) == (service == "mlflow")
    assert "PATH" in given


def test_files_with_secrets_are_for_their_owner_only(layout: Layout) -> None:
    environment.write(layout, made(layout))

    for file in (layout.environment, layout.login, layout.passwords, layout.postgres / "password"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_login_that_is_told_is_the_one_that_airflow_checks(layout: Layout) -> None:
    env = made(layout)

    environment.write(layout, env)

    assert json.loads(layout.passwords.read_text()) == {"admin": env[environment.PASSWORD]}
    assert f"password: {env[environment.PASSWORD]}" in layout.login.read_text()


def test_the_evergreen_command_works_with_what_was_written(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.write(layout, made(layout))
    monkeypatch.setenv("EVERGREEN_HOME", str(layout.home))
    for name in ("EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

    found = settings.complete(settings.variables())

    assert found.database_url.endswith("@127.0.0.1:1001/evergreen")
    assert found.tracking_uri == "http://127.0.0.1:1002"
    assert found.ui_url == "http://127.0.0.1:1003"
    assert found.serve_port == 1004


@pytest.mark.parametrize(
    "password",
    [
        "correct horse #1",
        "'tis nothing",
        "pa${HOME}ss12",
        'a "b" `c` $d',
        "back\\slash\\\\",
        "two\nlines",
    ],
)
def test_every_password_comes_back_as_it_was_written(
    password: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_HOME", str(layout.home))
    monkeypatch.delenv(environment.PASSWORD, raising=False)
    environment.write(layout, made(layout) | {environment.PASSWORD: password})
    shell = f'set -a; . "$EVERGREEN_HOME/stack.env"; printenv {environment.PASSWORD}'

    sourced = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)

    assert environment.remembered(layout)[environment.PASSWORD] == password
    assert settings.environment()[environment.PASSWORD] == password
    assert sourced.stdout == f"{password}\n"


@pytest.mark.parametrize(
    ("host", "url"),
    [("10.0.0.5", "http://10.0.0.5:1004"), ("0.0.0.0", "http://127.0.0.1:1004")],  # noqa: S104
)
def test_the_service_is_asked_where_it_was_told_to_listen(
    host: str, url: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_SERVE_HOST", host)
    environment.write(layout, made(layout))
    monkeypatch.delenv("EVERGREEN_SERVE_HOST")

    assert service_url(environment.remembered(layout)) == url


def test_services_do_not_get_the_password_of_the_ui(layout: Layout) -> None:
    assert environment.PASSWORD not in environment.for_services(made(layout))


def test_a_password_that_was_set_is_used() -> None:
    chosen = environment.password_of({environment.PASSWORD: "correct horse"})

    assert environment.make_secrets(chosen)[environment.PASSWORD] == "correct horse"


@pytest.mark.parametrize("password", ["admin", "1234567"])
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(SettingError, match=r"EVERGREEN_ADMIN_PASSWORD .* 8 or more"):
        environment.password_of({environment.PASSWORD: password})


@pytest.mark.parametrize("name", ["EVERGREEN_DATABASE_URL", "MLFLOW_TRACKING_URI"])
def test_a_store_of_the_users_own_is_not_overlooked(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        environment.refuse_other_stores({name: "http://elsewhere"}, {name: "http://here"})

    environment.refuse_other_stores({name: "http://here"}, {name: "http://here"})


def test_nobody_is_told_what_happens_here(layout: Layout) -> None:
    env = made(layout)

    assert env["GX_ANALYTICS_ENABLED"] == "false"
    assert env["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert env["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "false"


def test_everything_listens_on_loopback(layout: Layout) -> None:
    env = made(layout)

    addresses = {key: value for key, value in env.items() if "://" in value or "HOST" in key}

    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert "0.0.0.0" not in "".join(addresses.values())  # noqa: S104

"""What follows from the variables that are set."""

from pathlib import Path

import pytest

from evergreen import settings
from evergreen.errors import SettingError
from evergreen.settings import HOME, Variables, complete

MLFLOW = "postgresql+psycopg2://mlflow@db/mlflow"


def variables(**changes: str) -> Variables:
    return Variables(**{"database_url": "postgresql://db/x", "tracking_uri": MLFLOW} | changes)


def test_a_service_is_expected_only_where_it_is_said_to_be() -> None:
    assert complete(variables()).serve_host == ""
    assert complete(variables()).listen_host == "127.0.0.1"
    assert complete(variables(serve_host="serve")).serve_url == "http://serve:8100"


def test_artifacts_lie_in_the_home_folder_when_no_server_keeps_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("EVERGREEN_HOME", raising=False)

    assert complete(variables()).artifacts_url == str(HOME / "artifacts")


@pytest.mark.parametrize("said", [{"tracking_uri": "http://m"}, {"artifacts_url": "s3://b/a"}])
def test_homes_may_be_apart_when_artifacts_lie_elsewhere(said: dict[str, str]) -> None:
    complete(variables(store_url="s3://b/evergreen", **said))


def test_homes_that_are_apart_keep_no_artifacts() -> None:
    with pytest.raises(SettingError, match=r"EVERGREEN_ARTIFACTS_URL is not set.*http://"):
        complete(variables(store_url="s3://b/evergreen"))


def test_keys_of_separators_only_let_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_API_KEYS", " , ")

    with pytest.raises(SettingError, match=r"EVERGREEN_API_KEYS.*nothing between them"):
        settings.variables()


def test_keys_are_separated_by_blanks_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_API_KEYS", "one, two,three ")

    assert settings.variables().api_keys == ("one", "two", "three")


@pytest.mark.parametrize("said", ["@weekly", "0 8 * * 1", ""])
def test_a_digest_comes_by_a_schedule_or_never(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_DIGEST", said)

    assert settings.variables().digest == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("@weakly", r"'@weakly' is no schedule; allowed: a cron .*did you mean '@weekly'"),
        ("0 0 31 2 *", r"'0 0 31 2 \*' is no schedule"),
        ("0 0 8 * * 1 2027", r".* is no schedule"),
    ],
)
def test_a_digest_that_would_never_come_is_refused_as_a_schedule_of_a_declaration_is(
    said: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGREEN_DIGEST", said)

    with pytest.raises(SettingError, match=f"EVERGREEN_DIGEST: {told}"):
        settings.variables()


def test_the_home_that_is_set_in_the_file_is_where_its_stack_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"EVERGREEN_HOME={tmp_path / 'state'}\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "stack.env").write_text("EVERGREEN_DATABASE_URL=postgresql://here/x\n")
    monkeypatch.setattr(settings, "PROJECT", tmp_path)
    for name in ("EVERGREEN_HOME", "EVERGREEN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    assert settings.variables().database_url == "postgresql://here/x"
    assert settings.environment()["EVERGREEN_DATABASE_URL"] == "postgresql://here/x"

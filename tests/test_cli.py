"""What the command line tells when it cannot do what it was asked for."""

import getpass
import json
import os
import shutil
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from database import query, records_of
from evergreen import cli, console
from evergreen.cli import base
from evergreen.errors import DeclarationError
from evergreen.records import Decision, decision_id
from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.ports import free_port


def test_an_error_is_told_whole_brackets_included() -> None:
    done = CliRunner().invoke(cli.app, ["new", "Bad", "--table", "t", "--target", "c"])

    assert done.exit_code == 2
    assert done.stderr == "error: NAME is 'Bad'; allowed: ^[a-z][a-z0-9_]{0,62}$\n"


def test_the_version_is_that_of_the_installed_package() -> None:
    done = CliRunner().invoke(cli.app, ["--version"])

    assert (done.exit_code, done.stdout) == (0, f"evergreen {version('evergreen')}\n")


@pytest.mark.parametrize("command", [["ls"], ["run", "iris"]])
def test_a_database_that_is_away_is_told_with_its_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    url = f"postgresql://ada:secret-pw@127.0.0.1:{free_port()}/evergreen"
    monkeypatch.setattr(base, "get_settings", lambda: replace(settings, database_url=url))

    done = CliRunner().invoke(cli.app, [*command, "--json"])

    assert done.exit_code == 1
    error = json.loads(done.stdout)["error"]
    assert error["type"] == "Unreachable"
    assert "is EVERGREEN_DATABASE_URL right?" in error["message"]
    assert "secret-pw" not in done.output


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (["run", "iris", "--as-of", "2999-01-01"], "--as-of"),
        (["backfill", "iris", "--from", "2999-01-01", "--to", "2999-01-02"], "--to"),
        (["replay", "iris", "--to", "2999-01-01"], "--to"),
    ],
)
def test_no_model_learns_labels_that_are_not_due(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, command: list[str], field: str
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)

    done = CliRunner().invoke(cli.app, command)

    assert done.exit_code == 2
    assert f"{field} is '{command[-1]}'; allowed: up to now" in done.stderr


def test_what_cannot_be_checked_does_not_count_as_held(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(settings, database_url=f"postgresql://ada@127.0.0.1:{free_port()}/evergreen")
    monkeypatch.setattr(base, "get_settings", lambda: away)

    done = CliRunner().invoke(cli.app, ["check", "--json"])

    assert done.exit_code == 1
    found = {finding["number"]: finding["status"] for finding in json.loads(done.stdout)}
    assert {status for number, status in found.items() if number != 16} == {"unknown"}


def test_a_decision_is_told_in_full_however_narrow_the_terminal(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    monkeypatch.setattr(
        "evergreen.console.printing.out", Console(width=40, markup=False, highlight=False)
    )
    key = "iris_training/scheduled__2026-11-21T00:00:00+00:00"
    records_of(settings).decisions.record(
        Decision(
            id=decision_id("iris", "fit/train", key), use_case="iris", kind="fit",
            outcome="refused", sentence="Kept champion v1: [f1] is not better, at all.",
            evidence={}, as_of=None, run_key=key, actor="schedule",
        )
    )  # fmt: skip

    lines = CliRunner().invoke(cli.app, ["decisions", "iris"]).stdout.splitlines()

    assert lines[0].endswith(f"  fit: refused  {key}")
    assert lines[1:] == ["  Kept champion v1: [f1] is not better,", "  at all."]


def test_ls_begins_with_what_needs_a_person_and_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "declared"
    folder.mkdir()
    for name in ("iris", "weather"):
        shutil.copy(PROJECT / "include" / "use_cases" / f"{name}.py", folder)
    (folder / "typo.py").write_text("1/0")
    mine = replace(settings, use_cases_dir=folder)
    monkeypatch.setattr(base, "get_settings", lambda: mine)
    monkeypatch.setattr(
        "evergreen.console.printing.out", Console(width=200, markup=False, highlight=False)
    )

    everything = CliRunner().invoke(cli.app, ["ls"]).stdout
    monkeypatch.setattr(
        "evergreen.console.printing.out", Console(width=60, markup=False, highlight=False)
    )
    narrow = CliRunner().invoke(cli.app, ["ls"]).stdout
    one = CliRunner().invoke(cli.app, ["ls", "rain", "--state", "none", "--json"])
    none = CliRunner().invoke(cli.app, ["ls", "--owner", "nobody"]).stdout
    wrong = CliRunner().invoke(cli.app, ["ls", "--state", "nonne"])

    assert everything.index("typo") < everything.index("iris") < everything.index("weather")
    assert "! typo: ZeroDivisionError: division by zero" in everything
    assert "3 use cases; 3 in all need a person." in everything
    assert "…" not in narrow  # what is too long for its column goes on below
    assert [row["name"] for row in json.loads(one.stdout)["use_cases"]] == ["weather"]
    assert none == "0 of 3 use cases; 3 in all need a person.\n"
    assert wrong.exit_code == 2
    assert "state is 'nonne'; allowed: one of needs, broken" in wrong.stderr


def test_a_draft_is_confirmed_on_record(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = replace(settings, use_cases_dir=tmp_path)
    monkeypatch.setattr(base, "get_settings", lambda: mine)
    declared = (PROJECT / "include" / "use_cases" / "iris.py").read_text()
    file = mine.use_cases_dir / "iris.py"
    file.write_text(declared.replace("= UseCase(\n", "= UseCase(\n    draft=True,\n"))

    done = CliRunner().invoke(cli.app, ["activate", "iris", "--json"])

    assert file.read_text() == declared
    [decision] = records_of(settings).decisions.newest("iris")
    assert (decision.kind, decision.outcome) == ("activation", "activated")
    assert json.loads(done.stdout) == {"sentence": decision.sentence}


def test_a_file_is_imported_as_it_is_said_to_be_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    file = settings.home / "t.csv"
    file.write_bytes("1|1.234|01/02/2026|?\n2|5,5|02/02/2026|é\n".encode("latin-1"))
    options = "--separator | --decimal , --encoding latin-1 --no-header --day-first --null ?"

    done = CliRunner().invoke(
        cli.app, ["db", "import", str(file), "--table", "t", "--key", "column_1", *options.split()]
    )

    assert done.exit_code == 0, done.output
    told = " ".join(done.stdout.split())
    assert "`|` separated, latin-1, no header, decimal comma, points for thousands in" in told
    assert "column_2, 1 '?' of column_4 read" in told
    assert query(settings.database_url, "SELECT * FROM t ORDER BY 1") == [
        (1, 1234, date(2026, 2, 1), None),
        (2, 5.5, date(2026, 2, 2), "é"),
    ]


def test_a_file_that_is_refused_is_told_in_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    file = settings.home / "t.csv"
    file.write_text("id,x\n1,2\n1,3\n")

    done = CliRunner().invoke(cli.app, ["db", "import", str(file), "--table", "t", "--key", "id"])

    assert done.exit_code == 3
    assert "the key id repeats: 1 in 2 rows" in " ".join(done.stderr.split())


def test_what_a_use_case_declares_is_landed_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = (settings.use_cases_dir / "iris.py").read_text()
    files = f"ingest=Ingest(source=Files(url='{settings.home}/*.csv')),"
    declared = declared.replace("import Candidate", "import Files, Ingest, Candidate").replace(
        "USE_CASE = UseCase(", f"USE_CASE = UseCase({files}"
    )
    (settings.home / "iris.py").write_text(declared)
    (settings.home / "a.csv").write_text("id,petal_length\n1,1.4\n")
    monkeypatch.setattr(
        base, "get_settings", lambda: replace(settings, use_cases_dir=settings.home)
    )

    first, again = (CliRunner().invoke(cli.app, ["ingest", "iris"]) for _ in range(2))

    assert "Landed 1 rows" in " ".join(first.stdout.split()), first.output
    assert "was landed before" in " ".join(again.stdout.split())


def test_a_file_is_imported_into_the_table_of_a_use_case(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "get_settings", lambda: settings)
    file = settings.home / "flowers.csv"
    file.write_text("id,petal_length\n1,1.4\n")

    done = CliRunner().invoke(cli.app, ["db", "import", str(file), "--for", "iris"])
    neither = CliRunner().invoke(cli.app, ["db", "import", str(file)])

    assert done.exit_code == 0, done.output
    assert query(settings.database_url, "SELECT id, petal_length FROM iris") == [(1, 1.4)]
    assert neither.exit_code == 2
    assert "--table, --key is ('', ()); allowed: both, or --for" in neither.stderr


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59-10:00"])
def test_a_moment_of_another_age_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match="a year from 1900 to 2999"):
        base.parse_moment(text)


def test_a_step_longer_than_any_history_is_refused() -> None:
    with pytest.raises(DeclarationError, match="days, as 7d"):
        base.parse_days("99999999999999d")


@pytest.mark.parametrize(
    "command",
    [["keys", "new", "x", "--days", "999999999"], ["decisions", "iris", "--limit", "9" * 20]],
)
def test_a_number_that_nothing_can_hold_is_wrong_usage(command: list[str]) -> None:
    assert CliRunner().invoke(cli.app, [*command, "--json"]).exit_code == 2


def fail(error: Exception, *, as_json: bool) -> None:
    @base.told
    def command(as_json: bool) -> None:
        raise error

    command(as_json=as_json)


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_wrong_with_a_file_is_one_line(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail(FileNotFoundError(2, "No such file", "/nope"), as_json=as_json)

    told = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert told.err == "error: [Errno 2] No such file: '/nope'\n"
    assert bool(told.out) is as_json


def test_what_nobody_expected_is_a_document_and_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="Protocol not known"):
        fail(ValueError("Protocol not known: nosuch"), as_json=True)

    assert json.loads(capsys.readouterr().out) == {
        "error": {"type": "ValueError", "message": "Protocol not known: nosuch"}
    }


def test_whoever_has_no_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr(os, "getuid", lambda: 12345)

    assert console.user() == "uid 12345"

"""Where an answer comes from, and where a row went: in the club, on real parts."""

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest
from club import ADA, CATALOGUE, CLUB, DAYS, NAME, Club
from typer.testing import CliRunner

from database import records_of
from evergreen import cli, lineage
from evergreen.cli import base, models
from evergreen.data import snapshots
from evergreen.errors import DeclarationError
from evergreen.learning import tracking
from evergreen.lineage import Ahead, Back


def an_answer(club: Club) -> str:
    return str(club.ask("SELECT id FROM evergreen.predictions ORDER BY id LIMIT 1")[0][0])


def back(club: Club, id: str) -> Back:
    return lineage.of_prediction(
        NAME, id, records=records_of(club.settings), settings=club.settings
    )


def ahead(club: Club, *key: str) -> Ahead:
    return lineage.of_row(
        NAME, key, CLUB, records=records_of(club.settings), settings=club.settings
    )


def test_an_answer_leads_to_model_rows_commits_and_decision(club: Club) -> None:
    champion = records_of(club.settings).promotions.of(NAME)[0]

    found = back(club, an_answer(club))

    assert (found.version, found.run_id, found.sha256) == (
        champion.version, champion.run_id, champion.sha256,
    )  # fmt: skip
    assert (found.snapshot, found.decision_id) == (champion.snapshot_sha256, champion.decision_id)
    assert found.snapshot_uri.endswith(f"{NAME}/{champion.snapshot_sha256[:16]}")
    assert found.rows and found.as_of in DAYS
    assert found.commit and found.decision and found.service_commit == "abc"
    assert found.unknown == ()


def test_what_is_gone_is_told(club: Club) -> None:
    club.ask("UPDATE evergreen.predictions SET version = 99, run_id = 'r', snapshot_sha256 = 'x'")

    found = back(club, an_answer(club))

    assert found.unknown == (
        "version 99 has no dossier", "the snapshot x is not in the store any more",
        "the MLflow run r is gone, or names no commit", "no decision on this version is on record",
    )  # fmt: skip


@pytest.mark.parametrize("asked_before", [False, True])
def test_while_mlflow_is_away_its_run_is_not_said_to_be_gone(
    club: Club, monkeypatch: pytest.MonkeyPatch, asked_before: bool
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    if asked_before:
        monkeypatch.setattr(tracking, "_reach", lambda _: None)
    away = replace(club.settings, tracking_uri="http://127.0.0.1:1")

    found = lineage.of_prediction(
        NAME, an_answer(club), records=records_of(club.settings), settings=away
    )

    [unknown] = found.unknown
    assert unknown.startswith("MLflow does not answer now: the commit of its run")
    assert found.decision


@pytest.mark.parametrize("id", ["17", "1edf3497-0038-4f38-9c33-8daac890c426"])
def test_an_id_of_no_answer_is_refused(club: Club, id: str) -> None:
    with pytest.raises(DeclarationError, match="PREDICTION"):
        back(club, id)


def test_a_row_leads_to_every_snapshot_version_and_prediction(club: Club) -> None:
    versions = [row.version for row in records_of(club.settings).promotions.of(NAME)]
    [(count,)] = club.ask("SELECT count(*) FROM evergreen.predictions")

    found = ahead(club, f"member={ADA}")

    assert {one.version for one in found.versions} == set(versions)
    assert {one.snapshot for one in found.versions} <= {one.sha256 for one in found.snapshots}
    assert [one.version for one in found.versions if one.champion] == [versions[0]]
    assert found.predictions == count
    assert f"with {count} predictions on record" in found.sentence


def test_only_what_learned_from_the_row_rests_on_it(club: Club) -> None:
    day = "2026-03-04"  # after the first training
    [(member,)] = club.ask(
        f"SELECT member FROM members WHERE day = '{day}' AND member <> {ADA} LIMIT 1"
    )
    newest = records_of(club.settings).promotions.of(NAME)[0]

    found = ahead(club, f"member={member}", f"day={day}")

    assert [(one.version, one.snapshot) for one in found.versions] == [
        (newest.version, newest.snapshot_sha256)
    ]
    assert [one.rows for one in found.snapshots] == [1]


def test_what_pruned_snapshots_held_is_unknown(club: Club) -> None:
    versions = {row.version for row in records_of(club.settings).promotions.of(NAME)}
    for uri in snapshots.of(club.settings).uris(NAME):
        shutil.rmtree(club.settings.home / "snapshots" / uri)

    found = ahead(club, f"member={ADA}")

    assert found.versions == ()
    assert found.sentence == "No snapshot that is kept, and can be asked, holds it."
    [unknown] = found.unknown
    assert all(str(version) in unknown for version in versions)


def test_nothing_rests_on_a_row_that_nobody_has_seen(club: Club) -> None:
    found = ahead(club, "member=7")

    assert (found.snapshots, found.versions, found.predictions) == ((), (), 0)
    assert found.sentence.startswith("No snapshot holds it")


def told(club: Club, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, Any]:
    monkeypatch.setattr(base, "get_settings", lambda: club.settings)
    monkeypatch.setattr(models, "catalog", lambda: CATALOGUE)
    done = CliRunner().invoke(cli.app, ["lineage", *arguments])
    return done.exit_code, done.output


def test_the_command_tells_programs_and_people(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    _, document = told(club, monkeypatch, NAME, "--key", f"member={ADA}", "--json")
    _, rows = told(club, monkeypatch, NAME, "--key", f"member={ADA}")
    _, answer = told(club, monkeypatch, NAME, an_answer(club))

    assert json.loads(document)["predictions"] == ahead(club, f"member={ADA}").predictions
    assert "Held by" in rows and "champion" in rows
    assert "code that trained it" in answer and "Unknown" not in answer


@pytest.mark.parametrize("arguments", [(), ("17", "--key", "member=1")])
def test_the_command_wants_an_answer_or_a_row(
    club: Club, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    code, said = told(club, monkeypatch, NAME, *arguments)

    assert code == 2
    assert "PREDICTION, --key" in said

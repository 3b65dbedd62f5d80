"""A member of a club is forgotten: on real PostgreSQL, MLflow and store, by the bytes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from club import ADA, CATALOGUE, CLUB, DAYS, EMAIL, MARKS, NAME, NOW, Club, answers, traces
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from database import records_of
from evergreen import invariants, retention, retirement, storage
from evergreen.champions import promotion
from evergreen.champions.proof import prove
from evergreen.data.snapshots import SnapshotStore
from evergreen.errors import (
    ChampionBusy,
    DeclarationError,
    EvergreenError,
    ModelRefused,
    NotForgotten,
)
from evergreen.forgetting import Forgotten, forget, waiting
from evergreen.forgetting.golden import Beside
from evergreen.forgetting.papers import Papers
from evergreen.forgetting.rows import Rows
from evergreen.forgetting.subject import Subject
from evergreen.learning import erasing, tracking
from evergreen.records.subjects import Subjects
from evergreen.refs import Window
from evergreen.retention import Limits
from evergreen.retention.limits import SETTINGS
from evergreen.watching import watcher

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
OF_THE_CLOCK = 15
"""How old the champion's knowledge is, which is of March."""


def forgotten(club: Club, *key: str, apply: bool = True, reason: str = "asked to") -> Forgotten:
    return forget(
        NAME, key or (f"member={ADA}",), apply=apply, reason=reason, actor="bob", as_of=NOW,
        catalog=CATALOGUE, records=records_of(club.settings), settings=club.settings,
    )  # fmt: skip


def check(club: Club) -> dict[int, invariants.Finding]:
    found = invariants.check(records_of(club.settings), club.settings, CATALOGUE)
    return {one.number: one for one in found if one.number != OF_THE_CLOCK}


def broken(club: Club) -> list[invariants.Finding]:
    return [one for one in check(club).values() if not one.holds]


def held(done: Forgotten) -> dict[str, int]:
    return {place.name: place.things for place in done.places}


def test_no_trace_is_left_and_all_that_must_hold_does(club: Club) -> None:
    before = traces(club.settings)
    assert broken(club) == []
    club.leave()

    done = forgotten(club)

    assert {mark for marks in before.values() for mark in marks} == {*MARKS}
    assert traces(club.settings) == {}
    assert done.left == ()
    assert broken(club) == []
    assert done.versions == (1, 2)
    assert done.taught == ()
    assert "club version 2" in check(club)[4].detail


def test_what_people_wrote_of_it_is_struck_out(club: Club) -> None:
    kept, reason = records_of(club.settings), f"{EMAIL} complained, member={ADA}"
    promotion.rollback(NAME, to=1, reason=reason, actor="bob", ledger=kept, settings=club.settings)
    retirement.retire(NAME, reason=reason, actor="bob", records=kept, settings=club.settings)
    retirement.revive(NAME, reason="", actor="bob", records=kept)
    trial = kept.trials.start(NAME, "shadow", 1.0, {"version": 2}, reason=reason, actor="bob")
    kept.trials.stop(trial.id, reason)
    club.leave()

    done = forgotten(club, reason=reason)

    assert traces(club.settings) == {}
    assert done.left == ()
    assert kept.pins.list(NAME)[0].reason == "(forgotten) complained, member=(forgotten)"


def test_what_holds_it_is_told_first_and_nothing_changes(club: Club) -> None:
    before = traces(club.settings)

    told = forgotten(club, apply=False)

    assert traces(club.settings) == before
    assert (told.in_source, told.versions, told.applied) == (4, (1, 2), False)
    assert held(told) == {
        "answers to its rows": 4, "snapshots of features": 2, "snapshots": 3, "predictions": 4,
        "decisions, alerts and other words": 1, "answers on the service's disk": 1, "Data Docs": 1,
        "logs": 1, "golden rows of versions": 2, "files in MLflow": 6, "profiles of champions": 1,
        "memories of fits": 2,
    }  # fmt: skip
    assert records_of(club.settings).erasures.newest() == ()


def test_the_record_says_when_why_and_what_but_not_who(club: Club) -> None:
    club.leave()

    done = forgotten(club)

    [kept] = records_of(club.settings).erasures.newest(NAME)
    assert (kept.reason, kept.actor, kept.as_of, kept.versions) == ("asked to", "bob", NOW, (1, 2))
    assert kept.places == held(done)
    assert len(kept.digests) == 9
    assert kept.finished_at is not None
    assert not any(mark in str(kept) for mark in MARKS)


def test_what_is_left_says_what_it_said(club: Club) -> None:
    before = answers(club.settings)
    club.leave()

    forgotten(club)

    left = [[row for row in rows if row[0] != ADA] for rows in before]
    assert [len(rows) for rows in left] < [len(rows) for rows in before]
    assert answers(club.settings) == left
    tally = records_of(club.settings).predictions.tally()
    assert (tally.logged, tally.pruned) == (30, 4)


def test_life_goes_on(club: Club) -> None:
    club.leave()
    forgotten(club)
    kept = records_of(club.settings)

    back = promotion.rollback(
        NAME, to=None, reason="try", actor="bob", ledger=kept, settings=club.settings, key="back"
    )
    seen = watcher.watch(CLUB, Window(start=DAYS[0], end=NOW), records=kept, settings=club.settings)
    kept.pins.lift(NAME, "bob")
    trained = club.train(DAYS[1] + timedelta(hours=1))

    assert back.champion is not None
    assert back.champion.version == 1
    assert not [one for one in seen.unknowns if "snapshot" in one or "champion" in one]
    assert storage.of(club.settings).list(f"drift/{NAME}/champions/*.json")
    assert trained.verdict is not None, trained.sentence
    assert traces(club.settings) == {}
    assert broken(club) == []
    assert forgotten(club).places == ()


def test_what_champions_lead_to_is_still_kept_by_a_pruning(club: Club) -> None:
    club.leave()
    forgotten(club)
    ages = dict.fromkeys(SETTINGS, timedelta(days=90))

    retention.prune(
        NAME, Limits(ages=ages, champions=2, decisions=1), apply=True, actor="bob",
        as_of=datetime.now(UTC) + timedelta(days=400), catalog=CATALOGUE,
        records=records_of(club.settings), settings=club.settings,
    )  # fmt: skip

    assert len(answers(club.settings)) == 2
    assert broken(club) == []


def test_a_source_that_still_has_it_is_told_and_nothing_changes(club: Club) -> None:
    before = traces(club.settings)

    with pytest.raises(NotForgotten, match=r"the source of club still has 4 rows of it"):
        forgotten(club)

    assert traces(club.settings) == before


def test_a_training_that_is_under_way_is_waited_for(club: Club) -> None:
    club.leave()
    experiment = tracking.experiment(club.settings, NAME)
    experiment.client.create_run(experiment.id)

    with pytest.raises(ChampionBusy, match="1 trainings, fits or scorings of club are under way"):
        forgotten(club)


@pytest.mark.parametrize(("purpose", "lease"), [("training", "{}/fit"), ("scoring", "club/out")])
def test_a_fit_or_a_scoring_that_is_under_way_is_waited_for(
    club: Club, purpose: str, lease: str
) -> None:
    club.leave()
    kept = records_of(club.settings)
    key = kept.trainings.all(NAME)[0].key

    with (
        kept.leases.hold("scoring", "clubs/out"),
        kept.leases.hold(purpose, lease.format(key)),
        pytest.raises(ChampionBusy, match="1 trainings, fits or scorings of club are under way"),
    ):
        forgotten(club)

    assert forgotten(club).left == ()


def test_others_with_less_than_the_whole_key_stay(club: Club) -> None:
    [(member,)] = club.ask(f"SELECT member FROM members WHERE member <> {ADA} LIMIT 1")
    club.leave()
    forgotten(club)
    club.ask(f"DELETE FROM members WHERE member = {member}")

    second = forgotten(club, f"member={member}")

    assert held(second)["snapshots"] == 3
    assert second.left == ()
    assert broken(club) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("membr=1", r"--key is 'membr'; allowed: member, day.*did you mean"),
        ("member", r"--key is 'member'; allowed: COLUMN=VALUE"),
        ("member=Ada", r"--key is 'member=Ada'; allowed: a value of type int64"),
    ],
)
def test_a_key_that_is_none_is_refused(club: Club, key: str, told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        forgotten(club, key)


def nothing(*_: Any, **__: Any) -> int:
    return 0


LEFT_OUT: dict[str, tuple[Any, str, Callable[..., Any], str | tuple[str, ...]]] = {
    "predictions": (Subjects, "forget_predictions", nothing, "evergreen.predictions"),
    "words": (Subjects, "rewrite", nothing, "evergreen.decisions"),
    "disk": (waiting, "forget", lambda *_, **__: (0, 0), "spool/"),
    "Data Docs": (Papers, "data_docs", nothing, "data_docs/"),
    "logs": (Papers, "logs", lambda *_, **__: (0, 0), "airflow/logs/"),
    "golden rows": (Beside, "versions", nothing, ("evergreen.dossiers", "artifacts/")),
    "MLflow": (Beside, "runs", nothing, "artifacts/"),
    "snapshots": (Rows, "forget", nothing, "snapshots/"),
}


@pytest.mark.parametrize("place", LEFT_OUT)
def test_a_place_that_is_left_out_is_found_by_its_bytes(
    club: Club, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, does_nothing, found = LEFT_OUT[place]
    club.leave()
    monkeypatch.setattr(where, name, does_nothing)

    forgotten(club)

    assert {held.startswith(found) for held in traces(club.settings)} == {True}
    assert broken(club) == []


def test_what_is_still_there_is_told_and_not_taken_for_gone(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    club.leave()
    monkeypatch.setattr(Rows, "forget", nothing)

    done = forgotten(club)

    assert {place.name for place in done.left} >= {"snapshots", "snapshots of features"}
    assert records_of(club.settings).erasures.unfinished(NAME) != ()


def everybody_is_forgotten(club: Club) -> Beside:
    """Return what lies beside models, where all golden rows are the subject's."""
    subject = Subject.asked(NAME, ("member",), [f"member={ADA}"], {})
    rows = club.ask("SELECT age, fee, plan FROM members")
    everybody = pd.DataFrame(rows, columns=["age", "fee", "plan"])
    kept = records_of(club.settings)
    return Beside(subject, lambda columns: everybody[list(columns)], kept, club.settings)


def test_a_version_whose_golden_rows_were_all_its_own_is_proven_by_others(club: Club) -> None:
    kept = records_of(club.settings)
    before = kept.promotions.of(NAME)

    renewed = everybody_is_forgotten(club).versions(apply=True)

    after = kept.promotions.of(NAME)
    assert renewed == 2
    for one, other in zip(before, after, strict=True):
        assert one.golden_sha256 != other.golden_sha256
        prove(club.settings, other.run_id, other.model_uri, other.sha256, other.golden_sha256)
    assert not any(place.endswith("golden.json") for place in traces(club.settings))


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("writes", [0, 2, 5, 8])
def test_what_a_crash_interrupts_is_ended_by_the_same_words(
    club: Club, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    club.leave()
    whole, done = SnapshotStore.replace, []

    def dies(self: SnapshotStore, uri: str, document: dict[str, Any]) -> None:
        if len(done) == writes:
            raise Killed
        done.append(uri)
        whole(self, uri, document)

    monkeypatch.setattr(SnapshotStore, "replace", dies)
    before = answers(club.settings)
    with pytest.raises(Killed):
        forgotten(club)
    assert traces(club.settings) != {}
    monkeypatch.setattr(SnapshotStore, "replace", whole)

    again = forgotten(club)

    [kept] = records_of(club.settings).erasures.newest(NAME)
    assert again.left == ()
    assert traces(club.settings) == {}
    assert kept.finished_at is not None
    assert again.versions == kept.versions == (1, 2)
    assert kept.places["snapshots"] == 3
    assert answers(club.settings) == [[r for r in rows if r[0] != ADA] for rows in before]
    assert broken(club) == []


def test_a_crash_between_the_records_and_mlflow_is_ended_too(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    club.leave()

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Beside, "_upload", dies)
        forgotten(club)
    assert broken(club) != []

    assert forgotten(club).left == ()
    assert traces(club.settings) == {}
    assert broken(club) == []


@pytest.mark.parametrize(
    "asked", [(MlflowClient, "get_run"), (MlflowClient, "get_logged_model"),
              (LocalArtifactRepository, "list_artifacts"),
              (LocalArtifactRepository, "_download_file")]
)  # fmt: skip
def test_what_mlflow_does_not_tell_now_is_not_taken_for_gone(
    club: Club, asked: tuple[type, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    club.leave()

    def fails(*_: Any, **__: Any) -> None:
        raise MlflowException("the store is away", error_code=TEMPORARILY_UNAVAILABLE)

    with monkeypatch.context() as away, pytest.raises((EvergreenError, MlflowException)):
        away.setattr(*asked, fails)
        forgotten(club)
    assert traces(club.settings) != {}

    assert forgotten(club).left == ()
    assert traces(club.settings) == {}


def test_a_version_that_was_pruned_holds_no_mark(club: Club) -> None:
    kept = records_of(club.settings)
    subject = Subject.asked(NAME, ("member",), [f"member={ADA}"], {})
    subject = subject.with_marks({"email": [EMAIL]})
    beside = Beside(subject, lambda columns: pd.DataFrame(columns=columns), kept, club.settings)

    erasing.erase(club.settings, kept.promotions.of(NAME)[0].run_id)

    assert beside.taught([1, 2]) == []


def test_golden_rows_of_a_version_that_was_pruned_go_too(club: Club) -> None:
    kept = records_of(club.settings)
    run_id = kept.promotions.of(NAME)[-1].run_id
    erasing.erase(club.settings, run_id)
    club.leave()

    done = forgotten(club)

    assert done.left == ()
    assert traces(club.settings) == {}
    assert not [*club.settings.home.rglob(f"*{run_id}*/**/{tracking.GOLDEN_FILE}")]


def test_a_version_that_was_pruned_needs_no_golden_rows_of_others(club: Club) -> None:
    kept = records_of(club.settings)
    erasing.erase(club.settings, kept.promotions.of(NAME)[-1].run_id)

    assert everybody_is_forgotten(club).versions(apply=True) == 2

    documents = kept.subjects.dossiers(NAME)
    assert [len(documents[n]["golden"]["labels"]) for n in (1, 2)] == [0, 20]


def test_a_version_whose_rows_were_pruned_is_proven_by_nothing(club: Club) -> None:
    kept = records_of(club.settings)
    snapshot = kept.subjects.dossiers(NAME)[1]["learned"]["snapshot"]["uri"]
    storage.of(club.settings, storage.SNAPSHOTS).delete(
        "/".join([*snapshot.split("/")[-2:], "manifest.json"])
    )

    assert everybody_is_forgotten(club).versions(apply=True) == 2

    own = kept.promotions.of(NAME)[-1]
    with pytest.raises(ModelRefused, match="were all forgotten: nothing proves it"):
        prove(club.settings, own.run_id, own.model_uri, own.sha256, own.golden_sha256)


def test_check_names_a_rewritten_snapshot_without_a_record_and_an_erasure_that_was_interrupted(
    club: Club,
) -> None:
    club.leave()
    forgotten(club)

    club.ask("UPDATE evergreen.erasures SET finished_at = NULL, created_at = '2026-01-01',"
             " digests = '{}'")  # fmt: skip

    found = check(club)
    assert found[6].status == "failed"
    assert "says that it replaces" in found[6].detail
    assert "the erasure 1 of club by bob was interrupted" in found[9].detail

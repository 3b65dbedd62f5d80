"""A use case with two champions, trained and promoted for real; each test breaks one thing."""

import contextlib
import hashlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import pytest

from database import records_of
from databases import duplicate
from evergreen import invariants
from evergreen.catalog import Catalog
from evergreen.champions import promotion
from evergreen.data import snapshots
from evergreen.learning import tracking
from evergreen.learning.names import named
from evergreen.notify import alert, announce
from evergreen.records import DIGEST, Decision, Incident, Records, decision_id
from evergreen.refs import CandidateRef, Check, EvaluationRef, FeaturesRef, Verdict
from evergreen.serving import trials
from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from learning import CATALOG, IRIS, built, iris_rows, served, weather_rows
from webhook import Webhook

NAME = "iris_for_invariants"
USE_CASE = replace(IRIS, name=NAME)
CHECKED = Check(name="floor", status="passed", reason="0.97 is above 0.9")
_numbers = itertools.count()
TAGGED = """
CREATE TABLE public.dag_tag AS SELECT * FROM (VALUES
    ('iris_training', 'evergreen'), ('w_training', 'evergreen'), ('paused', 'evergreen'),
    ('their_training', 'finance')) AS tags (dag_id, name)
"""
"""Which DAGs of an Airflow are ours."""


def check(settings: Settings, catalog: Catalog, **more: Any) -> list[invariants.Finding]:
    return invariants.check(records_of(settings), settings, catalog, **more)


@dataclass(frozen=True)
class World:
    """Settings whose database is the test's own copy; the rest is shared and put right again."""

    settings: Settings
    features: FeaturesRef
    trained: tuple[CandidateRef, CandidateRef]
    catalog: Catalog

    @property
    def ledger(self) -> Records:
        return records_of(self.settings)

    @property
    def client(self) -> "tracking.MlflowClient":
        return tracking.client(self.settings)

    def finding(
        self, number: int, now: datetime | None = None, **settings: object
    ) -> invariants.Finding:
        found = check(replace(self.settings, **settings), self.catalog, now=now)
        return next(finding for finding in found if finding.number == number)

    def execute(self, *statements: str) -> None:
        with psycopg2.connect(self.settings.database_url) as connection:
            for statement in statements:
                connection.cursor().execute(statement)
        connection.close()

    def verdict(self, trained: CandidateRef, **changes: object) -> Verdict:
        evaluation = EvaluationRef(
            uri="evidence.json",
            report_id=f"report-{trained.name}",
            challenger=trained,
            champion=self.ledger.promotions.champion(NAME),
            features=self.features,
        )
        fields = {"passed": True, "sentence": "Better.", "checks": (CHECKED,), "report": "r.html"}
        return Verdict(evaluation=evaluation, **fields | changes)

    def judge(self, verdict: Verdict, **changes: object) -> Decision:
        report_id = verdict.evaluation.report_id
        fields = {
            "id": decision_id(NAME, "fit/train", report_id),
            "use_case": NAME,
            "kind": "fit",
            "outcome": "passed",
            "sentence": verdict.sentence,
            "evidence": verdict.to_json(),
            "as_of": None,
            "run_key": report_id,
            "actor": "ada",
        }
        return self.ledger.decisions.record(Decision(**fields | changes))


@pytest.fixture(scope="module")
def built_world(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> World:
    home = tmp_path_factory.mktemp("invariants")
    suites = home / "expectations"
    suites.mkdir()
    shutil.copy(PROJECT / "expectations" / "iris.json", suites / f"{NAME}.json")
    name = home.name  # of its own: two modules that have such a world may share a server
    postgres.create_database(name)
    postgres.create_database(f"{name}_mlflow", template=mlflow_template)
    tracking_uri = postgres.url(f"{name}_mlflow").replace("ql://", "ql+psycopg2://")
    settings = Settings(
        home=home,
        database_url=postgres.url(name),
        tracking_uri=tracking_uri,
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=suites,
    )
    features = built(USE_CASE, iris_rows(), settings)
    names = [USE_CASE.baselines[0].name, "logistic"]
    trained = [served(USE_CASE, features, name, settings) for name in names]
    world = World(settings, features, (trained[0], trained[1]), Catalog({NAME: USE_CASE}))
    for ref in trained:
        verdict = world.verdict(ref)
        world.judge(verdict)
        describe = trials.describing(USE_CASE, records_of(settings), settings)
        promotion.promote(
            verdict,
            ledger=records_of(settings),
            settings=settings,
            actor="ada",
            reason="better",
            describe=describe,
        )
    return world


@pytest.fixture
def world(built_world: World, postgres: EmbeddedPostgres) -> World:
    name = f"invariants_{next(_numbers)}"
    duplicate(postgres, built_world.settings.home.name, name)
    return replace(
        built_world, settings=replace(built_world.settings, database_url=postgres.url(name))
    )


@contextlib.contextmanager
def spoilt(file: Path) -> Iterator[None]:
    """A file with other bytes, for a while."""
    content = file.read_bytes()
    file.write_bytes(b"spoilt" + content)
    yield
    file.write_bytes(content)


def model_file(world: World, trained: CandidateRef) -> Path:
    model = world.client.get_logged_model(trained.model_uri.removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://")) / tracking.MODEL_FILE


def test_all_holds_after_two_promotions(world: World):
    found = check(world.settings, world.catalog)

    assert [f.number for f in found] == [*range(1, 17)]
    assert [f for f in found if f.status != "passed"] == []


def test_all_holds_before_anything_was_done(settings: Settings):
    found = check(settings, Catalog())

    assert {f.status for f in found} == {"passed"}


def test_1_names_a_champion_whose_gate_refused_it(world: World):
    world.execute("UPDATE evergreen.decisions SET outcome = 'refused' WHERE kind = 'fit'")

    finding = world.finding(1)

    assert finding.status == "failed"
    assert f"{NAME}: version 2 is champion without a gate that passed it" in finding.detail


def test_1_names_an_alias_that_disagrees_with_the_ledger(world: World):
    world.client.set_registered_model_alias(named(world.settings, NAME), "champion", "1")

    finding = world.finding(1)

    promotion.reconcile(NAME, world.ledger, world.settings)
    assert finding.status == "failed"
    assert finding.detail == f"{NAME}: version 2 is champion, but the alias names version 1"
    assert world.finding(1).status == "passed"


def test_1_names_a_champion_with_other_bytes_than_were_judged(world: World):
    world.execute(f"UPDATE evergreen.promotions SET sha256 = '{'f' * 64}' WHERE version = 2")

    finding = world.finding(1)

    assert finding.status == "failed"
    assert "other bytes than its gate judged" in finding.detail


def test_1_names_a_champion_without_a_dossier_or_whose_dossier_leads_to_other_bytes(world: World):
    forged = f"""UPDATE evergreen.dossiers SET document = jsonb_set(document, '{{model,sha256}}',
        '"{"f" * 64}"') WHERE version = 2"""
    world.execute(forged)
    other = world.finding(1)
    world.execute("DELETE FROM evergreen.dossiers WHERE version = 2")

    gone = world.finding(1)

    assert "version 2 answers by other bytes than are on record" in other.detail
    assert "version 2 has no dossier; `evergreen check --repair` writes it" in gone.detail


@pytest.mark.parametrize(
    ("left", "said"), [(b"{...", "which is damaged since"), (None, "which is gone")]
)
def test_1_names_evidence_that_nobody_can_read_any_more(
    world: World, left: bytes | None, said: str
):
    file = world.settings.home / "reports" / "evidence.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    world.execute(f"""UPDATE evergreen.decisions SET evidence = jsonb_set(evidence,
        '{{evaluation,sha256}}', '"{digest}"') WHERE kind = 'fit'""")
    whole = world.finding(1)
    file.unlink()
    if left is not None:
        file.write_bytes(left)

    finding = world.finding(1)

    file.unlink(missing_ok=True)
    assert whole.status == "passed"
    assert f"{NAME}: version 2 was judged by evidence.json, {said}" in finding.detail


def test_2_names_rows_that_were_trained_on_and_judged_on(world: World):
    rows = iris_rows()
    leaked = rows.assign(part=["training", "holdout"] * 75)
    twice = leaked[leaked["part"] == "training"].head(3).assign(part="holdout")
    judge_on(world, leaked, twice)

    finding = world.finding(2)

    assert finding.status == "failed"
    assert finding.detail == (f"{NAME}: version 2 was judged on 3 rows that it was trained on")


def judge_on(world: World, *frames: pd.DataFrame) -> None:
    """Let the champion's dossier name other features."""
    table = pa.Table.from_pandas(pd.concat(frames), preserve_index=False)
    store = snapshots.of(world.settings)
    stored = store.write(NAME, table.to_batches(), table.schema, {})
    for field, value in (("uri", stored.uri), ("sha256", stored.sha256)):
        world.execute(
            "UPDATE evergreen.dossiers SET document = jsonb_set(document,"
            f" '{{learned,{field}}}', '\"{value}\"') WHERE version = 2"
        )


def test_2_names_a_training_that_reaches_into_the_holdout(world: World):
    rows = weather_rows().reset_index(drop=True)
    part = ["holdout" if n % 2 else "training" for n in rows.index]
    judge_on(world, rows.assign(part=part, id=rows.index))
    world.execute(
        "UPDATE evergreen.dossiers SET document = jsonb_set(jsonb_set(document,"
        " '{temporal}', 'true'), '{inputs,timestamp}', '\"date\"') WHERE version = 2"
    )

    finding = world.finding(2)

    assert finding.status == "failed"
    assert "was trained until 2015-12-" in finding.detail


def test_2_is_unknown_for_a_champion_without_a_dossier(world: World):
    world.execute("DELETE FROM evergreen.dossiers WHERE version = 2")

    finding = world.finding(2)

    assert finding.status == "unknown"
    assert "has no dossier to check by" in finding.detail


def test_4_names_a_champion_whose_file_was_changed(world: World):
    with spoilt(model_file(world, world.trained[1])):
        finding = world.finding(4)

    assert finding.status == "failed"
    assert f"{NAME}: version 2" in finding.detail


def test_4_names_a_champion_that_is_another_in_the_registry(world: World):
    tag = "evergreen.sha256"
    world.client.set_model_version_tag(named(world.settings, NAME), "2", tag, "0" * 64)

    finding = world.finding(4)

    world.client.set_model_version_tag(
        named(world.settings, NAME), "2", tag, world.trained[1].sha256
    )
    assert finding.status == "failed"
    assert "another in the registry" in finding.detail


def test_5_names_a_gap_in_the_chain(world: World):
    world.execute(
        "ALTER TABLE evergreen.promotions DROP CONSTRAINT promotions_predecessor",
        "DELETE FROM evergreen.promotions WHERE version = 1",
    )

    finding = world.finding(5)

    assert finding.status == "failed"
    assert "names predecessor 1, before it comes none" in finding.detail


def test_6_names_a_snapshot_whose_bytes_were_changed(world: World):
    rows = world.features.snapshot
    [group] = snapshots.of(world.settings).groups(rows.uri, rows.sha256)
    with spoilt(Path(rows.uri).parent / "chunks" / group.chunks[0].file):
        finding = world.finding(6)

    assert finding.status == "failed"
    assert world.features.snapshot.uri in finding.detail


def test_6_names_a_champion_whose_snapshot_is_missing(world: World):
    folder = Path(world.features.snapshot.uri)
    folder.rename(folder.with_name("elsewhere"))

    finding = world.finding(6)

    folder.with_name("elsewhere").rename(folder)
    assert finding.status == "failed"
    assert "the snapshot of version 2 is missing" in finding.detail


def test_7_names_a_report_that_was_decided_twice(world: World):
    verdict = world.verdict(world.trained[1])
    world.judge(verdict, id=decision_id(NAME, "gate/again", verdict.evaluation.report_id))

    finding = world.finding(7)

    assert finding.status == "failed"
    assert finding.detail == f"{NAME}: report report-logistic was decided twice"


def test_7_allows_a_report_that_was_decided_differently_later(world: World):
    world.judge(world.verdict(world.trained[1]), outcome="refused")

    assert world.finding(7).status == "passed"


def test_7_names_bytes_that_were_registered_twice(world: World):
    client, digest = world.client, world.trained[1].sha256
    model = named(world.settings, NAME)
    made = client.create_model_version(model, source="runs:/x/m", tags={"evergreen.sha256": digest})

    finding = world.finding(7)

    client.delete_model_version(model, made.version)
    assert finding.status == "failed"
    assert f"2 versions hold {digest[:12]}" in finding.detail


@pytest.mark.parametrize(("forced", "status"), [("false", "failed"), ("true", "passed")])
def test_7_names_a_training_that_was_done_twice_unless_it_was_forced(
    world: World, forced: str, status: str
):
    first = world.client.get_run(world.trained[1].run_id)
    tags = {tracking.KEY: first.data.tags[tracking.KEY], tracking.FORCED: forced}
    again = [world.client.create_run(first.info.experiment_id, tags=tags) for _ in range(2)]
    for run in again:
        world.client.set_terminated(run.info.run_id, "FINISHED")

    finding = world.finding(7)

    for run in again:
        world.client.delete_run(run.info.run_id)
    assert finding.status == status


def asked(world: World, run_key: str = "w_training/drift__1__v3", decided: bool = True) -> None:
    """A retraining, asked for and decided as `deciding` does it."""
    records_of(world.settings).migrate()
    world.execute(
        "INSERT INTO evergreen.retrainings"
        " (use_case, window_end, champion, cause, run_key, asked_at)"
        f" VALUES ('w', '2026-11-21T01:00Z', 3, 'drift', '{run_key}', '2026-11-21T01:00Z')"
    )
    if decided:
        decide(world, run_key)


def decide(world: World, run_key: str, about: str = "1") -> None:
    window = {"end": "2026-11-21T01:00:00Z", "champion": 3}
    world.ledger.decisions.record(
        Decision(
            id=decision_id("w", "trigger", about), use_case="w", kind="trigger", outcome="retrain",
            sentence="Retrain.", evidence={"run_key": run_key, "situation": {"window": window}},
            as_of=None, run_key="w_monitoring/1", actor="monitoring",
        )
    )  # fmt: skip


def test_8_holds_when_what_was_asked_for_was_decided(world: World):
    asked(world)

    finding = world.finding(8)

    assert finding.status == "passed"
    assert finding.detail == (
        "1 retrainings that monitoring asked for; no Airflow is set, so none was looked at"
    )


def test_8_names_a_retraining_without_a_decision(world: World):
    asked(world, decided=False)

    assert "w_training/drift__1__v3 was asked for without a decision" in world.finding(8).detail


def test_8_names_a_window_that_was_decided_twice(world: World):
    asked(world)
    decide(world, "w_training/drift__2__v3", about="2")

    finding = world.finding(8)

    assert finding.status == "failed"
    assert "version 3 was decided 2 times" in finding.detail
    assert "w_training/drift__2__v3 was decided and not asked for" in finding.detail


def test_8_names_a_window_that_was_asked_for_twice(world: World):
    world.ledger.migrate()
    world.execute("ALTER TABLE evergreen.retrainings DROP CONSTRAINT retrainings_once")
    asked(world)
    asked(world, "w_training/drift__2__v3", decided=False)

    assert "version 3 was asked for 2 times" in world.finding(8).detail


def test_8_names_a_run_in_airflow_that_nobody_asked_for(world: World):
    asked(world)
    world.execute(
        "CREATE TABLE public.dag_run AS SELECT * FROM (VALUES"
        " ('w_training', 'drift__1__v3'), ('w_training', 'drift__2__v3'),"
        " ('their_training', 'drift__1'), ('w_training', 'scheduled__1'))"
        " AS runs (dag_id, run_id)",
        TAGGED,
    )

    finding = world.finding(8, airflow_database_url=world.settings.database_url)

    assert finding.detail == "w_training/drift__2__v3 was started and not asked for"


def test_9_names_what_a_crash_left_behind(world: World):
    litter = world.settings.home / ".drafts" / "crashed"
    litter.parent.mkdir(exist_ok=True)
    litter.touch()

    finding = world.finding(9)

    litter.unlink()
    assert finding.status == "failed"
    assert str(litter) in finding.detail


def test_9_names_a_run_whose_process_is_gone(world: World):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    with running(world, dead.pid) as run_id:
        finding = world.finding(9)
    with running(world, os.getpid()):
        alive = world.finding(9)

    assert finding.status == "failed"
    assert finding.detail == f"run {run_id} is running, but its process is gone"
    assert alive.status == "passed"


def test_9_names_a_run_that_is_too_old_to_live(world: World):
    with running(world, os.getpid()):
        finding = world.finding(9, now=datetime.now(UTC) + timedelta(hours=25))

    assert finding.status == "failed"
    assert "has been running since" in finding.detail


@contextlib.contextmanager
def running(world: World, pid: int) -> Iterator[str]:
    experiment = world.client.get_experiment_by_name(named(world.settings, NAME))
    tags = {tracking.HOST: socket.gethostname(), tracking.PID: str(pid)}
    run_id = world.client.create_run(experiment.experiment_id, tags=tags).info.run_id
    yield run_id
    world.client.set_terminated(run_id, "KILLED")


def test_10_names_a_champion_whose_golden_rows_are_not_those_on_record(world: World):
    other = "UPDATE evergreen.promotions SET golden_sha256 = repeat('0', 64) WHERE version = 2"
    world.execute(other)

    finding = world.finding(10)

    assert finding.status == "failed"
    assert f"{NAME}: version 2 is not what it was: the golden predictions" in finding.detail


def test_10_names_a_previous_champion_that_cannot_be_gone_back_to(world: World):
    with spoilt(model_file(world, world.trained[0])):
        finding = world.finding(10)

    assert finding.status == "failed"
    assert f"{NAME}: one cannot go back to version 1" in finding.detail


@pytest.mark.parametrize(
    ("delivery", "told", "status"),
    [
        ("told", True, "passed"),
        ("failed: 1 of 1 addresses did not take it (json://)", False, "failed"),
        ("nobody to tell: EVERGREEN_NOTIFY_URLS is empty", False, "unknown"),
    ],
)
def test_12_names_a_failed_run_that_nobody_was_told_of(
    world: World, delivery: str, told: bool, status: str
):
    incident = world.ledger.incidents.open(
        Incident(use_case=NAME, run_key="iris_training/1", step="train", message="boom")
    )
    world.ledger.incidents.note_delivery(incident.id, delivery, told=told)

    finding = world.finding(12)

    assert finding.status == status
    assert told or finding.detail == f"iris_training/1 ({delivery})"


@pytest.mark.parametrize(("told", "status"), [(True, "passed"), (False, "failed")])
def test_12_names_an_incident_whose_end_was_not_told(world: World, told: bool, status: str):
    incident = world.ledger.incidents.open(
        Incident(use_case=NAME, run_key="iris_training/1", step="train", message="boom")
    )
    world.ledger.incidents.note_delivery(incident.id, "told", told=True)
    world.ledger.incidents.resolve("iris_training/1", "It went well.")
    world.ledger.incidents.note_resolution(incident.id, "failed: 1 of 1", told=told)

    finding = world.finding(12)

    assert finding.status == status
    assert told or "iris_training/1 is over" in finding.detail


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_12_expects_no_end_of_a_digest(world: World, webhook: Webhook):
    told = replace(world.settings, notify_urls=(webhook.url,))
    announce(world.ledger, told, "operations", DIGEST, "A week", "All is well.", key="digest/1")

    assert len(webhook.messages) == 1
    assert world.finding(12).status == "passed"


def test_12_and_13_look_into_airflow_when_its_database_is_given(world: World):
    url = world.settings.database_url.replace("postgresql://", "postgresql+psycopg2://")
    password = url.split(":")[2].split("@")[0]
    world.execute(
        "CREATE TABLE public.dag_run AS SELECT 'iris_training' AS dag_id, 'manual__1' AS run_id,"
        " 'failed' AS state, now() - interval '2 minutes' AS end_date, 1 AS id",
        "CREATE TABLE public.xcom AS SELECT 'iris_training' AS dag_id, 'train' AS task_id, 'k'"
        " AS key,"
        f' \'{{"url": "{password}"}}\'::jsonb AS value',
        "INSERT INTO public.dag_run SELECT 'their_training', run_id, state, end_date, 2"
        " FROM public.dag_run",
        TAGGED,
    )

    untold, secret = (world.finding(number, airflow_database_url=url) for number in (12, 13))

    assert untold.detail == "iris_training/manual__1 failed without an incident"
    assert secret.detail == "a secret stands in XCom k of iris_training/train"


@pytest.mark.parametrize(
    ("hours", "told", "status"),
    [(7 * 24, False, "passed"), (7 * 24 + 1, False, "failed"), (7 * 24 + 1, True, "passed")],
    ids=["new enough", "too old", "too old, and told"],
)
def test_15_names_a_champion_that_knows_nothing_new_unless_somebody_was_told(
    world: World, hours: int, told: bool, status: str
):
    declared = replace(CATALOG.find("weather"), name=NAME)  # 2 + 3 days, and twice a day
    world = replace(world, catalog=Catalog(use_cases={NAME: declared}, broken={}))
    until = datetime(2026, 11, 1, tzinfo=UTC)
    training = f'{{"rows": 9, "start": null, "end": "{until.isoformat()}"}}'
    world.execute(f"UPDATE evergreen.promotions SET training = '{training}'")
    if told:
        alert(world.ledger, world.settings, NAME, "knowledge", "It knows nothing new.", at=until)

    found = world.finding(15, now=until + timedelta(hours=hours))

    assert found.status == status
    assert "version 2" in found.detail


def test_15_leaves_alone_what_a_person_has_ended(world: World):
    declared = replace(CATALOG.find("weather"), name=NAME)
    world = replace(world, catalog=Catalog(use_cases={NAME: declared}, broken={}))
    until = datetime(2026, 11, 1, tzinfo=UTC)
    training = f'{{"rows": 9, "start": null, "end": "{until.isoformat()}"}}'
    world.execute(
        f"UPDATE evergreen.promotions SET training = '{training}'",
        "INSERT INTO evergreen.retirements (use_case, reason, actor)"
        f" VALUES ('{NAME}', 'sold', 'ada')",
    )

    assert world.finding(15, now=until + timedelta(days=90)).status == "passed"


def test_15_is_unknown_of_a_champion_whose_declaration_nobody_can_read(world: World):
    found = replace(world, catalog=Catalog({}, broken={NAME: "SyntaxError"})).finding(15)

    assert (found.status, found.holds) == ("unknown", True)
    assert found.detail == f"{NAME}: it is broken, or not declared any more"


def test_15_holds_where_the_source_may_be_of_any_age(world: World):
    assert world.finding(15).detail == "no champion's knowledge has a limit"


NO_TASK = """
CREATE TABLE public.task_instance (
    dag_id text, run_id text, task_id text, state text, end_date timestamptz)
"""


def test_16_names_a_run_that_the_scheduler_does_not_look_at_any_more(world: World):
    world.execute(
        "CREATE TABLE public.dag AS SELECT * FROM (VALUES ('w_training', false), ('paused', true),"
        " ('their_training', false)) AS dags (dag_id, is_paused)",
        "CREATE TABLE public.dag_run AS SELECT dag_id, run_id, state,"
        " began::timestamptz AS start_date,"
        " decided::timestamptz AS last_scheduling_decision FROM (VALUES"
        " ('w_training', 'stuck', 'running', '2026-11-20', '2026-11-20 06:30+00'),"
        " ('w_training', 'never', 'running', '2026-11-21 07:00+00', NULL),"
        " ('w_training', 'fine', 'running', '2026-11-20', 'now'),"
        " ('w_training', 'over', 'success', '2026-11-20', '2026-11-20'),"
        " ('their_training', 'stuck', 'running', '2026-11-20', '2026-11-20'),"
        " ('paused', 'waits', 'running', '2026-11-20', '2026-11-20'))"
        " AS runs (dag_id, run_id, state, began, decided)",
        NO_TASK,
        TAGGED,
    )

    finding = world.finding(16, airflow_database_url=world.settings.database_url)

    assert finding.status == "failed"
    assert "w_training/stuck is under way" in finding.detail
    assert "has not looked at it since 2026-11-20 06:30" in finding.detail
    assert "w_training/never" in finding.detail
    assert finding.detail.count("is under way") == 2


def test_16_names_a_task_whose_next_try_waits_for_a_clock_that_was_ahead(world: World):
    world.execute(
        "CREATE TABLE public.dag (dag_id text, is_paused boolean)",
        "CREATE TABLE public.dag_run (dag_id text, run_id text, state text,"
        " start_date timestamptz, last_scheduling_decision timestamptz)",
        NO_TASK,
        TAGGED,
        "INSERT INTO public.task_instance VALUES"
        " ('w_training', 'late', 'train', 'up_for_retry', now() + interval '1 hour'),"
        " ('their_training', 'late', 'train', 'up_for_retry', now() + interval '1 hour'),"
        " ('w_training', 'soon', 'train', 'up_for_retry', now() + interval '5 seconds'),"
        " ('w_training', 'over', 'train', 'success', now() + interval '1 hour')",
    )

    finding = world.finding(
        16, airflow_database_url=world.settings.database_url, now=datetime.now(UTC)
    )

    assert finding.status == "failed"
    assert "w_training/late waits for another try of train until" in finding.detail
    assert finding.detail.count("waits for another try") == 1


@pytest.mark.parametrize(
    "place", ["logs/a/b.log", "reports/r.html", "drift/w/r.json", "data_docs/index.html"]
)
def test_13_names_a_file_that_holds_a_password(world: World, place: str):
    file = world.settings.home / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x" * (1 << 20) + world.settings.database_url)

    finding = world.finding(13)

    file.unlink()
    assert finding.status == "failed"
    assert finding.detail == f"a secret stands in {file}"


def test_13_names_a_run_and_a_decision_that_hold_a_password(world: World):
    run_id = world.trained[1].run_id
    world.client.set_tag(run_id, "note", world.settings.database_url)
    decision = world.judge(
        world.verdict(world.trained[1], sentence=world.settings.database_url), outcome="refused"
    )

    finding = world.finding(13)

    world.client.delete_tag(run_id, "note")
    assert f"note of the MLflow run {run_id}" in finding.detail
    assert f"evergreen.decisions {decision.id}" in finding.detail


def test_14_names_a_suite_without_a_mandatory_check(world: World, tmp_path: Path):
    suite = (world.settings.expectations_dir / f"{NAME}.json").read_text()
    rule = "expect_column_values_to_be_unique"
    lacking = suite.replace(rule, "expect_column_values_to_not_be_null")
    (tmp_path / f"{NAME}.json").write_text(lacking)

    settings = replace(world.settings, expectations_dir=tmp_path)
    finding = replace(world, settings=settings).finding(14)

    assert finding.status == "failed"
    assert f"{NAME}: " in finding.detail
    assert "unique" in finding.detail


def test_14_names_a_use_case_without_a_suite(world: World, tmp_path: Path):
    settings = replace(world.settings, expectations_dir=tmp_path)

    assert replace(world, settings=settings).finding(14).status == "failed"


@pytest.mark.parametrize(
    ("checks", "why"),
    [
        ((), "without any check"),
        ((replace(CHECKED, status="unknown"),), "although floor is unknown"),
    ],
)
def test_14_names_a_gate_that_passed_on_nothing(world: World, checks: tuple[Check, ...], why: str):
    verdict = world.verdict(world.trained[0], checks=checks)
    evaluation = replace(verdict.evaluation, report_id="report-empty")
    world.judge(replace(verdict, evaluation=evaluation))

    finding = world.finding(14)

    assert finding.status == "failed"
    assert finding.detail == f"{NAME}: report report-empty passed {why}"


def test_an_invariant_that_cannot_be_checked_is_unknown_and_hides_no_other(world: World):
    elsewhere = replace(world.settings, tracking_uri="nonsense://x")

    found = check(elsewhere, world.catalog)

    statuses = {finding.number: finding.status for finding in found}
    assert statuses[9] == "unknown"
    assert statuses[5] == statuses[6] == "passed"


def test_no_finding_tells_a_secret(world: World):
    password = world.settings.database_url.split(":")[2].split("@")[0]
    world.ledger.incidents.open(
        Incident(use_case=NAME, run_key=f"r/{password}", step="train", message="boom")
    )

    assert password not in world.finding(12).detail

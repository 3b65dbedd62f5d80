"""Every root keeps what it leads to; without it, that goes: on real PostgreSQL and MLflow."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pyarrow as pa
import pytest

from database import query, records_of
from deciding.champion import make_champion
from evergreen import retention
from evergreen.catalog import Catalog
from evergreen.data import snapshots
from evergreen.learning import erasing, tracking
from evergreen.records import Approval, Decision, Pin, Records, decision_id
from evergreen.records.prunings import Old
from evergreen.retention import Limits
from evergreen.retention.limits import PREDICTIONS, REPORTS, SETTINGS, SNAPSHOTS
from evergreen.retention.reach import Reached
from evergreen.settings import Settings
from learning import WEATHER

NAME = "weather"
LATER = datetime.now(UTC) + timedelta(days=100)
LIMITS = Limits(ages=dict.fromkeys(SETTINGS, timedelta(days=30)), champions=2, decisions=1)

NOTHING_DECLARED = Catalog()


@dataclass(frozen=True)
class Place:
    """Records, MLflow and a store, in which each root leads to rows of its own."""

    settings: Settings

    @property
    def records(self) -> Records:
        return records_of(self.settings)

    def rows(self, number: int) -> str:
        """Store a snapshot that nothing leads to; return its digest."""
        table = pa.table({"id": [number]})
        store = snapshots.of(self.settings)
        return store.write(NAME, table.to_batches(), table.schema, {}).sha256

    def going(
        self, limits: Limits = LIMITS, kind: str = SNAPSHOTS, catalog: Catalog = NOTHING_DECLARED
    ) -> int:
        """Return how many snapshots (or other things) would go."""
        found = retention.prune(
            NAME, limits, as_of=LATER, apply=False, actor="ada", catalog=catalog,
            records=self.records, settings=self.settings,
        )  # fmt: skip
        return sum(one.things for one in found if one.kind == kind)

    def execute(self, sql: str) -> None:
        query(self.settings.database_url, sql)

    def decide(self, kind: str, digest: str, key: str) -> None:
        self.records.decisions.record(
            Decision(
                id=decision_id(NAME, kind, key), use_case=NAME, kind=kind, outcome="refused",
                sentence="No.", evidence={"snapshot": {"sha256": digest}}, as_of=None, run_key=key,
                actor="schedule",
            )
        )  # fmt: skip


@pytest.fixture
def place(settings: Settings) -> Place:
    return Place(settings)


def champion(place: Place, digest: str) -> Callable[[], None]:
    make_champion(place.settings, NAME, 1, snapshot=digest)
    return lambda: place.execute("DELETE FROM evergreen.promotions")


def champion_before(place: Place, digest: str) -> Callable[[], None]:
    make_champion(place.settings, NAME, 1, snapshot=digest)
    make_champion(place.settings, NAME, 2)
    return lambda: [make_champion(place.settings, NAME, n) for n in (3, 4)] and None


def rolled_back_to(place: Place, digest: str) -> Callable[[], None]:
    """After going back from 4 to 2, a rollback leads to 1: none of the two newest champions."""
    make_champion(place.settings, NAME, 1, snapshot=digest)
    for version in (2, 3, 4):
        make_champion(place.settings, NAME, version)
    make_champion(place.settings, NAME, 2, kind="rollback")
    return lambda: [make_champion(place.settings, NAME, n) for n in (5, 6)] and None


def pin(place: Place, digest: str) -> Callable[[], None]:
    champion_before(place, digest)()
    place.records.pins.put(Pin(use_case=NAME, version=1, reason="safe", actor="ada"))
    return lambda: place.records.pins.lift(NAME, "ada") and None


def trial(place: Place, digest: str) -> Callable[[], None]:
    champion_before(place, digest)()
    running = place.records.trials.start(
        NAME, "shadow", 1.0, {"version": 1}, reason="try", actor="ada"
    )
    return lambda: place.records.trials.stop(running.id, "over") and None


def approval(place: Place, digest: str) -> Callable[[], None]:
    champion_before(place, digest)()
    asked = place.records.approvals.ask(
        Approval(
            use_case=NAME, version=1, decision_id=str(uuid4()), sentence="Better.", report="",
            asked_at=LATER, expires_at=LATER + timedelta(days=7),
        )
    )  # fmt: skip
    return lambda: place.records.approvals.answer(asked.id, "expired", by="x", reason="x") and None


def newest_decision(place: Place, digest: str) -> Callable[[], None]:
    place.decide("validation", digest, "first")
    return lambda: place.decide("validation", "7" * 64, "second")


def training_under_way(place: Place, digest: str) -> Callable[[], None]:
    known = tracking.experiment(place.settings, NAME)
    run = known.client.create_run(known.id, tags={erasing.SNAPSHOT: digest})
    return lambda: known.client.set_terminated(run.info.run_id, "FINISHED")


ROOTS = [
    champion, champion_before, rolled_back_to, pin, trial, approval, newest_decision,
    training_under_way,
]  # fmt: skip


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.__name__)
def test_what_a_root_leads_to_stays_until_the_root_is_gone(
    place: Place, root: Callable[[Place, str], Callable[[], None]]
) -> None:
    place.rows(1)
    remove = root(place, place.rows(2))
    before = place.going()

    remove()

    assert (before, place.going()) == (1, 2)


def test_a_forced_decision_leads_to_the_evidence_that_it_rests_on_too() -> None:
    found = Reached()

    evaluation = {"report_id": "7d2f-forced-3", "uri": f"{NAME}/7d2f/evidence.json"}
    found.evidence("the champion", {"evaluation": evaluation})

    assert found.why(REPORTS, "7d2f-forced-3") == "the champion"
    assert found.why(REPORTS, "7d2f") == "the champion"


def test_more_champions_are_kept_as_set(place: Place) -> None:
    for version in (1, 2, 3):
        make_champion(place.settings, NAME, version, snapshot=place.rows(version))

    assert place.going() == 1
    assert place.going(replace(LIMITS, champions=3)) == 0


def test_a_training_that_is_kept_keeps_its_answers(place: Place) -> None:
    kept = {"name": "logistic", "run_id": "r", "cv": {}, "metrics": {}, "seconds": 1.0}
    document = kept | {"answers_sha256": place.rows(1)}
    place.records.trainings.finish(NAME, "a" * 64, document)
    before = place.going()

    place.execute("DELETE FROM evergreen.trainings")

    assert (before, place.going()) == (0, 1)


def answered(place: Place, run_id: str, time: datetime) -> None:
    number = str(uuid4())
    row = {
        "id": number, "request_id": number, "time": time.isoformat(), "use_case": NAME,
        "version": 1, "run_id": run_id, "sha256": "0" * 64, "snapshot_sha256": "5" * 64,
        "code": "abc", "engine": "onnx", "variant": "champion", "inputs": {}, "output": 1,
        "latency_ms": 1.0,
    }  # fmt: skip
    place.records.predictions.insert([json.dumps(row).encode()])


def test_a_kept_prediction_leads_to_its_run(place: Place) -> None:
    old = Old(use_case=NAME, before=datetime(2026, 1, 1, tzinfo=UTC))
    answered(place, "old", datetime(2025, 6, 1, tzinfo=UTC))
    answered(place, "new", datetime(2026, 6, 1, tzinfo=UTC))

    assert place.records.prunings.answering(old) == {"new"}


def test_what_the_live_metric_still_needs_stays_however_short_the_age(place: Place) -> None:
    answered(place, "r", LATER - timedelta(days=40))
    monitoring = replace(WEATHER.monitoring, labels_window=timedelta(days=60))
    watched = Catalog({NAME: replace(WEATHER, monitoring=monitoring)})

    assert place.going(kind=PREDICTIONS) == 1
    assert place.going(kind=PREDICTIONS, catalog=watched) == 0


def test_predictions_stay_while_nobody_can_read_how_far_back_is_looked(place: Place) -> None:
    answered(place, "r", LATER - timedelta(days=40))

    assert place.going(kind=PREDICTIONS) == 1
    assert place.going(kind=PREDICTIONS, catalog=Catalog(broken={NAME: "SyntaxError"})) == 0

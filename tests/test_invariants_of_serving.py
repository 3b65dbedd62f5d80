"""The invariants of what was served, on champions that really passed their gate."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from database import records_of
from evergreen.data import warehouse
from evergreen.invariants import predictions
from evergreen.invariants.inspection import Found, Scene
from evergreen.invariants.predictions import accepted_are_logged_or_counted
from evergreen.records import Months, Old, Pruning
from serving.conftest import Client, Shop, shop
from serving.test_app import ROW
from test_invariants import NAME, World, built_world, model_file, world

__all__ = ["built_world", "shop", "world"]


def served(world: World, **changes: object) -> str:
    """Put a prediction of the champion on record, as the service does; return its id."""
    champion = world.ledger.promotions.champion(NAME).to_json()
    kept = ("use_case", "version", "run_id", "sha256", "snapshot_sha256")
    number = str(uuid4())
    row = {name: champion[name] for name in kept} | {
        "id": number, "request_id": number, "time": "2026-11-21T10:00Z", "code": "abc",
        "engine": "onnx", "variant": "champion", "inputs": ROW, "output": "setosa",
        "latency_ms": 1.0,
    }  # fmt: skip
    records_of(world.settings).predictions.insert([json.dumps(row | changes).encode()])
    return number


def test_3_and_4_hold_for_what_the_champion_answered(world: World) -> None:
    served(world)

    found = [world.finding(number) for number in (3, 4)]

    assert [finding.status for finding in found] == ["passed", "passed"], found
    assert found[0].detail == "1 predictions"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 9}, "version 9 (champion) lead to no promotion or trial"),
        ({"snapshot_sha256": "0"}, "version 2 (champion) lead to no promotion or trial"),
        ({"variant": "shadow", "version": 9}, "version 9 (shadow) lead to no promotion or trial"),
        ({"code": "unknown"}, "version 2 lead to no commit of the service"),
        ({"run_id": "gone"}, "the MLflow run gone, which cannot be read"),
    ],
)
def test_3_names_predictions_that_lead_nowhere(
    world: World, change: dict[str, object], told: str
) -> None:
    served(world, **change)

    finding = world.finding(3)

    assert finding.status == "failed"
    assert told in finding.detail


def test_3_names_a_run_without_a_commit(world: World) -> None:
    experiment = world.client.get_run(world.trained[1].run_id).info.experiment_id
    run_id = world.client.create_run(experiment).info.run_id
    served(world, run_id=run_id)

    finding = world.finding(3)

    world.client.delete_run(run_id)
    assert finding.status == "failed", finding
    assert f"the MLflow run {run_id}, which names no commit" in finding.detail


def test_4_names_an_answer_that_no_gate_judged(world: World) -> None:
    served(world, sha256="0" * 64)

    assert world.finding(4).detail == f"{NAME}: version 2 has answered, but no gate judged it"


def test_4_names_a_copy_of_the_service_that_was_changed(world: World) -> None:
    copy = world.settings.home / "models" / world.trained[1].sha256 / "model.skops"
    copy.parent.mkdir(parents=True)
    shutil.copy(model_file(world, world.trained[1]), copy)
    sound = world.finding(4)
    copy.write_bytes(b"spoilt")

    finding = world.finding(4)

    shutil.rmtree(copy.parent)
    assert sound.status == "passed"
    assert finding.detail == f"{copy} is not what its folder's name says"


def accounted(shop: Shop, port: int | None) -> Found:
    here = replace(shop.settings, serve_port=port or 1)
    return accepted_are_logged_or_counted(
        Scene(records_of(here), here, shop.catalog, datetime.now(UTC))
    )


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    """The service, after five answers."""
    shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open() as client:
        for _ in range(5):
            assert client.post("/iris/predict", json={"row": ROW}).status_code == 200
        yield client


def test_11_holds_when_answers_are_pruned_while_the_service_runs(
    shop: Shop, client: Client
) -> None:
    client.service.journal.flush()
    kept, now = records_of(shop.settings).prunings, datetime.now(UTC)
    begun = kept.record(
        Pruning(
            use_case="iris", kind="predictions", things=0, bytes=0, oldest=None, why="old",
            as_of=now, actor="ada",
        )
    )  # fmt: skip
    while kept.predictions(Old(use_case="iris", before=now), begun):
        pass
    client.post("/iris/predict", json={"row": ROW})
    client.service.journal.flush()

    found = accounted(shop, client.base_url.port)

    assert found.failed == []
    assert found.checked.startswith("6 logged, 0 dropped, 0 waiting; 5 of the logged were pruned")


def test_11_holds_while_the_service_runs(shop: Shop, client: Client) -> None:
    client.service.journal.flush()

    found = accounted(shop, client.base_url.port)

    assert found.failed == []
    assert found.checked == "5 logged, 0 dropped, 0 waiting"


def test_11_counts_what_waits_when_no_service_runs(shop: Shop) -> None:
    left = shop.settings.home / "spool" / "dead" / "1.jsonl"
    left.parent.mkdir(parents=True)
    left.write_text("{}\n{}\n")

    found = accounted(shop, None)

    assert found.failed == []
    told = f"0 logged, 0 dropped, 2 waiting; no service runs in {shop.settings.home}"
    assert found.checked == told


def test_11_names_lines_that_were_lost_from_the_disk(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "LOOKS", 2)
    client.service.journal.flush()
    client.service.journal.counts.accepted += 3

    found = accounted(shop, client.base_url.port)

    assert found.failed == ["the service says that 3 wait, its disk holds 0"]


def test_11_names_rows_that_were_lost_from_the_database(shop: Shop, client: Client) -> None:
    client.service.journal.flush()
    with warehouse.connect(shop.settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute("DELETE FROM evergreen.predictions")

    found = accounted(shop, client.base_url.port)

    assert found.failed == ["the service has logged 5, 0 are on record"]


def test_11_names_a_month_whose_rows_are_not_those_that_were_counted(shop: Shop) -> None:
    with warehouse.connect(shop.settings.database_url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evergreen.prediction_counts"
            " VALUES ('2026-11-01', 'n', 1, 'r', 's', '5', 'c', 'champion', 0, 7)"
        )

    found = accounted(shop, None)

    assert found.failed == ["0 predictions of 2026-11 are on record, and 7 are counted"]


def test_11_names_predictions_that_lie_in_no_month(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Months, "take_in", lambda _: None)
    served(world, time="2031-01-01T00:00Z")

    assert "1 predictions lie in no month" in world.finding(11).detail


def test_11_names_a_shadow_whose_answer_is_not_on_record(world: World) -> None:
    served(world, variant="shadow", request_id=str(uuid4()))

    assert "1 answers with a shadow are not on record, 0 counted" in world.finding(11).detail


def test_11_names_refused_lines_that_were_not_counted(shop: Shop) -> None:
    refused = shop.settings.home / "spool" / "dead" / "refused.jsonl"
    refused.parent.mkdir(parents=True)
    refused.write_text("{}\n")

    found = accounted(shop, None)

    assert found.failed == ["1 were refused by PostgreSQL, 0 counted as dropped"]


def test_11_names_logged_rows_of_batches_that_no_run_told_of(world: World) -> None:
    served(world, variant="batch")

    [told] = [world.finding(11).detail]

    assert "1 rows scored in batch are logged, their runs told of 0" in told
    assert world.finding(3).status == "passed"


def test_3_names_batches_of_who_was_never_champion(world: World) -> None:
    served(world, variant="batch", version=9)

    assert "version 9 (batch) lead to no promotion or trial" in world.finding(3).detail

"""Old predictions go in batches, with their labels and shadows, and are counted."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from database import query
from evergreen.records import Old, Pruning, Records, Told, prunings

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OLD = Old(use_case="weather", before=NOW - timedelta(days=90))


def answered(records: Records, days: float, **changes: object) -> str:
    number = str(uuid4())
    row = {
        "id": number, "request_id": number, "time": (NOW - timedelta(days=days)).isoformat(),
        "use_case": "weather", "version": 1, "run_id": "r", "sha256": "0" * 64,
        "snapshot_sha256": "5" * 64, "code": "abc", "engine": "onnx", "variant": "champion",
        "inputs": {}, "output": 1, "latency_ms": 1.0,
    }  # fmt: skip
    records.predictions.insert([json.dumps(row | changes).encode()])
    return number


def prune(records: Records, old: Old = OLD) -> Pruning:
    begun = records.prunings.record(
        Pruning(use_case="weather", kind="predictions", things=0, bytes=0, oldest=None,
                why="old", as_of=NOW, actor="ada")
    )  # fmt: skip
    while records.prunings.predictions(old, begun):
        pass
    return records.prunings.get(begun.id)


def left(url: str) -> int:
    return int(query(url, "SELECT count(*) FROM evergreen.predictions")[0][0])


def test_what_is_old_goes_with_its_label_and_its_shadow(
    records: Records, database_url: str
) -> None:
    old = answered(records, 91)
    answered(records, 91, request_id=old, variant="shadow")
    answered(records, 89)
    records.labels.give("weather", old, 1)

    gone = prune(records)

    assert (gone.things, gone.oldest, left(database_url)) == (2, NOW - timedelta(days=91), 1)
    assert gone.bytes > 100
    assert query(database_url, "SELECT count(*) FROM evergreen.labels") == [(0,)]
    tally = records.predictions.tally()
    assert (tally.logged, tally.orphans, tally.dropped, tally.pruned) == (1, 0, 0, 2)


def test_rows_that_were_scored_in_batch_are_counted_apart(records: Records) -> None:
    answered(records, 91)
    answered(records, 91, variant="batch")
    answered(records, 1, variant="batch")

    gone, tally = prune(records), records.predictions.tally()

    assert (gone.things, gone.of_batch) == (2, 1)
    assert (tally.pruned, tally.pruned_of_batch, tally.of_batch) == (1, 1, 1)


def test_batches_go_one_by_one_and_all_are_counted(
    records: Records, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prunings, "BATCH", 2)
    for days in (91, 92, 93, 94, 95):
        answered(records, days)

    assert prune(records).things == 5
    assert left(database_url) == 0


def test_another_use_case_and_a_trial_that_runs_keep_theirs(
    records: Records, database_url: str
) -> None:
    answered(records, 91, use_case="iris")
    answered(records, 91, release_id=7)
    answered(records, 91, release_id=8)

    gone = prune(records, Old(use_case="weather", before=OLD.before, trials=(7,)))

    stayed = query(database_url, "SELECT release_id FROM evergreen.predictions ORDER BY 1")
    assert (gone.things, stayed) == (1, [(7,), (None,)])


def test_measuring_counts_what_pruning_deletes(records: Records, database_url: str) -> None:
    answered(records, 91)
    answered(records, 95)
    answered(records, 1)

    things, size, oldest = records.prunings.measure(OLD)

    gone = prune(records)
    assert (things, size, oldest) == (gone.things, gone.bytes, gone.oldest)


def test_a_label_that_comes_too_late_is_of_no_known_prediction(records: Records) -> None:
    number = answered(records, 91)
    prune(records)

    assert records.labels.give("weather", number, 1) is Told.UNKNOWN


def test_what_was_pruned_is_told_newest_first(records: Records) -> None:
    first, second = prune(records), prune(records)

    assert [one.id for one in records.prunings.newest("weather")] == [second.id, first.id]
    assert records.prunings.newest("iris") == ()

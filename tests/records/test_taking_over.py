"""Predictions and labels of before there were months are taken over, to the last row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from database import query
from evergreen.records import Given, Old, Records, Told
from evergreen.records.migrations import upgrade
from records.test_months import drop, line, log
from records.test_prunings import prune
from records.test_tallies import COUNTED, TRUTH

BEFORE = "025_no_fits"
OLDEST = datetime(2025, 3, 1, tzinfo=UTC)
ROWS = """
INSERT INTO evergreen.predictions (id, request_id, time, use_case, version, run_id, sha256,
    snapshot_sha256, code, engine, variant, release_id, inputs, output, latency_ms, key)
SELECT id, CASE variant WHEN 'shadow' THEN before ELSE id END, time, 'weather', 1, 'r', 's', '5',
    'abc', 'onnx', variant, nullif(n % 7, 0), '{}', to_jsonb(n), 1.0, jsonb_build_object('n', n)
FROM (
    SELECT n, lpad(to_hex(n), 32, '0')::uuid AS id, lpad(to_hex(n - 1), 32, '0')::uuid AS before,
        '2025-03-01'::timestamptz + n * interval '5 hours' AS time,
        (ARRAY['champion', 'shadow', 'batch'])[1 + n % 3] AS variant
    FROM generate_series(0, 999) AS n
) AS made
"""
LABELS = """
INSERT INTO evergreen.labels SELECT id, use_case, output, time FROM evergreen.predictions
WHERE variant <> 'shadow'
"""
PREDICTIONS = "SELECT p::text FROM evergreen.predictions AS p ORDER BY id"
LABELLED = "SELECT prediction_id, use_case, label, time FROM evergreen.labels ORDER BY 1"
INVALID = """
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'evergreen' AND NOT indisvalid
"""


@pytest.fixture
def lived(blank_url: str) -> Iterator[str]:
    """A database of before, with predictions of seven months."""
    upgrade.to_head(blank_url, BEFORE)
    query(blank_url, ROWS)
    query(blank_url, LABELS)
    yield blank_url


@pytest.fixture
def taken_over(lived: str) -> Iterator[Records]:
    with Records(lived, kept=0) as records:
        records.migrate()
        yield records


def test_no_row_is_lost_or_changed(lived: str) -> None:
    rows, labels = query(lived, PREDICTIONS), query(lived, LABELLED)

    upgrade.to_head(lived)

    assert (len(rows), len(labels)) == (1000, 667)
    assert query(lived, PREDICTIONS) == rows
    assert query(lived, LABELLED) == labels
    assert query(lived, COUNTED) == query(lived, TRUTH)
    assert query(lived, INVALID) == []


def test_what_is_there_already_is_known_again(taken_over: Records) -> None:
    one = line(OLDEST, id=f"{0:032x}")

    assert log(taken_over, one) == 0
    assert taken_over.labels.give("weather", one["id"], 0) is Told.SAME
    given = [Given(key='{"n": 2}', label=2), Given(key='{"n": 3}', label=9)]
    found = taken_over.labels.give_many("weather", given, OLDEST + timedelta(days=400))
    assert (found.same, found.conflicts, found.unknown) == (1, 1, 0)


def test_every_invariant_of_counts_holds(taken_over: Records) -> None:
    tally = taken_over.predictions.tally()

    assert (tally.logged, tally.of_batch) == (667, 333)
    assert (tally.orphans, tally.outside, tally.miscounted) == (0, 0, ())


def test_it_goes_in_batches_and_as_a_whole_when_all_of_it_is_old(
    taken_over: Records, lived: str
) -> None:
    young = Old(use_case="weather", before=OLDEST + timedelta(days=31))
    ages = Old(use_case="weather", before=datetime(2031, 1, 1, tzinfo=UTC))

    assert drop(taken_over, young) == []
    assert prune(taken_over, young).things == 149
    gone = drop(taken_over, ages)

    assert sum(one.things for one in gone) == 851
    assert query(lived, PREDICTIONS) == query(lived, LABELLED) == []
    assert taken_over.predictions.tally().pruned + taken_over.predictions.tally().pruned_of_batch

"""Predictions and labels lie in months: made when they lack, and let go of as a whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from database import query
from evergreen.records import Month, Months, Old, Pruning, Records, Scored, Share, Told
from evergreen.records.errors import NotAllowed
from records.test_prunings import left, prune

JUNE = datetime(2025, 6, 1, tzinfo=UTC)
JULY = datetime(2025, 7, 1, tzinfo=UTC)
OLD = Old(use_case="weather", before=JULY + timedelta(days=9))
MOMENT = timedelta(seconds=1)


def line(time: datetime, **changes: object) -> dict[str, Any]:
    number = str(uuid4())
    return {
        "id": number, "request_id": number, "time": time.isoformat(), "use_case": "weather",
        "version": 1, "run_id": "r", "sha256": "0" * 64, "snapshot_sha256": "5" * 64,
        "code": "abc", "engine": "onnx", "variant": "champion", "inputs": {}, "output": 1,
        "latency_ms": 1.0,
    } | changes  # fmt: skip


def log(records: Records, *lines: dict[str, Any]) -> int:
    return records.predictions.insert([json.dumps(one).encode() for one in lines])


def answered(records: Records, time: datetime, **changes: object) -> str:
    one = line(time, **changes)
    log(records, one)
    return str(one["id"])


def told(month: Month, share: Share) -> Pruning:
    return Pruning(
        use_case=share.use_case, kind="predictions", things=share.things, bytes=share.bytes,
        oldest=share.oldest, why=f"the month {month.name}", as_of=JULY, actor="ada",
        of_batch=share.of_batch,
    )  # fmt: skip


def drop(records: Records, *olds: Old) -> list[Pruning]:
    found = records.months.old(olds)
    return [one for month, _ in found for one in records.months.drop(month, olds, told)]


def places(url: str, table: str = "predictions") -> list[str]:
    rows = query(url, f"SELECT tableoid::regclass::text FROM evergreen.{table} ORDER BY 1")
    return [str(name).removeprefix("evergreen.") for (name,) in rows]


@contextmanager
def reading(url: str, table: str) -> Iterator[None]:
    """Have a table in a long transaction, as a backup does."""
    with psycopg2.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(f"SELECT FROM evergreen.{table}")
        yield
    opened.close()


def test_an_answer_of_a_month_that_lacks_is_given_it(records: Records, database_url: str) -> None:
    number = answered(records, JULY - MOMENT)
    answered(records, JULY)

    assert records.labels.give("weather", number, 1) is Told.STORED
    assert places(database_url) == ["predictions_2025_06", "predictions_2025_07"]
    assert places(database_url, "labels") == ["labels_2025_06"]
    assert records.months.outside() == 0


def test_what_cannot_be_given_its_month_waits_outside_and_is_known_there(
    records: Records, database_url: str
) -> None:
    one = line(JUNE)
    with reading(database_url, "predictions_outside"):
        assert log(records, one) == 1
        assert places(database_url) == ["predictions_outside"]
        records.labels.give("weather", one["id"], 1)
        assert log(records, one) == 0

    assert records.months.make() == 1
    assert (places(database_url), log(records, one)) == (["predictions_2025_06"], 0)
    assert places(database_url, "labels") == ["labels_2025_06"]
    assert records.predictions.tally().logged == 1


def test_who_may_make_no_month_logs_all_the_same(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise NotAllowed("permission denied for schema evergreen")

    monkeypatch.setattr(Months, "make", refused)

    assert log(records, line(JUNE)) == 1
    assert records.months.outside() == 1


def test_the_months_to_come_are_made_once(records: Records, database_url: str) -> None:
    later = datetime(2031, 11, 30, tzinfo=UTC)

    assert (records.months.make(later), records.months.make(later)) == (4, 0)

    names = [name for (name,) in query(database_url, "SELECT name FROM evergreen.months")]
    assert {"2031_11", "2031_12", "2032_01", "2032_02"} <= set(names)


def test_no_more_months_are_made_than_twenty_years_have(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = len(query(records._pool._url, "SELECT name FROM evergreen.months"))
    monkeypatch.setattr("evergreen.records.months.MOST", there + 1)

    log(records, line(JUNE), line(JULY))

    assert records.months.outside() == 1


def test_a_month_of_which_all_is_old_goes_with_its_labels(
    records: Records, database_url: str
) -> None:
    number = answered(records, JUNE)
    answered(records, JULY - MOMENT, variant="batch")
    stays = answered(records, JULY)
    for one in (number, stays):
        records.labels.give("weather", one, 1)

    [gone] = drop(records, OLD)

    assert (gone.things, gone.of_batch, gone.oldest) == (2, 1, JUNE)
    assert gone.bytes > 1000
    assert places(database_url) == ["predictions_2025_07"]
    assert places(database_url, "labels") == ["labels_2025_07"]
    tally = records.predictions.tally()
    assert (tally.logged, tally.pruned, tally.pruned_of_batch) == (1, 1, 1)
    assert (tally.orphans, tally.miscounted) == (0, ())
    assert records.labels.give("weather", number, 1) is Told.UNKNOWN


def test_a_shadow_that_answered_in_the_next_month_goes_too(records: Records) -> None:
    number = answered(records, JULY - MOMENT)
    answered(records, JULY + MOMENT, request_id=number, variant="shadow")
    answered(records, JULY + MOMENT)

    [gone] = drop(records, OLD)

    tally = records.predictions.tally()
    assert (gone.things, tally.logged, tally.orphans, tally.pruned) == (2, 1, 0, 2)


@pytest.mark.parametrize(
    ("changes", "old"),
    [
        ({"use_case": "iris"}, OLD),
        ({"release_id": 7}, replace(OLD, trials=(7,))),
        ({}, replace(OLD, before=JULY - MOMENT)),
    ],
    ids=["of somebody else", "of a trial that runs", "not old yet"],
)
def test_a_month_stays_that_holds_what_is_not_old(
    records: Records, changes: dict[str, Any], old: Old
) -> None:
    answered(records, JUNE)
    answered(records, JULY - MOMENT, **changes)

    assert drop(records, old) == []

    assert records.predictions.tally().logged == 2


def test_what_came_meanwhile_keeps_its_month(records: Records) -> None:
    answered(records, JUNE)
    [(month, _)] = records.months.old([OLD])
    answered(records, JUNE, use_case="iris")

    assert records.months.drop(month, [OLD], told) == []

    assert records.predictions.tally().logged == 2


def test_a_month_that_another_pruning_has_let_go_of_is_passed_over(records: Records) -> None:
    answered(records, JULY - MOMENT)
    [(month, _)] = records.months.old([OLD])
    records.months.drop(month, [OLD], told)

    assert records.months.drop(month, [OLD], told) == []


def test_several_use_cases_share_what_goes(records: Records) -> None:
    for name in ("weather", "iris", "iris"):
        answered(records, JUNE, use_case=name)

    gone = drop(records, OLD, replace(OLD, use_case="iris"))

    assert {one.use_case: one.things for one in gone} == {"weather": 1, "iris": 2}


def test_a_month_that_is_being_read_goes_in_batches(records: Records, database_url: str) -> None:
    answered(records, JUNE)
    with reading(database_url, "predictions"):
        assert drop(records, OLD) == []

        gone = prune(records, OLD)

    assert (gone.things, left(database_url)) == (1, 0)


def test_what_is_scored_again_at_another_time_is_logged_once(records: Records) -> None:
    first = line(JUNE, variant="batch")
    scored = Scored(
        use_case="weather", version=1, run_id="r", sha256="0" * 64, snapshot_sha256="5" * 64,
        code="abc", interval_start=JUNE, interval_end=JULY, source="query", destination="a.csv",
        rows=1, refused=0, seconds=1.0, as_of=JUNE, asked_at=JUNE, run_key="1", actor="ada",
        watched=True,
    )  # fmt: skip
    again = replace(scored, asked_at=JULY, destination="b.csv")
    for month in (JUNE, JULY):
        records.months.make(month)

    records.scorings.keep(scored, [json.dumps(first).encode()])
    kept = records.scorings.keep(again, [json.dumps(first | {"time": f"{JULY}"}).encode()])

    tally = records.predictions.tally()
    assert (kept.logged, tally.of_batch, tally.told_of_batch) == (0, 1, 1)

"""Which rows the newest snapshot of a use case lacks."""

from datetime import UTC, datetime, timedelta

import pytest

from evergreen.quality.quarantine import BadRow
from evergreen.records import Records
from evergreen.records.subjects import Asked

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROWS = [BadRow(3, {"id": 7}, ("wind is null",)), BadRow(9, {"id": 8}, ("a", "b"))]


def test_the_rows_of_the_newest_snapshot_are_kept_once(records: Records) -> None:
    records.quarantine.put("weather", "old", NOW - timedelta(days=1), ROWS[:1])
    records.quarantine.put("iris", "other", NOW, ROWS[:1])
    records.quarantine.put("weather", "new", NOW, ROWS)
    records.quarantine.put("weather", "new", NOW, ROWS)

    found = records.quarantine.of("weather")

    assert [(row["snapshot_sha256"], row["place"], row["key"]) for row in found] == [
        ("new", 3, {"id": 7}),
        ("new", 9, {"id": 8}),
    ]
    assert found[1]["reasons"] == ["a", "b"]
    assert len(records.quarantine.of("weather", limit=1)) == 1


def test_a_backfill_does_not_take_the_place_of_newer_rows(records: Records) -> None:
    records.quarantine.put("weather", "new", NOW, ROWS)

    records.quarantine.put("weather", "old", NOW - timedelta(days=1), ROWS[:1])

    assert [row["snapshot_sha256"] for row in records.quarantine.of("weather")] == [
        "new", "new", "old"
    ]  # fmt: skip


def test_tells_which_of_some_keys_are_in_quarantine(records: Records) -> None:
    records.quarantine.put("weather", "new", NOW, ROWS)

    found = records.quarantine.among("weather", [{"id": 6}, {"id": 8}, {"id": 7.0}, {"id": "7"}])

    assert found == {1, 2}
    assert records.quarantine.among("iris", [{"id": 7}]) == frozenset()


def test_what_was_corrected_is_out_of_quarantine(records: Records) -> None:
    records.quarantine.put("weather", "old", NOW - timedelta(days=1), ROWS)

    records.quarantine.put("weather", "new", NOW, ())

    assert records.quarantine.of("weather") == []


@pytest.mark.parametrize("value", [17, 12345678, "C17", "ada@example.org"])
def test_a_subject_is_let_go_of_by_its_key_alone(records: Records, value: int | str) -> None:
    rows = [BadRow(n, {"customer": one}, ("odd",)) for n, one in enumerate((value, 18, "17 km"))]
    records.quarantine.put("churn", "s", NOW, rows)
    records.quarantine.put("other", "s", NOW, rows[:1])
    asked = Asked(key={"customer": [str(value)]}, personal={})

    told = records.subjects.quarantined("churn", asked, apply=False)
    gone = records.subjects.quarantined("churn", asked, apply=True)

    assert (told, gone) == (1, 1)
    assert [row["key"] for row in records.quarantine.of("churn")] == [
        {"customer": 18}, {"customer": "17 km"},
    ]  # fmt: skip
    assert len(records.quarantine.of("other")) == 1

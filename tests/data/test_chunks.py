"""Chunks look at the counts alone: the same rows lie in the same chunks, and there are few."""

from datetime import date

import pytest

from evergreen.data.chunks import SMALL, UNDATED, Part, calendar, hashed, width

EPOCH = date(1970, 1, 1)


def days(first: date, last: date, rows: int) -> list[Part]:
    count = (last - first).days + 1
    start = (first - EPOCH).days
    return [Part(start + n, rows, f"sum {n}") for n in range(count)]


def names(parts: list[Part]) -> list[str]:
    return [chunk.name for chunk in calendar(parts)]


def test_a_small_table_has_a_chunk_for_each_year() -> None:
    assert names(days(date(2023, 3, 1), date(2025, 2, 1), 1)) == ["2023", "2024", "2025"]


def test_a_larger_one_has_a_chunk_for_each_month() -> None:
    found = names(days(date(2024, 11, 1), date(2025, 2, 3), 300))

    assert found == ["2024", "2025"] or found == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert found == ["2024-11", "2024-12", "2025-01", "2025-02"]


def test_of_a_large_one_the_newest_two_months_are_cut_into_days() -> None:
    found = names(days(date(2024, 12, 1), date(2025, 3, 20), 1000))

    assert found[:3] == ["2024-12", "2025-01", "2025-02-01"]
    assert found[-1] == "2025-03-20"
    assert len(found) == 2 + 28 + 20


def test_one_more_day_changes_no_other_chunk() -> None:
    before = calendar(days(date(2024, 12, 1), date(2025, 3, 20), 1000))
    after = calendar(days(date(2024, 12, 1), date(2025, 3, 21), 1000))

    assert after[:-1] == before
    assert [chunk.key("x") for chunk in before] == [chunk.key("x") for chunk in after[:-1]]


def test_a_correction_changes_the_key_of_its_chunk_alone() -> None:
    parts = days(date(2024, 12, 1), date(2025, 3, 20), 1000)
    corrected = [Part(p.number, p.rows, "another") if n == 5 else p for n, p in enumerate(parts)]

    changed = [
        a.name
        for a, b in zip(calendar(parts), calendar(corrected), strict=True)
        if a.key() != b.key()
    ]

    assert changed == ["2024-12"]


def test_there_are_never_many() -> None:
    decade = calendar(days(date(2015, 1, 1), date(2024, 12, 31), 1_000_000))

    assert len(decade) == 10 * 12 - 2 + 30 + 31


def test_rows_without_a_time_come_last() -> None:
    assert names([Part(UNDATED, 7, ""), Part(19_000, 1, "")])[-1] == "undated"
    assert names([]) == []


def test_days_that_python_has_no_date_for_are_days_too() -> None:
    assert names([Part(-900_000, 1, ""), Part(4_000_000, 1, "")]) == ["-495", "12921"]


@pytest.mark.parametrize(
    "rows, chunks", [(7_000, 1), (SMALL + 1, 2), (40_000, 4), (1_000_000, 128), (10**8, 256)]
)
def test_keys_are_hashed_into_as_few_chunks_as_stay_small(rows: int, chunks: int) -> None:
    parts = [Part(n, rows // 256 + (n < rows % 256), "") for n in range(256)]

    found = hashed(parts)

    assert len(found) == chunks == 256 >> width(rows)
    assert sum(chunk.rows for chunk in found) == rows

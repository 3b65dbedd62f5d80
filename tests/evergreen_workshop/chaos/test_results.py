"""The table tells what was run and what was not; the figures are those of what struck."""

from dataclasses import replace
from pathlib import Path

import pytest

from evergreen_workshop.chaos import results
from evergreen_workshop.chaos.command import said
from evergreen_workshop.chaos.results import BEGIN, END, Result

AT_GATE, AT_FIT = "kill -9 / task / gate", "kill -9 / task / fit"
WELL = Result(
    cell=AT_GATE, seed=1, number=0, at="2026-11-26T15:00:00+00:00", complaints=(), recovery=12.0,
    limit=75.0, seconds=40.0,
)  # fmt: skip
HARM = replace(WELL, cell=AT_FIT, complaints=("a | b",), recovery=None)
LATE = replace(WELL, struck=False, recovery=None)


def rows(table: str) -> dict[str, str]:
    """The lines of the table, by the cell."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {" / ".join(cells[:3]): " | ".join(cells[3:]) for cells in lines}


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    assert results.read(file) == []

    for one in (WELL, HARM):
        results.add(file, one)

    assert results.read(file) == [WELL, HARM]


def test_a_cell_that_was_not_run_is_said_not_to_be() -> None:
    found = rows(results.table([WELL, HARM, LATE], "2 cores"))

    assert found[AT_GATE] == "1 of 1 well | 12 s of 75"
    assert found[AT_FIT] == r"0 of 1 well | – | a \| b"
    assert found["kill -9 / task / extract"] == "not run | –"
    assert found["kill -9 / Celery worker / gate"].startswith("not run | – | the stack runs tasks")


def test_a_fault_that_came_too_late_proves_nothing() -> None:
    assert rows(results.table([LATE], "2 cores"))[AT_GATE] == "not run | –"


def test_the_figures_count_what_struck() -> None:
    slow = replace(WELL, recovery=30.0)

    told = results.summary([WELL, slow, slow, HARM, LATE])

    assert told == (
        "4 faults, 1 of them did harm; recovery 30 s in the middle, 30 s at most;"
        " 1 came too late to strike."
    )


def test_nothing_is_proven_where_nothing_struck() -> None:
    assert results.well([WELL, LATE])
    assert not results.well([LATE, LATE])
    assert not results.well([WELL, HARM])


def test_what_was_wrong_beside_a_fault_that_came_too_late_is_told() -> None:
    unwell = replace(LATE, complaints=("the run did not end",))

    assert not results.well([WELL, unwell])
    assert said(unwell) == f"{AT_GATE}: came too late; the run did not end"
    assert results.summary([WELL, LATE, unwell]).endswith(
        "; 2 came too late to strike, and beside 1 of them something was wrong."
    )


def test_only_the_table_of_a_page_is_renewed() -> None:
    page = f"# Head\n\n{BEGIN}\nold\n{END}\n\nTail\n"

    renewed = results.page(page, [WELL], "2 cores")

    assert renewed.startswith(f"# Head\n\n{BEGIN}\n1 faults, 0 of them did harm")
    assert renewed.endswith(f"{END}\n\nTail\n")
    assert "\nold\n" not in renewed
    with pytest.raises(ValueError, match="the page has no"):
        results.page("# Head\n", [WELL], "2 cores")

"""The matrix has every cell that was asked for; a seed draws the same ones again."""

import pytest

from evergreen.errors import DeclarationError, StackError
from evergreen_workshop.chaos.cells import (
    SMOKE,
    TRAINING,
    Cell,
    Fault,
    Moment,
    Need,
    Victim,
    choose,
    draw,
    grouped,
    matrix,
)

KILLED_AT_GATE = Cell(Fault.KILL, Victim.CHILD, Moment.GATE)


def test_each_process_is_killed_at_each_moment_of_a_training() -> None:
    killed = {(cell.victim, cell.moment) for cell in matrix() if cell.fault is Fault.KILL}
    processes = [*Victim][: [*Victim].index(Victim.WORKER) + 1]

    assert {(victim, moment) for victim in processes for moment in TRAINING} <= killed


def test_no_cell_is_there_twice() -> None:
    assert len(set(matrix())) == len(matrix())


@pytest.mark.parametrize(
    ("need", "names"), [(Need.WORKER, "Celery worker"), (Need.CLOCK, "clock ahead,clock back")]
)
def test_what_a_stack_lacks_the_means_for_says_why_and_is_chosen_only_where_they_are(
    need: Need, names: str
) -> None:
    needy = {cell for cell in matrix() if any(name in str(cell) for name in names.split(","))}

    assert {cell.why_not(set()) for cell in needy} == {str(need)}
    assert {cell.why_not({need}) for cell in needy} == {""}
    assert not needy & set(choose(()))
    assert set(choose((), {need})) == {*choose(()), *needy}
    with pytest.raises(StackError, match=f"cannot be run here: {need}"):
        choose(names.split(","))


def test_the_clock_of_a_task_leaps_both_ways_at_each_moment() -> None:
    moved = [cell for cell in matrix() if cell.need is Need.CLOCK]

    assert len(moved) == 2 * len({*TRAINING, Moment.WATCH, Moment.DECIDE})
    assert {cell.victim for cell in moved} == {Victim.CHILD}


def test_cells_are_chosen_by_parts_of_their_names() -> None:
    found = choose(["kill -9 / serve / gate", "two operators / run / fit"])

    assert [str(cell) for cell in found] == ["kill -9 / serve / gate", "two operators / run / fit"]


def test_a_star_stands_for_anything() -> None:
    found = choose(["kill -9 / * / gate"])

    assert {cell.moment for cell in found} == {Moment.GATE}
    assert len({cell.victim for cell in found}) == 9


def test_a_name_that_no_cell_has_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(DeclarationError, match=r"--only.*'earthquake'.*--list"):
        choose(["earthquake"])


def test_the_same_seed_draws_the_same_cells_and_each_once_before_one_comes_again() -> None:
    cells = choose(["kill -9 / task"])

    drawn = draw(cells, 7, 2 * len(cells))

    assert drawn == draw(cells, 7, 2 * len(cells))
    assert drawn != draw(cells, 8, 2 * len(cells))
    assert sorted(drawn[: len(cells)]) == sorted(drawn[len(cells) :]) == sorted(cells)


def test_a_group_strikes_no_victim_and_no_task_twice() -> None:
    same_task = Cell(Fault.KILL, Victim.MLFLOW, Moment.GATE)
    same_victim = Cell(Fault.KILL, Victim.CHILD, Moment.EXTRACT)
    other = Cell(Fault.KILL, Victim.POSTGRES, Moment.EXTRACT)

    groups = grouped([KILLED_AT_GATE, same_task, same_victim, other], together=3)

    assert groups == [[KILLED_AT_GATE, other], [same_task, same_victim]]
    assert grouped([KILLED_AT_GATE, other], together=1) == [[KILLED_AT_GATE], [other]]


def test_what_strikes_no_training_stays_alone() -> None:
    alone = Cell(Fault.KILL, Victim.SERVICE, Moment.SERVE)

    assert grouped([KILLED_AT_GATE, alone], together=9) == [[KILLED_AT_GATE], [alone]]


def test_what_is_damaged_is_damaged_together_and_with_nothing_else() -> None:
    damaged = choose(["damage"])

    assert grouped([KILLED_AT_GATE, *damaged], together=9) == [[KILLED_AT_GATE], damaged]


def test_the_smoke_is_ten_cells_of_the_matrix() -> None:
    assert len(SMOKE) == 10
    assert set(SMOKE) <= set(choose(()))

"""Many trainings on few slots and cores: hand-made jobs, whose ends one can reckon on paper."""

import pytest

from evergreen.errors import DeclarationError
from evergreen.planning.rush import Job, Outcome, Task, busy, simulate


def chain(name: str, *seconds: float, due: float = 0.0, cores: float = 1.0) -> Job:
    tasks = tuple(
        Task(seconds=each, cores=cores, peak_bytes=100, after=(n - 1,) if n else ())
        for n, each in enumerate(seconds)
    )
    return Job(name=name, due=due, tasks=tasks)


def done(outcome: Outcome) -> dict[str, float]:
    return {one.name: round(one.done, 6) for one in outcome.jobs}


def test_one_slot_takes_the_sum_and_ends_what_has_begun_first() -> None:
    outcome = simulate([chain("a", 1, 2), chain("b", 1, 2)], slots=1, cores=4)

    assert done(outcome) == {"a": 3, "b": 6}
    assert (outcome.at_once, outcome.peak_bytes) == (1, 100)


def test_as_many_run_at_once_as_there_are_slots() -> None:
    outcome = simulate([chain(name, 4) for name in "abc"], slots=2, cores=8)

    assert done(outcome) == {"a": 4, "b": 4, "c": 8}
    assert (outcome.at_once, outcome.peak_bytes) == (2, 200)


def test_more_slots_than_cores_save_nothing() -> None:
    jobs = [chain(name, 4) for name in "abcd"]

    few, many = (simulate(jobs, slots=slots, cores=2) for slots in (2, 4))

    assert max(done(few).values()) == max(done(many).values()) == 8
    assert many.peak_bytes == 2 * few.peak_bytes


def test_what_waits_for_others_keeps_no_core_busy() -> None:
    outcome = simulate([chain(name, 4, cores=0.25) for name in "abcd"], slots=4, cores=1)

    assert set(done(outcome).values()) == {4}


def test_a_fraction_of_a_core_is_what_others_leave() -> None:
    assert done(simulate([chain("a", 3)], slots=1, cores=0.5)) == {"a": 6}


def test_a_job_that_is_due_later_begins_later_and_its_turn_comes_by_the_given_order() -> None:
    late_but_first = chain("stale", 1, due=1)

    outcome = simulate([late_but_first, chain("a", 3), chain("b", 3)], slots=1, cores=1)

    assert done(outcome) == {"stale": 4, "a": 3, "b": 7}
    assert {one.name: one.begun for one in outcome.jobs} == {"stale": 3, "a": 0, "b": 4}


def test_side_by_side_recipes_are_waited_for_together() -> None:
    tasks = (
        Task(seconds=1),
        Task(seconds=2, after=(0,)),
        Task(seconds=5, after=(0,)),
        Task(seconds=1, after=(1, 2)),
    )

    assert done(simulate([Job(name="a", tasks=tasks)], slots=2, cores=2)) == {"a": 7}


def test_nothing_at_all_and_jobs_without_work_end_as_they_are_due() -> None:
    outcome = simulate([Job(name="a", due=5, tasks=()), chain("b", 0, 0)], slots=1, cores=1)

    assert done(outcome) == {"a": 5, "b": 0}
    assert simulate([], slots=1, cores=1).jobs == ()


@pytest.mark.parametrize(("slots", "cores"), [(0, 1.0), (1, 0.0)])
def test_no_room_is_refused(slots: int, cores: float) -> None:
    with pytest.raises(DeclarationError, match=r"is 0(\.0)?; allowed"):
        simulate([chain("a", 1)], slots=slots, cores=cores)


def test_time_in_which_nothing_is_under_way_does_not_count() -> None:
    assert busy([(0, 10), (5, 12), (100, 101), (100, 101)]) == 13
    assert busy([]) == 0


def test_fifty_of_two_hundred_are_reckoned_in_no_time() -> None:
    jobs = [chain(f"job {n}", 1, 2, 1, due=60.0 * (n % 24)) for n in range(2_000)]

    outcome = simulate(jobs, slots=3, cores=2)

    assert max(done(outcome).values()) == pytest.approx(2_000 * 4 / 2, rel=0.01)

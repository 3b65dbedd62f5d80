"""How many tasks of trainings run at once.

>>> of_trainings(0, 4), of_trainings(0, 32), of_trainings(0, 1), of_trainings(7, 32)
(3, 24, 1, 7)
"""


def of_trainings(asked: int, parallelism: int) -> int:
    """Return the slots of the pool of trainings: those that are asked for, else three quarters.

    Args:
        asked: `EVERGREEN_TRAINING_SLOTS`; 0: nobody has asked.
        parallelism: so many tasks of all kinds Airflow runs at once; 0 or less: it has no limit.
    """
    if asked:
        return asked
    return max(1, parallelism - max(1, parallelism // 4)) if parallelism > 0 else UNBOUNDED


UNBOUNDED = 24
"""Slots where Airflow says of itself that it has no limit: three quarters of its default."""

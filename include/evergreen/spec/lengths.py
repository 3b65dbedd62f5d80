"""Lengths of time and shares, as people write them: Python's own words are `14 days, 0:00:00`."""

from datetime import timedelta

UNITS = (
    ("day", "d", timedelta(days=1)),
    ("hour", "h", timedelta(hours=1)),
    ("minute", "m", timedelta(minutes=1)),
    ("second", "s", timedelta(seconds=1)),
)


def spelled(length: timedelta) -> str:
    """Say a length in full, to the second.

    >>> spelled(timedelta(days=45)), spelled(timedelta(hours=36)), spelled(timedelta(0))
    ('45 days', '1 day 12 hours', '0 days')
    """
    told, rest = [], abs(length)
    for word, _, unit in UNITS:
        count, rest = divmod(rest, unit)
        if count:
            told.append(f"{count:,} {word}{'' if count == 1 else 's'}")
    return ("-" if length < timedelta(0) else "") + (" ".join(told) or "0 days")


def short(length: timedelta) -> str:
    """Say a length in the largest unit that it is a whole number of.

    >>> short(timedelta(days=14)), short(timedelta(hours=36)), short(timedelta(minutes=90))
    ('14d', '36h', '90m')
    """
    letter, unit = next(
        ((letter, unit) for _, letter, unit in UNITS if not length % unit), ("s", UNITS[-1][2])
    )
    return f"{length // unit}{letter}"


def percent(share: float) -> str:
    """Say a share that was declared, with all of its digits.

    >>> percent(0.05), percent(0.125), percent(0.995)
    ('5%', '12.5%', '99.5%')
    """
    return f"{round(100 * share, 6):.8g}%"

"""Words around numbers, as sentences and tables have them."""


def counted(number: int, what: str) -> str:
    """Count things.

    >>> counted(1, "snapshot"), counted(1200, "snapshot")
    ('1 snapshot', '1,200 snapshots')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

"""Reasons that people give: kept for ever and shown on every page, so of a length that is read."""

from evergreen.errors import DeclarationError

LONGEST = 2_000


def checked(reason: str) -> str:
    """Return the reason if it can go on record.

    Raises:
        DeclarationError: it is longer than a page holds.
    """
    if len(reason) > LONGEST:
        got = f"{reason[:40]}… ({len(reason)} characters)"
        raise DeclarationError("reason", got, f"up to {LONGEST} characters, or a link to the rest")
    return reason

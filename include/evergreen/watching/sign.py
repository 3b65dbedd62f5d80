"""One thing that a person should know of a window, and how bad it is."""

from dataclasses import dataclass

NOTE = "note"
"""Told, and without a say in the outcome."""


@dataclass(frozen=True)
class Sign:
    """One thing that a person should know."""

    severity: str
    """An `Outcome`, or `NOTE`."""
    sentence: str

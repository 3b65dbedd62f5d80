"""What of a row is not told: the values of the columns that a source declares personal.

    masked({"email": "bob@example.org"}, ("email",))     # {"email": "(personal)"}
    struck("could not convert 'bob@example.org'")        # could not convert (personal)

Whoever tells of a value asks here first: samples of validation, refusals, failed trainings, pages.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

MASK = "(personal)"
QUOTED = re.compile(
    r"""
    (?:(?<!\w)|(?<=\bb))(?P<quote>['"])              # after a word it is an apostrophe; b'bytes'
    (?:
        (?:\\.|(?P=quote)(?=\w)|(?!(?P=quote))[^\\])*  # as far as the quote that no word follows,
        (?P=quote)(?!\w)
    |
        [^\n]*                                       # or none does: all of the line
    )
    """,
    re.DOTALL | re.VERBOSE,
)
"""A value in a message, as Python and PostgreSQL write it."""


def masked(row: Mapping[str, Any], personal: Collection[str]) -> dict[str, Any]:
    """Return a row without its personal values; that one is missing is told."""
    hidden = {name for name in personal if row.get(name) is not None}
    return {name: MASK if name in hidden else value for name, value in row.items()}


def struck(text: str) -> str:
    """Strike out of a message what it quotes: who wrote it does not say of which column that is."""
    return QUOTED.sub(MASK, text)


def told(error: object, personal: Collection[str]) -> str:
    """Return the words of an error; of a source with personal columns, without what it quotes."""
    return struck(str(error)) if personal else str(error)


def failure(error: Exception, personal: Collection[str]) -> str:
    """Return what a person's own code raised, on one line, as `told`."""
    return f"{type(error).__name__}: {' '.join(told(error, personal).split())}"

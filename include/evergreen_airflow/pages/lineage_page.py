"""What an answer rests on: model, rows, commits and decision, from the id of the answer.

By a row's key `evergreen lineage NAME --key …` asks: it may be personal, and an address is logged.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evergreen.errors import DeclarationError
from evergreen.records import Records
from evergreen.records.predictions import Stored
from evergreen.settings import Settings

if TYPE_CHECKING:
    from evergreen.lineage import Back


SHOWN = 20
"""How many answers there are to choose from."""


@dataclass(frozen=True)
class Page:
    """The form, and what was found."""

    use_case: str
    prediction: str = ""
    """The id that was asked for."""
    back: "Back | None" = None
    """None: nothing was asked for, or there is a problem."""
    problem: str = ""
    newest: tuple[Stored, ...] = ()
    """Answers to choose from, the newest first, where none was asked for."""


def page(use_case: str, prediction: str, records: Records, settings: Settings) -> Page | None:
    """Follow an answer back; None: no use case of that name ever had a champion.

    Raises:
        DatabaseAway: the database does not answer.
    """
    if records.promotions.newest(use_case) is None:
        return None
    asked = prediction.strip()
    if not asked:
        return Page(use_case, newest=tuple(records.predictions.newest(use_case, SHOWN)))
    from evergreen import lineage  # not above: the empty form would wait for what it imports

    try:
        found = lineage.of_prediction(use_case, asked, records=records, settings=settings)
    except DeclarationError as error:
        return Page(use_case, asked, problem=f"{error}.")
    return Page(use_case, asked, found)

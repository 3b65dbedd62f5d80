"""The last delivery stands: what came first lands before the others, and never after them.

Usage::

    for landing in land_in_order(items, landed, relation):     # the oldest item first
        landing.known                                          # True: it was left alone
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from evergreen.errors import DataRefused
from evergreen.refs import Landing


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file, or a period of an API, that should be in the table."""

    name: str
    is_same: Callable[[Landing], bool]
    """Whether a landing of that name was of this very delivery, whole and read as now."""
    land: Callable[[], Landing]
    """Puts it into the table; raises DataRefused, and then has changed nothing."""


def land_in_order(
    items: Iterable[Item], landed: Mapping[str, Landing], relation: str
) -> Iterator[Landing]:
    """Land what is not in the table, and all that came after it once more; yield each landing.

    So an older delivery never overwrites its correction, even if it is found late, or if somebody
    stops us half way. One that is refused does not hold up the others.

    Args:
        items: the oldest first.
        landed: the last landing of each item, by its name.
        relation: the table as it is now; what another one took is landed again.

    Raises:
        DataRefused: at the end, with the reasons of all that were refused.
    """
    newest, refused = 0, list[str]()
    for item in items:
        before = landed.get(item.name)
        try:
            if before and _stands(before, relation, newest) and item.is_same(before):
                landing = replace(before, known=True)
            else:
                landing = item.land()
        except DataRefused as refusal:
            refused += refusal.reasons
        else:
            newest = landing.number
            yield landing
    if refused:
        raise DataRefused(refused)


def _stands(landing: Landing, relation: str, newest: int) -> bool:
    """Tell whether it is in this table, and was landed after all that came before it."""
    there = landing.relation == relation or not landing.rows
    return there and landing.number > newest

"""Real data that ships inside packages, as tables to try Evergreen on.

Usage::

    demo.load("weather", url, until=yesterday)    # 1461 rows, the first time
    demo.feed("weather", url, days=1)             # one more day
    demo.deliver("weather", url, until=yesterday) # what is missing, see `deliveries`
"""

from datetime import date
from types import ModuleType
from typing import cast

from evergreen.data.warehouse import exists, reading
from evergreen.errors import EvergreenError, did_you_mean
from evergreen_workshop.demo import churn, crop, deliveries, energy, iris, stocks, weather
from evergreen_workshop.demo.deliveries import Days, Delivered, Way

TABLES: dict[str, ModuleType] = {
    "churn": churn,
    "crop": crop,
    "energy": energy,
    "iris": iris,
    "stocks": stocks,
    "weather": weather,
}


WITH_DAYS = ("churn", "energy", "stocks", "weather")
"""Tables whose rows have days, and so are missing when they do not come."""


def names() -> list[str]:
    """Return the names of the demo tables."""
    return sorted(TABLES)


def load(name: str, url: str, until: date) -> int:
    """Create and fill a demo table; return how many rows were written.

    Harmless when the table has rows already: changes nothing and returns 0.

    Raises:
        EvergreenError: there is no demo table of that name.
    """
    rows: int = _table(name).load(url, until)
    return rows


def feed(name: str, url: str, days: int, how: Way = Way.ON_TIME) -> int:
    """Append what `days` more days would bring; return how many rows.

    Where there is no time: that many flowers (iris), or farms (crop).

    Raises:
        EvergreenError: there is no demo table of that name, or it has not been loaded; or rows
            without days are to come in another way.
    """
    table = _table(name)
    if name in WITH_DAYS:
        return deliveries.feed(cast(Days, table), name, url, days, how).rows
    if how is not Way.ON_TIME:
        raise EvergreenError(f"{name} has no days, so that none of its rows can come {how}")
    rows: int = table.feed(url, days)
    return rows


def deliver(name: str, url: str, until: date, how: Way = Way.ON_TIME, days: int = 1) -> Delivered:
    """Bring what a demo table lacks up to the day `until`; where there are no days: nothing.

    Raises:
        EvergreenError: there is no demo table of that name, or it has not been loaded.
    """
    table = _table(name)
    if name not in WITH_DAYS:
        return Delivered(name, 0)
    return deliveries.deliver(cast(Days, table), name, url, until, how, days)


def is_loaded(name: str, url: str) -> bool:
    """Tell whether the demo table is there."""
    with reading(url) as moment:
        return exists(moment, name)


def _table(name: str) -> ModuleType:
    if name not in TABLES:
        raise EvergreenError(
            f"no demo data is called {name!r}{did_you_mean(name, TABLES)}; there are:"
            f" {', '.join(names())}"
        )
    return TABLES[name]

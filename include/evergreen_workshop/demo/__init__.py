"""Real data that ships inside packages, as tables to try Evergreen on.

Usage::

    demo.load("weather", url, until=yesterday)    # 1461 rows, the first time
    demo.feed("weather", url, days=1)             # one more day
"""

from datetime import date
from types import ModuleType

from evergreen.errors import EvergreenError, did_you_mean
from evergreen_workshop.demo import churn, crop, energy, iris, stocks, weather

TABLES: dict[str, ModuleType] = {
    "churn": churn,
    "crop": crop,
    "energy": energy,
    "iris": iris,
    "stocks": stocks,
    "weather": weather,
}


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


def feed(name: str, url: str, days: int) -> int:
    """Append what `days` more days would bring; return how many rows.

    Where there is no time: that many flowers (iris), or farms (crop).

    Raises:
        EvergreenError: there is no demo table of that name, or it has not been loaded.
    """
    rows: int = _table(name).feed(url, days)
    return rows


def _table(name: str) -> ModuleType:
    if name not in TABLES:
        raise EvergreenError(
            f"no demo data is called {name!r}{did_you_mean(name, TABLES)}; there are:"
            f" {', '.join(names())}"
        )
    return TABLES[name]

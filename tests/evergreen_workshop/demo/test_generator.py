"""Generated customers are the same for the same seed, and drift when they are told to."""

from datetime import date, timedelta

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from database import query
from evergreen.errors import DeclarationError
from evergreen_workshop import demo
from evergreen_workshop.demo import customers, generator
from evergreen_workshop.demo.generator import CHANGED, CONCEPT, Drift, chance

SINCE, UNTIL = date(2026, 1, 1), date(2026, 1, 31)
TURN = date(2026, 1, 16)


def drawn(drift: Drift, rows: int = 20_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return customers before and after the turn."""
    days = [SINCE + timedelta(days=n * 31 // rows) for n in range(rows)]
    people = pd.DataFrame(
        generator.draw(days, 0, drift, TURN), columns=["observed", *customers.COLUMNS]
    ).infer_objects()
    late = people["observed"] >= TURN
    return people[~late], people[late]


def test_the_concept_tells_the_real_customers_who_left() -> None:
    people = customers.customers()

    assert roc_auc_score(people["churned"], chance(people, CONCEPT)) > 0.84
    assert chance(people, CONCEPT).mean() == pytest.approx(people["churned"].mean(), abs=0.02)


def test_without_drift_nothing_changes() -> None:
    before, after = drawn(Drift.NONE)

    assert after["monthly_charges"].mean() == pytest.approx(
        before["monthly_charges"].mean(), rel=0.03
    )
    assert after["churned"].mean() == pytest.approx(before["churned"].mean(), abs=0.02)


def test_inputs_drift_from_the_date_on_and_the_concept_stays() -> None:
    before, after = drawn(Drift.INPUTS)

    assert after["monthly_charges"].mean() > 1.15 * before["monthly_charges"].mean()
    assert after["tenure"].mean() < 0.8 * before["tenure"].mean()
    assert roc_auc_score(after["churned"].astype(bool), chance(after, CONCEPT)) > 0.75


def test_the_concept_drifts_from_the_date_on_and_the_inputs_stay() -> None:
    before, after = drawn(Drift.CONCEPT)

    assert after["monthly_charges"].mean() == pytest.approx(
        before["monthly_charges"].mean(), rel=0.03
    )
    assert roc_auc_score(before["churned"].astype(bool), chance(before, CONCEPT)) > 0.8
    assert roc_auc_score(after["churned"].astype(bool), chance(after, CONCEPT)) < 0.5
    assert roc_auc_score(after["churned"].astype(bool), chance(after, CHANGED)) > 0.7


def test_the_same_seed_writes_the_same_customers_after_those_that_are_there(
    postgres: object, database_url: str
) -> None:
    demo.load("churn", database_url, UNTIL)

    written = generator.write(database_url, rows=60_000, since=SINCE, until=UNTIL, seed=3)
    generator.write(database_url, rows=60_000, since=SINCE, until=UNTIL, seed=3)

    assert written == 60_000
    columns = ", ".join(("observed", *customers.COLUMNS))
    digest = f"SELECT md5(string_agg(({columns})::text, '' ORDER BY customer)) FROM churn"
    [first] = query(database_url, f"{digest} WHERE customer BETWEEN 7044 AND 67043")
    [second] = query(database_url, f"{digest} WHERE customer > 67043")
    assert first == second
    [(count, low, high)] = query(
        database_url,
        "SELECT count(*), min(observed), max(observed) FROM churn WHERE customer > 7043",
    )
    assert (count, low, high) == (120_000, SINCE, UNTIL)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rows": 0}, "rows is 0"),
        ({"since": date(2026, 2, 1)}, "since is .*a day not after 2026-01-31"),
        ({"drift": Drift.BOTH}, "drift_from is None"),
        ({"name": "iris"}, "NAME is 'iris'"),
    ],
)
def test_what_cannot_be_generated_is_told(
    database_url: str, changes: dict[str, object], told: str
) -> None:
    asked = {"rows": 10, "since": SINCE, "until": UNTIL, **changes}

    with pytest.raises(DeclarationError, match=told):
        generator.write(database_url, **asked)  # type: ignore[arg-type]


def test_a_drift_that_does_not_exist_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(DeclarationError, match="did you mean 'concept'"):
        generator.parse("concpt")

"""What the forms of operations share."""

from typing import Any

from airflow.sdk import DAG, Param

from evergreen import reasons
from evergreen_airflow.edge import our_dag


def by_hand(dag_id: str, options: dict[str, Any], **ours: Any) -> DAG:
    """Return a DAG of operations that runs when somebody fills in its form, if not by schedule.

    Without a schedule it is never paused at first: what is asked for would wait for ever.
    """
    shared: dict[str, Any] = {
        "schedule": None,
        "is_paused_upon_creation": None if "schedule" in ours else False,
        "tags": ["operations"],
        "dag_id": dag_id,
    }
    return our_dag("operations", "operations", options, **(shared | ours))


def choose(names: list[str]) -> Param:
    """Return the form's choice of a use case; none is chosen beforehand."""
    return Param(type="string", enum=names, title="Use case")


def reason_param(description: str = "Why; it goes on record with your name.") -> Param:
    """Return the form's field for a reason, which must be given."""
    return Param(
        type="string", minLength=3, maxLength=reasons.LONGEST, title="Reason",
        description=description,
    )  # fmt: skip


def version_param(description: str) -> Param:
    """Return the form's field for a version of the registry, which may be left empty."""
    return Param(
        None, type=["null", "integer"], minimum=1, title="Version", description=description
    )


def first_day() -> Param:
    """Return the form's field for the day that a range begins with."""
    return Param(type="string", format="date", title="From")


def last_day() -> Param:
    """Return the form's field for the day that a range ends with."""
    form = {"type": ["null", "string"], "format": "date"}
    return Param(None, title="To", description="Inclusive. Empty: the same day.", **form)

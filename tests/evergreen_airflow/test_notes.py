import pytest

pytestmark = pytest.mark.usefixtures("airflow")


def test_a_run_without_a_note_gets_its_outcome() -> None:
    from evergreen_airflow.notes import added

    assert added(None, "Kept version 1.") == "Kept version 1."


def test_what_a_person_wrote_stays_below_the_outcome() -> None:
    from evergreen_airflow.notes import added

    assert added("After the outage", "Kept version 1.") == "Kept version 1.\n\nAfter the outage"


def test_the_same_outcome_is_written_once() -> None:
    from evergreen_airflow.notes import added

    assert added("Kept version 1.", "Kept version 1.") == "Kept version 1."


def test_a_note_is_never_longer_than_airflow_takes() -> None:
    from evergreen_airflow.notes import LIMIT, added

    assert len(added("a" * 900, "b" * 900)) == LIMIT


def test_what_drifted_is_cut_and_the_report_is_not() -> None:
    from evergreen_airflow.notes import LIMIT, beginning

    many = ", ".join(f"column_{n}" for n in range(200))
    note = beginning(f"Retrain: {many} drifted.", "Window: a day. https://airflow/report/")

    assert len(note) <= LIMIT
    assert note.startswith("Retrain: column_0, ")
    assert note.endswith(" … Window: a day. https://airflow/report/")
    assert beginning("Retrain: one drifted.", "Window.") == "Retrain: one drifted. Window."
    assert beginning("A question.") == "A question."

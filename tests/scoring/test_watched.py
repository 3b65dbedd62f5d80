"""Rows that were scored in batch are watched as those that were asked for over HTTP."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from database import records_of
from evergreen.errors import DeclarationError
from evergreen.records import Given
from evergreen.refs import Window
from evergreen.spec import Labels
from evergreen.watching import late_labels
from learning import iris_rows
from scoring.conftest import AS_OF, DAY, Batch, load

HOUR = timedelta(hours=1)
LATER = Window(start=AS_OF - HOUR, end=AS_OF + HOUR)
TRUTH = "SELECT id, species FROM truth"


def labelled(flowers: Batch, query: str = TRUTH) -> Batch:
    """Give the flowers their species, in a table of its own."""
    load(flowers.url, "truth", iris_rows()[["id", "species"]])
    return replace(flowers, use_case=replace(flowers.use_case, labels=Labels(query=query)))


def collected(flowers: Batch, window: Window = LATER) -> Any:
    settings = flowers.shop.settings
    [own] = flowers.shop.dossiers.values()
    return late_labels.collect(
        flowers.use_case, own, window, records=records_of(settings), settings=settings
    )


def test_a_window_counts_all_scored_rows_and_samples_the_logged(flowers: Batch) -> None:
    done = flowers.limited(logged=40).score()
    predictions = records_of(flowers.shop.settings).predictions

    found = predictions.logged("iris", LATER, {done.sha256}, 1000)

    assert (found.rows, found.champion_rows, len(found.inputs)) == (150, 150, 40)
    before = Window(start=AS_OF - HOUR, end=AS_OF - timedelta(seconds=1))
    assert predictions.logged("iris", before, {done.sha256}, 1000).rows == 0
    assert predictions.logged("iris", LATER, {"another"}, 1000).champion_rows == 0


def test_what_is_not_declared_is_not_counted(flowers: Batch) -> None:
    done = flowers.score(into="predictions.elsewhere")

    found = records_of(flowers.shop.settings).predictions.logged("iris", LATER, {done.sha256}, 9)

    assert (found.rows, found.inputs) == (0, ())


def test_labels_of_a_query_find_their_answers_by_the_key(flowers: Batch) -> None:
    labelled_ones = labelled(flowers)
    done = labelled_ones.limited(logged=40).score()

    first, again = collected(labelled_ones), collected(labelled_ones)

    assert (first.stored, first.same, first.unknown) == (40, 0, 110)
    assert (again.stored, again.same, again.conflicts) == (0, 40, 0)
    kept = records_of(flowers.shop.settings).predictions
    found = kept.labelled("iris", LATER, {done.sha256}, timedelta(0), 1000)
    assert (found.labelled, found.due) == (40, 40)
    right = [a == b for a, b in zip(found.labels, found.outputs, strict=True)]
    assert sum(right) > 35


def test_the_first_label_stays_and_others_are_counted(flowers: Batch) -> None:
    batch = labelled(flowers)
    batch.score()
    collected(batch)
    batch.ask("UPDATE truth SET species = 'setosa' WHERE id >= 140")

    given = collected(batch)

    assert (given.stored, given.same, given.conflicts) == (0, 140, 10)
    labels = "SELECT count(*) FROM evergreen.labels WHERE label = '\"setosa\"'"
    assert batch.ask(labels) == [(50,)]


def test_two_labels_at_once_leave_the_first(flowers: Batch) -> None:
    flowers.score()
    given = [Given(label="setosa", key='{"id": 1}'), Given(label="virginica", key='{"id": 1}')]

    told = records_of(flowers.shop.settings).labels.give_many("iris", given, AS_OF)

    assert (told.stored, told.same, told.conflicts, told.unknown) == (1, 0, 1, 0)


def test_labels_may_name_predictions(flowers: Batch) -> None:
    batch = labelled(
        flowers, "SELECT id AS prediction_id, 'setosa' AS species FROM evergreen.predictions"
    )
    batch.score()

    assert collected(batch).stored == 150


def test_labels_that_are_none_of_the_classes_or_have_not_come_are_left_out(flowers: Batch) -> None:
    batch = labelled(flowers)
    batch.score()
    batch.ask("UPDATE truth SET species = 'tulip' WHERE id < 3")
    batch.ask("UPDATE truth SET species = NULL WHERE id > 145")

    given = collected(batch)

    assert (given.odd, given.stored) == (3, 143)


def test_labels_of_answers_that_came_later_wait(flowers: Batch) -> None:
    batch = labelled(flowers)
    batch.score()

    given = collected(batch, Window(start=DAY.start, end=AS_OF - HOUR))

    assert (given.stored, given.unknown) == (0, 150)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 1 AS one FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT id, species AS kind FROM truth", "it gives no column species"),
        ("SELECT id, species, 1 / (id - 70) AS x FROM truth", ""),
        ("SELECT id / (id - 70) AS id, species FROM truth", "division by zero"),
    ],
)
def test_labels_that_cannot_be_read_are_told(flowers: Batch, query: str, told: str) -> None:
    batch = labelled(flowers, query)
    batch.score()

    problem = collected(batch).problem

    assert (told in problem) if told else not problem
    assert not told or problem.startswith("the labels cannot be read (labels.query)")


def test_without_a_query_nothing_is_asked(flowers: Batch) -> None:
    assert collected(flowers) is None
    with pytest.raises(DeclarationError):
        Labels(query="")

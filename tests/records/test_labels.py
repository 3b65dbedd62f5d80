"""Labels that are given while predictions are pruned."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg2
import pytest

from evergreen.records import Given, Records
from records.test_prunings import answered

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def test_labels_of_what_is_pruned_at_this_moment_are_let_go(
    records: Records, database_url: str
) -> None:
    gone, stays = answered(records, 91), answered(records, 91)
    pruning = psycopg2.connect(database_url)
    with pruning.cursor() as cursor, ThreadPoolExecutor() as pool:
        cursor.execute("SELECT id FROM evergreen.predictions WHERE id = %s FOR UPDATE", (gone,))
        cursor.execute("DELETE FROM evergreen.predictions WHERE id = %s", (gone,))
        given = [Given(id=one, label=1) for one in (gone, stays)]
        told = pool.submit(records.labels.give_many, "weather", given, NOW)
        with pytest.raises(TimeoutError):
            told.result(0.5)  # it waits for what is being pruned
        pruning.commit()
        found = told.result(30)
    pruning.close()

    assert found.stored == 1

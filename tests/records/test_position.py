"""Whoever follows the ledger sees that something has moved."""

from database import query
from evergreen.records import Records
from records.test_each import promote

NUMBERED = "SELECT setval(pg_get_serial_sequence('evergreen.promotions', 'id'), {})"


def test_a_promotion_that_is_seen_after_one_of_a_higher_number_moves_it(
    records: Records, database_url: str
):
    seen = [records.position()]
    for name, number in [("iris", 10), ("weather", 5)]:  # it took its number first, ended last
        query(database_url, NUMBERED.format(number))
        promote(records, name, 1)
        seen.append(records.position())

    assert len(set(seen)) == 3

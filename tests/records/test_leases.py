import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from database import query
from evergreen.errors import ChampionBusy, LeaseLost
from evergreen.records import Records
from records.test_contract import a_decision, a_promotion


def held(url: str) -> list[tuple[str, str]]:
    return query(url, "SELECT purpose, name FROM evergreen.leases ORDER BY 1, 2")


def test_a_lease_is_held_by_one_at_a_time_and_let_go_of(records: Records, database_url: str):
    with (
        records.leases.hold("training", "key"),
        pytest.raises(ChampionBusy, match="training key"),
        records.leases.hold("training", "key", wait=0.05),
    ):
        pass

    assert held(database_url) == []
    with records.leases.hold("training", "key"):
        assert held(database_url) == [("training", "key")]


def test_whoever_waits_for_a_lease_gets_it(records: Records):
    order = []

    def work(n: int) -> None:
        with records.leases.hold("training", "key", wait=60):
            order.append(n)
            time.sleep(0.05)
            order.append(n)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))

    assert order[::2] == order[1::2]
    assert sorted(order[::2]) == [0, 1, 2]


def test_a_holder_that_works_for_long_keeps_its_lease(records: Records):
    with records.leases.hold("training", "key", seconds=0.3):
        time.sleep(1)

        with pytest.raises(ChampionBusy), records.leases.hold("training", "key"):
            pass


def test_a_holder_that_died_is_followed_once_its_lease_has_lapsed(records: Records):
    first = records.leases.seize("training", "key", seconds=0.2)

    with records.leases.hold("training", "key", wait=60) as second:
        assert second.token > first.token


def test_an_earlier_try_that_lives_on_writes_nothing(records: Records):
    first = records.fenced(records.leases.seize("task", "w/1/gate"))
    first.decisions.record(a_decision("1"))
    second = records.fenced(records.leases.seize("task", "w/1/gate"))

    with pytest.raises(LeaseLost, match="task w/1/gate"):
        first.decisions.record(a_decision("2"))
    second.decisions.record(a_decision("3"))

    assert [d.evidence["report"] for d in records.decisions.newest()] == ["3", "1"]


@pytest.mark.parametrize("how", ["let go", "let go of by its heir"])
def test_a_token_that_is_no_more_writes_nothing(records: Records, how: str):
    lease = records.leases.seize("task", "w/1/gate")
    last = lease if how == "let go" else records.leases.seize("task", "w/1/gate")
    records.leases.let_go(last)
    promotion = a_promotion(records, 1, None)

    with pytest.raises(LeaseLost):
        records.fenced(lease).promotions.append(promotion)

    assert records.promotions.of("weather") == ()


def test_nobody_takes_a_lease_while_its_holder_commits(records: Records):
    lease = records.leases.seize("task", "w/1/promote")
    fenced = records.fenced(lease)

    with ThreadPoolExecutor(1) as other:
        with fenced._session.writing() as cursor:
            taking = other.submit(records.leases.seize, "task", "w/1/promote")
            time.sleep(0.2)
            assert not taking.done()
            cursor.execute("SELECT 1")
        assert taking.result(10).token > lease.token


def test_reading_needs_no_lease(records: Records):
    fenced = records.fenced(records.leases.seize("task", "w/1/gate"))
    records.leases.seize("task", "w/1/gate")

    assert fenced.promotions.champion("weather") is None


def test_lapsed_leases_of_yesterday_are_cleared_away(records: Records, database_url: str):
    records.leases.seize("task", "old", seconds=-2 * 86_400)

    with records.leases.hold("training", "key"):
        pass

    assert held(database_url) == []

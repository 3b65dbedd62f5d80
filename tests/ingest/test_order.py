"""The last delivery stands."""

from collections.abc import Iterator

import pytest

from evergreen.errors import DataRefused
from evergreen.ingest.order import Item, land_in_order
from evergreen.refs import Landing


class Table:
    """Notes what is put into it; what is in `refused` is not."""

    def __init__(self) -> None:
        self.put: list[str] = []
        self.landed: dict[str, Landing] = {}
        self.refused: set[str] = set()

    def items(self, names: str) -> Iterator[Item]:
        for name in names:
            yield Item(name=name, is_same=lambda _: True, land=lambda name=name: self._land(name))

    def land(self, names: str, relation: str = "1/1") -> list[str]:
        """Land items, and return those that were put."""
        self.put = []
        list(land_in_order(self.items(names), self.landed, relation))
        return self.put

    def _land(self, name: str) -> Landing:
        if name in self.refused:
            raise DataRefused([f"{name} is bad"])
        number = 1 + max((one.number for one in self.landed.values()), default=0)
        self.landed[name] = Landing(
            use_case="x", item=name, sha256="", rows=1, relation="1/1", number=number
        )
        self.put.append(name)
        return self.landed[name]


@pytest.fixture
def table() -> Table:
    return Table()


def test_what_is_there_is_left_alone(table: Table) -> None:
    table.land("ab")

    assert table.land("abc") == ["c"]


def test_what_came_after_an_older_one_is_landed_once_more(table: Table) -> None:
    table.land("bc")

    assert table.land("abc") == ["a", "b", "c"]
    assert table.land("abc") == []


def test_a_run_that_was_stopped_half_way_is_made_good(table: Table) -> None:
    table.land("bc")
    next(land_in_order(table.items("abc"), table.landed, "1/1"))

    assert table.land("abc") == ["b", "c"]


def test_one_that_is_refused_holds_up_nobody_and_is_told(table: Table) -> None:
    table.refused = {"b"}

    with pytest.raises(DataRefused, match="b is bad"):
        table.land("abc")

    assert table.put == ["a", "c"]


def test_another_table_gets_everything(table: Table) -> None:
    table.land("ab")

    assert table.land("ab", relation="2/2") == ["a", "b"]

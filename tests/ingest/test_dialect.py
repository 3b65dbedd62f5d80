"""How a CSV file is written is found out where it is sure, and asked for where not."""

import pytest

from evergreen.errors import DataRefused
from evergreen.ingest.dialect import detect
from evergreen.spec import Dialect


@pytest.mark.parametrize(
    ("sample", "separator"),
    [
        ("id,x\n1,2\n", ","),
        ("id;x;y\n1;1,5;0\n2;2,5;1\n", ";"),
        ("id\tx\n1\t2\n", "\t"),
        ("id|x\n1|2\n", "|"),
        ('id,x\n1,"a;b"\n2,"c;d"\n', ","),
        ("id\n1\n", ","),
        ("id;x\n1;a\u2028b\x0bc\x0cd\x85e\n2;f\n", ";"),
    ],
)
def test_the_separator_is_found_where_it_is_sure(sample: str, separator: str) -> None:
    found, _ = detect("a.csv", sample, Dialect())

    assert found.separator == separator


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ("a,b;c\n1,2;3\n", "`,` or `;`"),
        ("39, State-gov, 77516\n50, Private, 83311\n", "looks like values.*--no-header"),
        ("<!DOCTYPE html><html>\n", "HTML"),
        ("", "is empty"),
    ],
)
def test_what_is_not_sure_is_asked_for(sample: str, said: str) -> None:
    with pytest.raises(DataRefused, match=said):
        detect("a.csv", sample, Dialect())


def test_what_is_declared_is_not_found_out() -> None:
    declared = Dialect(separator=",", decimal=".", header=False)

    found, names = detect("a.csv", "1,2;3\n", declared)

    assert found == declared
    assert names == ["column_1", "column_2"]

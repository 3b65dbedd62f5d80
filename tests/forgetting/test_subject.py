"""How rows, documents and texts are known to be about a subject."""

from typing import Any

import pyarrow as pa
import pytest

from evergreen.dossier import RawColumn
from evergreen.errors import DeclarationError
from evergreen.forgetting.subject import Subject
from evergreen.serving import stored

TYPES = {"member": pa.int64(), "day": pa.date32(), "name": pa.string()}
EMAIL = "ada@example.org"


def subject(*key: str, personal: dict[str, set[str]] | None = None) -> Subject:
    return Subject.asked("club", tuple(TYPES), key, TYPES).with_marks(personal or {})


ADA = subject("member=424242424242", personal={"email": {EMAIL}, "initials": {"al"}})


def test_rows_of_a_table_are_compared_by_the_type_of_the_column() -> None:
    table = pa.table({
        "member": [17, None, 1.0], "day": pa.array(["2026-03-01"] * 3).cast(pa.date32()),
    })  # fmt: skip

    assert subject("member=17").holds(table).tolist() == [True, False, False]
    assert subject("member=017", "day=2026-03-01").holds(table).tolist() == [True, False, False]
    assert subject("member=17", "day=2026-03-02").holds(table).tolist() == [False] * 3


@pytest.mark.parametrize(
    ("row", "own"),
    [
        ({"member": 424242424242}, True),
        ({"member": "424242424242", "email": None}, True),
        ({"member": 4, "email": EMAIL}, True),
        ({"member": 4, "initials": "al"}, False),
        ({"email": "bob@example.org"}, False),
        (None, False),
    ],
)
def test_a_row_of_json_is_known_by_its_key_or_by_a_mark(row: Any, own: bool) -> None:
    assert ADA.row(row) is own


@pytest.mark.parametrize(
    ("kind", "asked", "written"),
    [
        (pa.date32(), "2026-03-01", "2026-03-01T00:00:00Z"),
        (pa.timestamp("us"), "2026-03-01 05:00", "2026-03-01T05:00:00"),
        (pa.timestamp("us", "UTC"), "2026-03-01 05:00Z", "2026-03-01T05:00:00Z"),
        (pa.timestamp("us", "Asia/Tokyo"), "2026-03-01 05:00+09:00", "2026-02-28T20:00:00Z"),
    ],
    ids=str,
)
def test_a_moment_is_known_however_it_was_written(
    kind: pa.DataType, asked: str, written: str
) -> None:
    one = Subject.asked("club", ("at",), [f"at={asked}"], {"at": kind})
    value = pa.scalar(asked).cast(kind).as_py()
    column = RawColumn(name="at", type=str(kind), nullable=False)

    assert one.row({"at": written})
    assert one.row(stored.canonical([column], {"at": value}))
    assert one.row({"at": str(value)})


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("999 at member=424242424242", "999 at member=(forgotten)"),
        (f"<b>{EMAIL}</b> wrote", "<b>(forgotten)</b> wrote"),
        ("424242424242 is a member", "(forgotten) is a member"),
        ("1424242424242 and x424242424242", "1424242424242 and x424242424242"),
        ("al is short", "al is short"),
    ],
)
def test_marks_are_struck_out_as_whole_words(text: str, struck: str) -> None:
    assert ADA.struck(text) == struck


def test_a_short_key_is_struck_out_with_its_name_only() -> None:
    short = subject("member=17")

    assert short.struck("17 rows fail, e.g. member=17 day=2026-03-17") == (
        "17 rows fail, e.g. member=(forgotten) day=2026-03-17"
    )
    assert short.marks == frozenset()


def test_a_day_is_no_mark_as_it_is_everybodys() -> None:
    whole = subject("member=17", "day=2026-03-01")

    assert whole.struck("as of 2026-03-01: member=17 day=2026-03-01") == (
        "as of 2026-03-01: member=(forgotten) day=(forgotten)"
    )
    assert subject("day=2026-03-01").marks == frozenset()


def test_of_a_document_its_rows_go_and_the_figures_stay() -> None:
    document = {
        "rows": [{"member": 424242424242, "age": 9}, {"member": 1, "age": 8}],
        "reason": "e.g. 9 at member=424242424242",
        "partial_unexpected_list": [424242424242, 1],
        "partial_unexpected_counts": [{"value": EMAIL, "count": 1}, {"value": "b", "count": 2}],
        "count": 424242424242,
    }

    assert ADA.scrub(document) == {
        "rows": [{"member": 1, "age": 8}],
        "reason": "e.g. 9 at member=(forgotten)",
        "partial_unexpected_list": [1],
        "partial_unexpected_counts": [{"value": "b", "count": 2}],
        "count": 424242424242,
    }


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ({"key": {"member": 424242424242}}, True),
        ({"inputs": {"member": 424242424242}}, True),
        ({"inputs": {"age": 3}, "history": [{"member": 424242424242}]}, True),
        ({"inputs": {"age": 3}, "subject": "424242424242"}, True),
        ({"inputs": {"age": 3}, "subject": "somebody", "history": None}, False),
    ],
)
def test_a_prediction_is_known_by_key_inputs_history_or_subject(
    line: dict[str, Any], own: bool
) -> None:
    assert ADA.prediction(line) is own


def test_the_digest_is_that_of_the_key_whatever_its_order_and_spelling() -> None:
    one, other = subject("member=17", "day=2026-03-01"), subject("day=2026-03-01", "member=17")

    assert one.digest("salt") == other.digest("salt")
    assert one.digest("salt") != one.digest("sugar")
    assert one.digest("salt") != subject("member=18", "day=2026-03-01").digest("salt")


def test_without_a_key_nobody_is_meant() -> None:
    with pytest.raises(DeclarationError, match=r"--key is \[\]; allowed: one of member, day"):
        Subject.asked("club", ("member", "day"), (), {})

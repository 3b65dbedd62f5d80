"""CSV files: every cell as it stands there, or a sentence that says why not."""

import gzip

import pytest

from evergreen.errors import DataRefused
from evergreen.ingest import csv_file, spool
from ingest.conftest import Desk


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,name\n1,caf\xe9\n", "line 2: it is not UTF-8.*--encoding"),
        (b",id,x\n0,1,2\n", r"column 1 has no name \(pandas .*to_csv\(index=False\)"),
        (b"id,x,\n1,2,\n", "column 3 has no name"),
        (b"a,a,b\n1,2,3\n", "'a' is there 2 times"),
        (b"id," + b"x" * 64 + b"\n1,2\n", "longer than 63 bytes"),
        (b"id,x\n1,2\n3,4,5\n", "'3,4,5' has 3 fields, and the first line has 2"),
        (b'id,x\n1,"a\n2,b\n', "a quote is opened and never closed"),
        (b'id,x\n1,"a ""b""\n2,c', "a quote is opened and never closed"),
        (b'id,x\n1,5" c\n2,"a', "a quote is opened and never closed"),
        (b"PK\x03\x04\x14\x00", "no CSV file, but a ZIP archive or a workbook of Excel"),
        (gzip.compress(b"id,x\n1,2\n", mtime=0), "call it .csv.gz"),
        (b"<html><body>Log in</body></html>", "a page of HTML"),
        (b"", "empty"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(content: bytes, said: str, desk: Desk) -> None:
    with pytest.raises(DataRefused, match=said) as refused:
        desk.land(content)

    assert not any(word in str(refused.value) for word in ("INSERT", "CREATE", "COPY", "Traceback"))


@pytest.mark.parametrize(
    ("encoding", "given", "told"),
    [
        ("utf-8", None, "UTF-8"),
        ("utf-8-sig", None, "UTF-8 with BOM"),
        ("utf-8-sig", "utf-8", "UTF-8 with BOM"),
        ("utf-16", None, "UTF-16"),
        ("latin-1", "latin-1", "latin-1"),
    ],
)
def test_an_encoding_is_found_out_or_declared_and_told(
    encoding: str, given: str | None, told: str, desk: Desk
) -> None:
    landing = desk.land("id,name\n1,café\n".encode(encoding), encoding=given)

    assert desk.rows() == [(1, "café")]
    assert landing.notes[:2] == ("`,` separated", told)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_quote_within_a_cell_is_a_character(end: str, desk: Desk) -> None:
    desk.land(f'id,name\n1,abc\n2,15" monitor{end}')

    assert desk.rows() == [(1, "abc"), (2, '15" monitor')]


@pytest.mark.parametrize("last", ['""', '"x"', 'x"'])
def test_a_last_cell_that_is_closed_is_landed(last: str, desk: Desk) -> None:
    desk.land(f'id,name\n1,5" c\n2,{last}')

    assert [id for id, _ in desk.rows()] == [1, 2]


def test_semicolons_and_decimal_commas_are_read_and_told(desk: Desk) -> None:
    landing = desk.land("id;x;y\n1;1,5;0\n2;2,5;1\n")

    assert desk.rows() == [(1, 1.5, 0), (2, 2.5, 1)]
    assert landing.sentence.endswith(": `;` separated, UTF-8, decimal comma.")


@pytest.mark.parametrize("blank", ["\n", "\r\n\r\n"])
def test_empty_lines_before_the_header_are_none_of_its_rows(blank: str, desk: Desk) -> None:
    desk.land(f"{blank}id,x\n1,5\n")

    assert desk.types() == {"id": "bigint", "x": "bigint"}
    assert desk.rows() == [(1, 5)]


def test_a_decimal_comma_in_text_stays(desk: Desk) -> None:
    desk.land("id;x;note\n1;1,5;1,5\n2;2,5;a\n")

    assert desk.rows() == [(1, 1.5, "1,5"), (2, 2.5, "a")]


def test_a_file_without_a_header_names_its_columns_by_number(desk: Desk) -> None:
    desk.land("39, State-gov\n50, Private\n", "column_1", header=False)

    assert desk.types() == {"column_1": "bigint", "column_2": "text"}
    assert desk.rows() == [(39, " State-gov"), (50, " Private")]


def test_a_header_of_numbers_is_one_when_told_so(desk: Desk) -> None:
    desk.land("id,2026\n1,5\n", header=True)

    assert list(desk.types()) == ["id", "2026"]


def test_packed_files_are_unpacked(desk: Desk) -> None:
    desk.land(gzip.compress(b"id,x\n1,2\n"), name="t.csv.gz")

    assert desk.rows() == [(1, 2)]


def test_a_file_that_unpacks_to_a_huge_one_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "UNPACKED", 100_000)

    with pytest.raises(DataRefused, match="over 200 times its size"):
        desk.land(gzip.compress(b"id,x\n" + b"1,1\n" * 1_000_000), name="t.csv.gz")


def test_a_row_that_is_longer_than_a_block_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK", 1 << 20)

    with pytest.raises(DataRefused, match="a row is longer than 1 MB; is a quote missing"):
        desk.land("id,x\n1,a\n2," + "a" * (3 << 20) + "\n3,a\n")


def test_a_broken_archive_is_refused(desk: Desk) -> None:
    with pytest.raises(DataRefused, match="cannot be read"):
        desk.land(gzip.compress(b"id,x\n1,2\n" * 500)[:-20], name="t.csv.gz")

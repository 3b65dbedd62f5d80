"""Where a subject may be that is not ours to write is told."""

from dataclasses import replace

import pyarrow as pa
import pytest
from club import CLUB

from database import query
from evergreen.errors import DeclarationError
from evergreen.forgetting import outside
from evergreen.forgetting.subject import Subject
from evergreen.settings import Settings
from evergreen.spec import Scoring, Source, UseCase

SCORED = replace(CLUB, scoring=Scoring(query="SELECT * FROM members", into="scored"))


def ada(value: str = "17", **types: pa.DataType) -> Subject:
    return Subject.asked("club", ("member",), [f"member={value}"], types)


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    query(
        settings.database_url,
        "CREATE TABLE members (member bigint); INSERT INTO members VALUES (17), (17), (18), (NULL);"
        ' CREATE TABLE scored (member bigint, "100 %" int); INSERT INTO scored VALUES (17, 1)',
    )
    return settings


def of(query: str) -> UseCase:
    source = Source(query=query, key=("member",), target="gone")
    return replace(CLUB, source=source, windows=replace(CLUB.windows, holdout=0.2))


def test_its_rows_in_the_source_are_counted(warehouse: Settings) -> None:
    assert outside.in_source(CLUB, ada(), warehouse) == 2
    assert outside.in_source(of("SELECT * FROM members LIMIT 1"), ada(), warehouse) == 1
    assert outside.in_source(of("SELECT 1 AS id"), ada(), warehouse) == 0


def test_a_source_that_is_gone_holds_nobody(settings: Settings) -> None:
    assert outside.in_source(CLUB, ada(), settings) == 0


def test_a_value_that_is_none_of_the_columns_type_is_refused(warehouse: Settings) -> None:
    with pytest.raises(DeclarationError, match=r"--key is 'member=Ada'; allowed: a value of the"):
        outside.in_source(CLUB, ada("Ada"), warehouse)


def test_scored_tables_are_told_with_what_to_do(warehouse: Settings) -> None:
    told = list(outside.told(SCORED, ada(), warehouse))

    assert told[0] == "scored, your table: 1 rows; delete them there by the same key"
    assert told[1:] == list(outside.ALWAYS)
    assert list(outside.told(SCORED, ada("18"), warehouse)) == list(outside.ALWAYS)
    assert list(outside.told(None, ada(), warehouse)) == list(outside.ALWAYS)

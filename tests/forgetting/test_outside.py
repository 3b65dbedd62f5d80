"""What scoring wrote is deleted; where a subject may be that is not ours to write is told."""

from dataclasses import replace
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from club import CLUB

from database import query
from evergreen.errors import DeclarationError, NotForgotten
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


@pytest.fixture
def shared(settings: Settings) -> Settings:
    """A table that two use cases are scored into."""
    query(
        settings.database_url,
        "CREATE TABLE scored (member bigint, use_case text);"
        " INSERT INTO scored VALUES (17, 'club'), (17, 'club'), (18, 'club'), (17, 'other')",
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


def test_what_scoring_wrote_is_counted_then_deleted_and_nothing_else(shared: Settings) -> None:
    assert outside.scored(SCORED, ada(), shared) == 2
    assert outside.scored(SCORED, ada(), shared, apply=True) == 2

    left = query(shared.database_url, "SELECT member, use_case FROM scored ORDER BY member")
    assert left == [(17, "other"), (18, "club")]
    assert outside.scored(SCORED, ada(), shared, apply=True) == 0
    told = next(outside.told(SCORED, ada(), shared))
    assert told == "scored, your table: 1 rows; delete them there by the same key"


def test_without_a_table_nothing_was_scored(settings: Settings) -> None:
    assert outside.scored(SCORED, ada(), settings, apply=True) == 0
    assert outside.scored(CLUB, ada(), settings, apply=True) == 0


def test_a_role_that_may_not_delete_is_told_with_the_way_out(shared: Settings) -> None:
    query(
        shared.database_url,
        "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reads';"
        " GRANT SELECT ON scored TO reader",
    )
    address = urlsplit(shared.database_url)
    url = address._replace(netloc=f"reader:reads@{address.hostname}:{address.port}").geturl()

    with pytest.raises(NotForgotten, match="2 rows of scored cannot be deleted: permission denied"):
        outside.scored(SCORED, ada(), replace(shared, apart_warehouse_url=url), apply=True)
    query(shared.database_url, "DROP OWNED BY reader; DROP ROLE reader")

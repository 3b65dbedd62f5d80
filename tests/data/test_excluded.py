"""Days that are declared to be bad are left out of snapshots, and counted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evergreen.data import snapshots
from evergreen.data.extraction import extract, has_changed
from evergreen.errors import DeclarationError
from evergreen.settings import Settings
from evergreen.spec import Excluded, Source, UseCase
from learning import WEATHER

AS_OF = datetime(2026, 8, 24, tzinfo=UTC)
FAULT = Excluded("2026-08-03", "2026-08-04", "sensor fault")
STORM = Excluded("2026-08-10", "2026-08-10", "storm")
Sql = Callable[..., None]


def use_case(**given: Any) -> UseCase:
    source = Source(table="events", key=("id",), timestamp="at", target="label", **given)
    return replace(WEATHER, name="events", source=source)


@pytest.mark.parametrize("kind", ["timestamptz", "date"])
def test_their_rows_are_left_out_and_counted(kind: str, settings: Settings, sql: Sql) -> None:
    sql(
        f"CREATE TABLE events AS SELECT n AS id, (timestamptz '2026-08-01 00:00Z'"
        f" + n * interval '12 hours')::{kind} AS at, n % 2 = 0 AS label"
        " FROM generate_series(0, 39) n"
    )

    found = extract(
        use_case(excluded=(FAULT, STORM)), as_of=AS_OF, asked_at=AS_OF, settings=settings
    )

    days = snapshots.of(settings).table(found.uri, found.sha256)["id"].to_pylist()
    assert sorted(set(range(40)) - set(days)) == [4, 5, 6, 7, 18, 19]
    assert (found.counts.excluded, found.rows) == (6, 34)
    assert found.notes == (
        "6 rows are left out as declared (2026-08-03 to 2026-08-04: sensor fault;"
        " 2026-08-10: storm)",
    )
    manifest = snapshots.of(settings).manifest(found.uri)
    asked = {"asked_at": AS_OF, "settings": settings}
    assert not has_changed(use_case(excluded=(FAULT, STORM)), manifest, **asked)
    assert has_changed(use_case(excluded=(FAULT,)), manifest, **asked)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: Excluded("3.8.2026", "2026-08-04", "x"), r"excluded\.first.*as 2026-03-01"),
        (lambda: Excluded("2026-08-04", "2026-08-03", "x"), r"excluded\.last.*or later"),
        (lambda: Excluded("2026-08-04", "20260803", "x"), r"excluded\.last.*or later"),
        (lambda: Excluded("2026-08-03", "2026-08-04", " "), r"excluded\.reason"),
        (lambda: use_case(excluded=("2026-08-03",)), r"source\.excluded.*Excluded"),
        (lambda: use_case(quarantine=1.5), r"source\.quarantine.*below 1"),
        (
            lambda: Source(table="t", key=("id",), target="y", excluded=(FAULT,)),
            r"source\.timestamp.*excluded",
        ),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(
    made: Callable[[], object], told: str
) -> None:
    with pytest.raises(DeclarationError, match=told):
        made()

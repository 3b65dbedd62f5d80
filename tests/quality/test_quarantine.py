"""Rows that break expectations are put apart up to a share, and nothing else is let through."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as but
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from evergreen.data import snapshots
from evergreen.quality.quarantine import BadRow, too_many
from evergreen.quality.validation import validate
from evergreen.refs import ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from tables import USE_CASES, change, local_settings, snapshot_of, weather_table

SOURCE = USE_CASES["weather"].source
WEATHER = but(USE_CASES["weather"], source=but(SOURCE, quarantine=0.01))
BAD = {3: 999.0, 10: -999.0, 11: None}


@dataclass
class Kept:
    """A log of rows in quarantine."""

    rows: list[BadRow] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)

    def put(self, use_case: str, sha256: str, as_of: datetime, rows: Sequence[BadRow]) -> None:
        self.snapshots.append(sha256)
        self.rows.extend(rows)


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return local_settings(tmp_path)


def check(
    table: pa.Table, settings: Settings, use_case: UseCase = WEATHER
) -> tuple[ValidationRef, Kept]:
    kept = Kept()
    snapshot = snapshot_of(table, use_case, settings)
    return validate(snapshot, use_case, kept=kept, settings=settings), kept


def test_few_bad_rows_are_put_apart_with_their_reasons(local: Settings) -> None:
    table = change(weather_table(), "temp_max", BAD)

    found, kept = check(table, local)

    assert found.passed
    assert found.snapshot.rows == len(table) - 3
    assert (found.snapshot.counts.taken, found.snapshot.counts.quarantined) == (397, 3)
    assert [row.place for row in kept.rows] == [3, 10, 11]
    assert kept.rows[0].key == {"date": str(table["date"][3])}
    assert kept.rows[0].reasons[0].startswith("temp_max")
    assert "999" not in " ".join(r for row in kept.rows for r in row.reasons)
    [note] = found.snapshot.notes
    assert note.startswith("3 rows are in quarantine: temp_max ")
    clean = snapshots.of(local).table(found.snapshot.uri, found.snapshot.sha256)
    gone = [place not in BAD for place in range(len(table))]
    assert clean.to_pylist() == table.filter(pa.array(gone)).to_pylist()


def test_the_same_rows_give_the_same_snapshot_again(local: Settings) -> None:
    table = change(weather_table(), "temp_max", BAD)

    assert check(table, local)[0].snapshot == check(table, local)[0].snapshot


def test_above_the_share_the_data_are_refused_and_nothing_is_kept(local: Settings) -> None:
    table = change(weather_table(), "temp_max", dict.fromkeys(range(5), 999.0))

    found, kept = check(table, local)

    assert not found.passed
    assert found.snapshot.rows == len(table)
    assert kept.rows == []
    [note] = found.snapshot.notes
    assert note.startswith("5 of 400 rows (1.2 %) break expectations about rows; source.quarantine")
    assert note.endswith("allows 1%")


def test_the_share_that_is_allowed_is_told_with_its_digits() -> None:
    bad = [BadRow(place, {}, ()) for place in range(2)]

    assert too_many(bad, 20_000, 0.00005).endswith("allows 0.005%")


def test_nothing_is_put_apart_unless_it_is_declared(local: Settings) -> None:
    table = change(weather_table(), "temp_max", BAD)

    found, kept = check(table, local, USE_CASES["weather"])

    assert not found.passed
    assert kept.rows == []
    assert found.snapshot.notes == ()


def test_what_is_not_about_rows_refuses_the_data(local: Settings) -> None:
    table = change(weather_table(), "temp_max", BAD).append_column("odd", pa.array([1] * 400))

    found, kept = check(table, local)

    assert not found.passed
    assert kept.rows == []
    assert found.snapshot.notes == ()


def test_too_few_rows_that_are_left_refuse_the_data(local: Settings) -> None:
    table = change(weather_table(days=366), "temp_max", {3: 999.0, 4: 999.0})

    found, kept = check(table, local)

    assert not found.passed
    assert kept.rows == []
    assert "364 rows" in found.failed[0].reason
    assert found.snapshot.counts.quarantined == 0
    [note] = found.snapshot.notes
    assert note.startswith("refused without the 2 rows that might be put apart, too: temp_max")


def test_sound_rows_take_the_place_of_those_that_were_bad(local: Settings) -> None:
    found, kept = check(weather_table(), local)

    assert (kept.snapshots, kept.rows) == ([found.snapshot.sha256], [])

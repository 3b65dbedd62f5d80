"""Many rows are checked a few columns at a time, and what comes out is what all at once gives."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from evergreen.quality import portions, suites
from evergreen.quality.portions import Portions
from evergreen.quality.validation import validate
from evergreen.refs import ValidationRef
from evergreen.settings import Settings
from tables import USE_CASES, local_settings, replace, snapshot_of, weather_table

WEATHER = USE_CASES["weather"]
COLUMNS = 2
DAMAGES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "sound": lambda t: t,
    "few rows": lambda t: t.slice(0, 100),
    "dropped": lambda t: t.drop_columns("wind"),
    "retyped": lambda t: replace(t, "temp_max", t["temp_max"].cast(pa.string())),
    "repeated": lambda t: pa.concat_tables([t, t.slice(7, 1)]),
    "nulls": lambda t: replace(t, "wind", pa.nulls(len(t), pa.float64())),
}


def checked(table: pa.Table, home: Path) -> tuple[ValidationRef, bytes]:
    """What is decided, and the page."""
    settings = local_settings(home)
    found = validate(snapshot_of(table, WEATHER, settings), WEATHER, settings=settings)
    return found, (home / "data_docs" / found.docs).read_bytes()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_portions_decide_and_show_what_all_at_once_does(
    damage: Callable[[pa.Table], pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = damage(weather_table())
    whole, page = checked(table, tmp_path / "whole")
    asked: list[tuple[str, ...] | None] = []
    read = Portions.table
    monkeypatch.setattr(portions, "CELLS", COLUMNS * len(table))
    monkeypatch.setattr(
        Portions, "table", lambda self, names: asked.append(names) or read(self, names)
    )

    found, same = checked(table, tmp_path / "portions")

    assert (found.passed, found.failed, found.checked) == (
        whole.passed,
        whole.failed,
        whole.checked,
    )
    assert same == page
    assert len(asked) > 2
    assert damage is DAMAGES["dropped"] or all(n is not None and len(n) <= 2 for n in asked)


def test_every_expectation_is_in_one_portion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, table = local_settings(tmp_path), weather_table()
    rows = Portions(portions_store(settings), snapshot_of(table, WEATHER, settings))
    suite = suites.load(settings.expectations_dir, "weather")
    monkeypatch.setattr(portions, "CELLS", len(table))

    parts = rows.cut(suite)

    ids = [one.id for some, _ in parts for one in some.expectation_configurations]
    assert sorted(ids) == sorted(one.id for one in suite.expectation_configurations)


def portions_store(settings: Settings) -> portions.SnapshotStore:
    from evergreen.data import snapshots

    return snapshots.of(settings)

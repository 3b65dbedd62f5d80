import json
import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace as but
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evergreen.errors import SnapshotCorrupt, SuiteError
from evergreen.quality.validation import to_pandas, validate
from evergreen.refs import ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from tables import (
    AS_OF,
    PROJECT,
    USE_CASES,
    change,
    local_settings,
    replace,
    snapshot_of,
    weather_table,
)

WEATHER = USE_CASES["weather"]
Damage = Callable[[pa.Table], pa.Table]


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return local_settings(tmp_path)


def check(
    table: pa.Table, settings: Settings, *notes: str, use_case: UseCase = WEATHER
) -> ValidationRef:
    return validate(snapshot_of(table, use_case, settings, *notes), use_case, settings=settings)


def test_passes_sound_data(local: Settings) -> None:
    result = check(weather_table(), local)

    assert result.passed
    assert result.failed == ()
    assert result.checked == 25


def repeat(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(7, 1)])


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "zero rows": (lambda t: t.slice(0, 0), "row_count", "the snapshot has no rows; at least 365"),
    "few rows": (lambda t: t.slice(0, 100), "row_count", "the snapshot has 100 rows; at least 365"),
    "dropped": (lambda t: t.drop_columns("wind"), "columns_to_match_set", "column wind is missing"),
    "added": (
        lambda t: t.append_column("note", pa.array(["x"] * len(t))),
        "columns_to_match_set",
        "unexpected column note",
    ),
    "renamed": (
        lambda t: t.rename_columns(["tmax" if c == "temp_max" else c for c in t.column_names]),
        "columns_to_match_set",
        "column temp_max is missing; unexpected column tmax (renamed?)",
    ),
    "retyped": (
        lambda t: replace(t, "temp_max", t["temp_max"].cast(pa.string())),
        "of_type",
        "temp_max: the type is str; expected float64",
    ),
    "date to timestamp": (
        lambda t: replace(t, "date", t["date"].cast(pa.timestamp("us"))),
        "of_type",
        "date: the type is datetime64; expected date",
    ),
    "date to text": (
        lambda t: replace(t, "date", t["date"].cast(pa.string())),
        "of_type",
        "date: the type is str; expected date",
    ),
    "label null": (
        lambda t: replace(t, "rain_tomorrow", pa.nulls(len(t), pa.bool_())),
        "not_be_null",
        "rain_tomorrow: 400 of 400 values (100 %) are missing",
    ),
    "column null": (
        lambda t: replace(t, "wind", pa.nulls(len(t), pa.float64())),
        "not_be_null",
        "wind: 400 of 400 values (100 %) are missing",
    ),
    "class missing": (
        lambda t: replace(t, "rain_tomorrow", pa.array([False] * len(t))),
        "distinct_values",
        "rain_tomorrow: no row has True",
    ),
    "class added": (
        lambda t: change(t, "condition", {3: "hail"}),
        "in_set",
        "condition: 1 of 400 values (0.25 %) are not one of drizzle, fog, rain, snow, sun,"
        " e.g. hail",
    ),
    "NaN": (
        lambda t: change(t, "wind", {5: float("nan")}),
        "not_be_null",
        "wind: 1 of 400 values (0.25 %) are missing (NULL or NaN)",
    ),
    "inf": (
        lambda t: change(t, "temp_max", {5: float("inf"), 6: float("inf"), 9: float("inf")}),
        "values_to_be_between",
        "temp_max: 3 of 400 values (0.75 %) are outside -30..50, e.g. inf at date=2025-10-20",
    ),
    "-inf": (
        lambda t: change(t, "temp_min", {5: float("-inf")}),
        "values_to_be_between",
        "temp_min: 1 of 400 values (0.25 %) are outside -35..40, e.g. -inf at date=2025-10-20",
    ),
    "duplicated key": (repeat, "be_unique", "date: 2 of 401 values (0.5 %) are duplicated"),
    "future": (
        lambda t: change(t, "date", {399: date(2036, 1, 1)}),
        "values_to_be_between",
        "date: 1 of 400 values (0.25 %) lie after 2026-11-20 (rows from the future),"
        " e.g. date=2036-01-01",
    ),
    "broken pair": (
        lambda t: change(t, "temp_min", {5: 39.0}),
        "pair_values",
        "temp_max, temp_min: 1 of 400 values (0.25 %) break temp_max ≥ temp_min",
    ),
}


@pytest.mark.parametrize(("damage", "kind", "reason"), DAMAGES.values(), ids=DAMAGES.keys())
def test_refuses_and_says_why(damage: Damage, kind: str, reason: str, local: Settings) -> None:
    result = check(damage(weather_table()), local)

    assert not result.passed
    [told, *_] = [f for f in result.failed if kind in f.expectation]
    assert told.reason.startswith(reason)
    page = (local.home / "data_docs" / result.docs).read_text()
    assert "✗ failed" in page
    assert told.reason.partition("(")[0].partition(" ≥")[0] in page


def test_a_missing_column_is_told_once_and_first(local: Settings) -> None:
    table = change(weather_table().drop_columns("temp_max"), "wind", {5: 999.0})

    result = check(table, local)

    assert [failure.column for failure in result.failed] == [None, "wind"]
    assert "4 other checks could not run because of it" in result.failed[0].reason


def test_a_check_that_raises_has_failed(local: Settings, tmp_path: Path) -> None:
    bad = {"type": "expect_column_values_to_match_regex",
           "kwargs": {"column": "condition", "regex": "("}}  # fmt: skip
    folder = with_suite(tmp_path, lambda checks: [*checks, bad])

    result = check(weather_table(), but(local, expectations_dir=folder))

    assert not result.passed
    [failure] = result.failed
    assert "could not be checked" in failure.reason
    assert "Invalid regular expression" in failure.reason


def test_names_the_failing_rows(local: Settings) -> None:
    result = check(change(weather_table(), "wind", {5: float("inf"), 6: 300.0}), local)

    [failure] = result.failed
    assert failure.rows == (
        {"date": "2025-10-20", "wind": "inf"},
        {"date": "2025-10-21", "wind": 300.0},
    )
    assert "2025-10-21" in (local.home / "data_docs" / result.docs).read_text()
    assert ValidationRef.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_missing_values_are_told_as_missing(local: Settings) -> None:
    result = check(change(weather_table(), "wind", {5: None, 6: float("nan")}), local)

    [failure] = result.failed
    assert failure.reason.endswith("are missing (NULL or NaN), e.g. date=2025-10-20")
    assert failure.rows == (
        {"date": "2025-10-20", "wind": None},
        {"date": "2025-10-21", "wind": None},
    )


def test_a_note_of_extract_explains_its_failure(local: Settings) -> None:
    note = "the target 'rain_tomorrow' could not be computed: no column precipitation"
    table = replace(weather_table(), "rain_tomorrow", pa.nulls(400, pa.float64()))

    result = check(change(table, "wind", {5: 99.0}), local, note)

    assert {failure.column for failure in result.failed} == {"rain_tomorrow", "wind"}
    told = [failure.column for failure in result.failed if note in failure.reason]
    assert told == ["rain_tomorrow"]


@pytest.mark.parametrize(
    ("kind", "name", "now", "later"),
    [
        (pa.date32(), "date", date(2026, 11, 20), date(2026, 11, 21)),
        (pa.timestamp("us"), "datetime64", datetime(2026, 11, 20), datetime(2026, 11, 20, 0, 1)),
        (pa.timestamp("us", "UTC"), "Timestamp", AS_OF, AS_OF + timedelta(minutes=1)),
    ],
    ids=str,
)
def test_compares_as_of_with_every_kind_of_time(
    kind: pa.DataType, name: str, now: Any, later: Any, local: Settings, tmp_path: Path
) -> None:
    def retyped(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for each in checks:
            if each["kwargs"].get("column") == "date" and "type_" in each["kwargs"]:
                each["kwargs"]["type_"] = name
        return checks

    asked = but(local, expectations_dir=with_suite(tmp_path, retyped))
    table = replace(weather_table(), "date", weather_table()["date"].cast(kind))

    assert check(change(table, "date", {399: now}), asked).passed
    refused = check(change(table, "date", {399: later}), asked)
    assert [failure.column for failure in refused.failed] == ["date"]
    assert "rows from the future" in refused.failed[0].reason


def test_a_compound_key_must_be_unique(local: Settings, tmp_path: Path) -> None:
    use_case = but(WEATHER, source=but(WEATHER.source, key=("date", "condition")))
    together = {"type": "expect_compound_columns_to_be_unique",
                "kwargs": {"column_list": ["date", "condition"]}}  # fmt: skip
    folder = with_suite(
        tmp_path, lambda checks: [together, *(c for c in checks if "to_be_unique" not in c["type"])]
    )
    asked = but(local, expectations_dir=folder)

    assert check(weather_table(), asked, use_case=use_case).passed
    [failure] = check(repeat(weather_table()), asked, use_case=use_case).failed

    assert failure.reason.startswith("date, condition: 2 of 401 values (0.5 %) are duplicated")
    assert set(failure.rows[0]) == {"date", "condition"}


def with_suite(folder: Path, edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Path:
    """Write a changed copy of the weather suite into a folder of its own."""
    suite = json.loads((PROJECT / "expectations" / "weather.json").read_text())
    suite["expectations"] = edit(suite["expectations"])
    (folder / "suites").mkdir(exist_ok=True)
    (folder / "suites" / "weather.json").write_text(json.dumps(suite))
    return folder / "suites"


def test_refuses_a_suite_without_the_mandatory_checks(local: Settings, tmp_path: Path) -> None:
    asked = but(local, expectations_dir=with_suite(tmp_path, lambda checks: checks[1:]))

    with pytest.raises(SuiteError, match="row_count"):
        check(weather_table(), asked)


def test_refuses_bytes_that_were_changed(local: Settings) -> None:
    snapshot = snapshot_of(weather_table(), WEATHER, local)
    [path] = Path(snapshot.uri).parent.glob("chunks/*")
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")

    with pytest.raises(SnapshotCorrupt):
        validate(snapshot, WEATHER, settings=local)


def test_columns_keep_their_type_with_nulls() -> None:
    table = pa.table({"n": pa.array([1, None], pa.int64()), "b": [True, None], "f": [1.0, None]})

    frame = to_pandas(table)

    assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "float64"]


def test_the_same_snapshot_has_one_page_that_does_not_change(local: Settings) -> None:
    first = check(weather_table(), local)
    page = (local.home / "data_docs" / first.docs).read_bytes()
    again = check(weather_table(), local)

    assert again == first
    assert (local.home / "data_docs" / first.docs).read_bytes() == page
    assert len([*(local.home / "data_docs").glob("validations/**/*.html")]) == 1


def test_the_index_lists_every_run_and_links_to_its_page(local: Settings) -> None:
    passed = check(weather_table(), local)
    failed = check(repeat(weather_table()), local)

    index = (local.home / "data_docs" / "index.html").read_text()

    assert passed.docs in index
    assert failed.docs in index
    assert "date: 2 of 401 values" in index


def test_the_pages_run_no_scripts_load_nothing_and_escape_values(local: Settings) -> None:
    result = check(change(weather_table(), "condition", {3: "<script>alert(1)</script>"}), local)

    for page in ("index.html", result.docs):
        html = (local.home / "data_docs" / page).read_text()
        assert "<script" not in html
        assert "https://" not in html
        assert "default-src 'none'" in html
        assert "&lt;script&gt;" in html


def test_no_file_holds_a_secret(local: Settings) -> None:
    check(weather_table(), local)

    files = [path for path in local.home.rglob("*") if path.is_file()]

    assert files
    assert not [path for path in files if b"hunter2" in path.read_bytes()]


def validate_elsewhere(folder: Path, day: int) -> None:
    settings = local_settings(folder)
    table = change(weather_table(), "wind", {day: 3.0 + day / 100})
    assert check(table, settings).passed


def test_several_processes_may_validate_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=validate_elsewhere, args=(tmp_path, day)) for day in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0] * 4
    index = (tmp_path / "data_docs" / "index.html").read_text()
    assert index.count("✓ passed") == 4


def test_a_page_that_was_deleted_comes_back(local: Settings) -> None:
    first = check(weather_table(), local)
    shutil.rmtree(local.home / "data_docs")

    check(weather_table(), local)

    assert (local.home / "data_docs" / first.docs).is_file()

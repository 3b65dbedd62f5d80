import sys

import pytest

from evergreen.data.warehouse import connect, reading
from evergreen.quality import profiling
from evergreen.quality.profiling import ColumnProfile
from evergreen.settings import Settings

MOST = sys.float_info.max


def profile(settings: Settings, ddl: str) -> profiling.TableProfile:
    with connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(ddl)
    with reading(settings.database_url) as moment:
        return profiling.profile(moment, "t")


def test_counts_nulls_and_finds_finite_extremes(settings: Settings) -> None:
    found = profile(
        settings,
        "CREATE TABLE t (x float8, y int);"
        "INSERT INTO t VALUES (1, 1), (3, NULL), ('NaN', 2), ('Infinity', 2), ('-Infinity', 2)",
    )

    x, y = found.columns["x"], found.columns["y"]
    assert (found.rows, x.low, x.high, x.nulls) == (5, 1, 3, 0)
    assert (y.low, y.high, y.nulls, y.values) == (1, 2, 1, (1, 2))


def test_keeps_few_values_and_forgets_many(settings: Settings) -> None:
    found = profile(
        settings,
        "CREATE TABLE t AS SELECT 'v' || n % 20 AS few, 'v' || n AS many"
        " FROM generate_series(1, 100) AS n",
    )

    assert len(found.columns["few"].values or ()) == 20
    assert found.columns["many"].values is None


def test_names_types_as_a_suite_does(settings: Settings) -> None:
    found = profile(
        settings,
        "CREATE TABLE t (a smallint, b int, c bigint, d real, e float8, f numeric, g boolean,"
        " h text, i varchar(3), j date, k timestamp, l timestamptz, m jsonb, n uuid)",
    )

    assert [column.type for column in found.columns.values()] == [
        "int16", "int32", "int64", "float32", "float64", "float64", "bool",
        "str", "str", "date", "datetime64", "Timestamp", "str", "str",
    ]  # fmt: skip


def test_reads_the_primary_key_in_its_order(settings: Settings) -> None:
    found = profile(settings, "CREATE TABLE t (a int, b int, c int, PRIMARY KEY (c, a))")

    assert found.primary_key == ("c", "a")


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        (4.3, 7.9, (2.5, 9.7)),
        (0.0, 55.9, (0.0, 83.9)),
        (-7.1, 18.3, (-19.8, 31.0)),
        (5, 5, (2.5, 7.5)),
        (0, 0, (0.0, 1.0)),
        (0.001, 0.002, (0.0005, 0.0025)),
        (1e9, 2e9, (5e8, 2.5e9)),
        (-MOST, MOST, (-MOST, MOST)),
        (1e300, MOST, (0.0, MOST)),
    ],
)
def test_bounds_leave_half_the_range_as_slack(
    low: float, high: float, bounds: tuple[float, float]
) -> None:
    column = ColumnProfile(name="x", type="float64", nulls=0, low=low, high=high)

    assert column.bounds == pytest.approx(bounds)

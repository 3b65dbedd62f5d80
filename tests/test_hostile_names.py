"""Columns and tables may be called anything: a name is never read as SQL, or as a placeholder."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import pytest

from database import query
from evergreen import ingest
from evergreen.data import warehouse
from evergreen.data.extraction import extract, has_changed
from evergreen.data.snapshots import of
from evergreen.dossier.document import Inputs, RawColumn
from evergreen.learning import features
from evergreen.quality import profiling
from evergreen.scoring.columns import Told
from evergreen.scoring.raw import ScoringInterval
from evergreen.scoring.sinks import into_table
from evergreen.serving import history
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings
from evergreen.spec import Dialect, Features, Source, UseCase, Windows
from learning import IRIS, WEATHER

KEY, TIME, TARGET = 'k"; DROP TABLE victim; --', "t'; DROP TABLE victim; --", "100%"
NUMBERS, TEXT = ("%(x)s %s", "{n}; \\"), "$1 é /*"
NAMES = (KEY, TIME, TARGET, *NUMBERS, TEXT)
DAYS = 120
AS_OF = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def hostile(settings: Settings) -> Iterator[str]:
    """A table of such columns; what it would be bad to lose lies beside it."""
    url, first = settings.database_url, date(2026, 1, 1)
    days = [first + timedelta(days=n) for n in range(DAYS)]
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.victim (id int)")
    rows = {
        KEY: range(DAYS), TIME: days, TARGET: [n % 2 == 0 for n in range(DAYS)],
        NUMBERS[0]: [n / 7 for n in range(DAYS)], NUMBERS[1]: [n / 3 for n in range(DAYS)],
        TEXT: ["a", "b"] * (DAYS // 2),
    }  # fmt: skip
    warehouse.write(url, "hostile", pa.table(rows))
    yield url
    assert query(url, "SELECT count(*) FROM victim") == [(0,)]


def use_case() -> UseCase:
    return replace(
        WEATHER,
        name="hostile",
        source=Source(table="hostile", key=(KEY,), timestamp=TIME, target=TARGET),
        features=Features(numeric=NUMBERS, categorical=(TEXT,)),
        baselines=IRIS.baselines,
        windows=Windows(holdout=timedelta(days=20)),
    )


def test_rows_are_taken_and_have_features(hostile: str, settings: Settings) -> None:
    taken = extract(use_case(), as_of=AS_OF, asked_at=AS_OF, settings=settings)

    built = features.build(taken, use_case(), settings)

    frame = features.load(built, settings)
    manifest = of(settings).manifest(taken.uri)
    assert list(frame) == [KEY, TIME, "part", *NUMBERS, TEXT, TARGET]
    assert frame[KEY].tolist() == list(range(DAYS))
    assert frame[NUMBERS[1]].iloc[-1] == pytest.approx((DAYS - 1) / 3)
    assert not has_changed(use_case(), manifest, asked_at=AS_OF, settings=settings)


def test_a_comment_at_the_end_of_a_query_hides_nothing(hostile: str, settings: Settings) -> None:
    source = Source(
        query="SELECT * FROM hostile -- all",
        key=(KEY,), timestamp=TIME, target="even", target_sql=f'"{TARGET}" -- or odd',
    )  # fmt: skip
    commented = replace(use_case(), source=source)

    taken = extract(commented, as_of=AS_OF, asked_at=AS_OF, settings=settings)

    assert (taken.rows, taken.notes) == (DAYS, ())


def test_rows_are_found_by_key(hostile: str) -> None:
    def raw(name: str, kind: str) -> RawColumn:
        return RawColumn(name=name, type=kind, nullable=False)

    inputs = Inputs(
        columns=(raw(TIME, "date32[day]"), raw(NUMBERS[0], "double")), key=(raw(KEY, "int64"),),
        timestamp=TIME, lookback=timedelta(days=5), computed=True, numeric=NUMBERS[:1],
        categorical=(), code_sha256="", table=None, query="SELECT * FROM hostile WHERE '%s' <> '%'",
    )  # fmt: skip
    contract: Any = SimpleNamespace(inputs=inputs, frame=pd.DataFrame)

    frame, places = history.read(hostile, contract, [{KEY: 50}, {KEY: 52}], inputs.lookback)

    assert frame[KEY].tolist() == list(range(45, 53))
    assert places.tolist() == [5, 7]


def test_a_delivery_lands(hostile: str, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    header = ";".join('"' + name.replace('"', '""') + '"' for name in NAMES)
    file.write_text(f"{header}\n500;2026-05-01;true;1.5;2.5;c\n3;2026-01-04;true;0;0;d\n")
    with warehouse.connect(hostile) as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE hostile ADD PRIMARY KEY ({warehouse.quoted(KEY)})")

    landed = ingest.load(str(file), "hostile", (KEY,), Dialect(separator=";"), settings=settings)

    assert landed.rows == 2
    assert query(hostile, "SELECT count(*) FROM hostile") == [(DAYS + 1,)]


def test_predictions_are_put_into_a_table(hostile: str) -> None:
    champion = ModelRef(
        use_case="hostile", version=1, run_id="r", model_uri="m", sha256="0" * 64,
        snapshot_sha256="1" * 64,
    )  # fmt: skip
    interval = ScoringInterval(start=AS_OF, end=AS_OF + timedelta(days=1))
    rows = pa.table({KEY: [1, 2], TARGET: [0.5, 1.5]})

    for _ in range(2):
        told = Told(champion, interval, AS_OF)
        with into_table(hostile, "predictions", rows.schema, [KEY], told) as sink:
            sink.write(rows)

    found = query(hostile, f'SELECT {warehouse.quoted(KEY)}, "100%", use_case FROM predictions')
    assert sorted(found) == [(1, 0.5, "hostile"), (2, 1.5, "hostile")]


@pytest.mark.parametrize("table", ["o'hara", "'); DROP TABLE victim; --", 'a"b', "50%"])
def test_a_table_is_looked_at_whatever_it_is_called(hostile: str, table: str) -> None:
    with warehouse.reading(hostile) as moment:
        assert not warehouse.exists(moment, table)
    with warehouse.connect(hostile) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {warehouse.identifier(table)} (id int PRIMARY KEY)")
        assert warehouse.types(cursor, table) == {"id": "integer"}

    with warehouse.reading(hostile) as moment:
        assert profiling.profile(moment, table).primary_key == ("id",)
    assert [column.name for column in warehouse.columns(hostile, table)] == ["id"]

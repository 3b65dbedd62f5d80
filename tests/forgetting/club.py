"""A club that one member leaves for good: trained, served, watched, refused once, on real parts."""

import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow.parquet as pq

from database import query, records_of
from evergreen import cycle
from evergreen.catalog import Catalog
from evergreen.data import snapshots
from evergreen.refs import Window
from evergreen.settings import Settings
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows
from evergreen.steps import Run
from evergreen.watching import watcher

NAME = "club"
ADA, EMAIL, FEE = 424242424242, "ada.lovelace@example.org", 4242.4242
MARKS = (str(ADA), EMAIL, str(FEE))
"""What nobody else has."""
FIRST = date(2025, 9, 1)
DAYS = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
"""Of the trainings."""
NOW = datetime(2026, 3, 9, tzinfo=UTC)


def logistic() -> Any:
    """Return a linear model."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def prior() -> Any:
    """Return the most frequent class, always."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


CLUB = UseCase(
    name=NAME,
    doc="Will a member leave the club?",
    owner="club",
    kind=Kind.BINARY,
    source=Source(
        table="members", key=("member", "day"), timestamp="day", target="gone",
        personal=("email",),
    ),
    windows=Windows(holdout=timedelta(days=60)),
    features=Features(numeric=("age", "fee"), categorical=("plan",)),
    candidates=(Candidate(name="logistic", build=logistic),),
    baselines=(Candidate(name="prior", build=prior),),
    gate=Gate(metric="roc_auc", floors={"roc_auc": 0.6}, min_rows=30, max_latency_ms=5000),
)  # fmt: skip
CATALOGUE = Catalog({NAME: CLUB})
TABLE = """
CREATE TABLE members (
    member bigint, day date, email text, age integer, fee double precision, plan text, gone boolean
)
"""
COLUMNS = {
    "member": "int64", "day": "date", "email": "str", "age": "int32", "fee": "float64",
    "plan": "str", "gone": "bool",
}  # fmt: skip


def suite() -> str:
    """Return the expectations, as GX writes them."""
    between = "expect_column_values_to_be_between"
    found: list[tuple[str, dict[str, Any]]] = [
        ("expect_table_row_count_to_be_between", {"min_value": 100}),
        ("expect_table_columns_to_match_set", {"column_set": [*COLUMNS], "exact_match": True}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["member", "day"]}),
        ("expect_column_distinct_values_to_equal_set",
         {"column": "gone", "value_set": [True, False]}),
        (between, {"column": "day", "max_value": {"$PARAMETER": "as_of"}}),
        (between, {"column": "age", "min_value": 0, "max_value": 120}),
        (between, {"column": "fee", "min_value": 0, "max_value": 10_000}),
        ("expect_column_value_lengths_to_be_between", {"column": "email", "min_value": 3}),
    ]  # fmt: skip
    found += [
        ("expect_column_values_to_be_of_type", {"column": name, "type_": kind})
        for name, kind in COLUMNS.items()
    ]
    found += [
        ("expect_column_values_to_not_be_null", {"column": name})
        for name in ("member", "day", "gone")
    ]
    expectations = [
        {"type": kind, "kwargs": kwargs, "meta": {}, "severity": "critical"}
        for kind, kwargs in found
    ]
    meta = {"great_expectations_version": "1.24.1"}
    return json.dumps({"name": NAME, "meta": meta, "expectations": expectations})


@dataclass(frozen=True)
class Club:
    """The settings of a club, and what was done in it."""

    settings: Settings

    def train(self, day: datetime) -> cycle.Cycle:
        """Train on what is known at a day."""
        asked = Run(as_of=day, asked_at=DAYS[-1], key=f"test/{day:%m%d%H}", actor="bob")
        return cycle.run(CLUB, asked, records=records_of(self.settings), settings=self.settings)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return query(self.settings.database_url, sql)

    def leave(self) -> None:
        """Let Ada leave the source."""
        self.ask(f"DELETE FROM members WHERE member = {ADA}")


def built(settings: Settings) -> Club:
    """Build a club: a delivery that was refused, two champions, answers, labels, a window."""
    club = Club(settings)
    (Path(settings.expectations_dir) / f"{NAME}.json").write_text(suite())
    _members(settings)
    club.ask(f"UPDATE members SET age = 999 WHERE member = {ADA}")
    refused = club.train(DAYS[0])
    assert refused.refused, refused.sentence
    club.ask(f"UPDATE members SET age = 36 WHERE member = {ADA}")
    for day in (DAYS[0] + timedelta(hours=1), DAYS[1]):
        done = club.train(day)
        assert done.promotion is not None and done.promotion.promoted, done.sentence
    _serve(settings)
    window = Window(start=DAYS[1], end=NOW)
    watcher.watch(CLUB, window, records=records_of(settings), settings=settings)
    return club


def answers(settings: Settings) -> list[list[tuple[Any, ...]]]:
    """Return what each answer that is kept says, beside the key and the label of its row."""
    kept, store = records_of(settings), snapshots.of(settings)
    found = []
    for decision in kept.decisions.newest(NAME, kind="gate"):
        evaluation = decision.evidence["evaluation"]
        features, challenger = evaluation["features"], evaluation["challenger"]
        rows = store.frame(features["uri"], features["sha256"])
        judged = rows[rows["part"] == "holdout"].reset_index(drop=True)
        said = store.frame(challenger["answers_uri"], challenger["answers_sha256"])
        both = judged[["member", "day", "gone"]].join(said, validate="1:1")
        assert len(judged) == len(said)
        found.append(list(both.itertuples(index=False, name=None)))
    return found


def _members(settings: Settings) -> None:
    draw = np.random.default_rng(0)
    rows = []
    for number in range(188):
        day = FIRST + timedelta(days=number)
        for _ in range(4):
            age, fee = int(draw.integers(18, 80)), round(float(draw.normal(40, 10)), 2)
            gone = bool(draw.random() < (0.8 if age < 40 else 0.2))
            member = int(draw.integers(1, 10**6))
            rows.append((member, day, f"m{member}@example.org", age, abs(fee), "gold", gone))
        if number in {20, 100, 180, 187}:
            rows.append((ADA, day, EMAIL, 36, FEE, "gold", number > 50))
    values = ", ".join(f"({m}, '{d}', '{e}', {a}, {f}, '{p}', {g})" for m, d, e, a, f, p, g in rows)
    query(settings.database_url, f"{TABLE}; INSERT INTO members VALUES {values}")


def _serve(settings: Settings) -> None:
    """Put answers on record, on the service's disk and into a log."""
    kept = records_of(settings)
    champion = kept.promotions.of(NAME)[0]
    names = ("use_case", "version", "run_id", "sha256", "snapshot_sha256")
    shared = {name: getattr(champion, name) for name in names} | {
        "code": "abc", "engine": "onnx", "variant": "champion", "output": 1, "latency_ms": 1.0,
        "time": (NOW - timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    ada = {"age": 36, "fee": FEE, "plan": "gold"}
    asked: list[dict[str, Any]] = [
        {"inputs": ada, "key": {"member": ADA, "day": "2026-03-04"}},
        {"inputs": ada, "subject": str(ADA)},
        {"inputs": ada | {"email": EMAIL}},
        {"inputs": {"age": 40, "fee": 40.0, "plan": "gold"}, "subject": "bob",
         "history": [{"member": ADA, "fee": FEE}]},
        *({"inputs": {"age": 20 + n, "fee": 30.0 + n, "plan": "gold"}, "subject": f"s{n}"}
          for n in range(30)),
    ]  # fmt: skip
    lines = []
    for one in asked:
        number = str(uuid4())
        lines.append(json.dumps({"id": number, "request_id": number} | shared | one).encode())
    kept.predictions.insert(lines)
    for line in lines:
        kept.labels.give(NAME, json.loads(line)["id"], 1)
    folder = settings.home / "spool" / "0001"
    folder.mkdir(parents=True)
    (folder / "00000000000000000001.jsonl").write_bytes(lines[0] + b"\n")
    log = settings.home / "airflow" / "logs" / "task.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"age: 1 of 761 values is above 120, e.g. 999 at member={ADA} of {EMAIL}\n")
    os.utime(log, (NOW.timestamp() - 3600,) * 2)


def traces(settings: Settings) -> dict[str, set[str]]:
    """Return where a mark is found, and which: in both databases, and in every file of the home."""
    found = {place: {mark for mark in MARKS if mark in text} for place, text in _texts(settings)}
    return {place: marks for place, marks in found.items() if marks}


def _texts(settings: Settings) -> Iterator[tuple[str, str]]:
    tracking = settings.tracking_uri.replace("postgresql+psycopg2", "postgresql")
    for url in (settings.database_url, tracking):
        tables = query(
            url, "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN"
            " ('pg_catalog', 'information_schema') AND tablename <> 'members'"
        )  # fmt: skip
        held = "SELECT '{0}', string_agg(held::text, chr(10)) FROM {0} AS held"
        found = query(url, " UNION ALL ".join(held.format(table) for (table,) in tables))
        yield from ((table, text) for table, text in found if text)
    for path in sorted(settings.home.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(settings.home)), _unpacked(path.name, path.read_bytes())


def _unpacked(name: str, content: bytes) -> str:
    if name.endswith(".parquet"):
        return str(pq.read_table(io.BytesIO(content)).to_pylist())
    if content[:2] == b"\x1f\x8b":
        return _unpacked(name.removesuffix(".gz"), gzip.decompress(content))
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "\n".join(_unpacked(one, archive.read(one)) for one in archive.namelist())
    return content.decode("utf-8", "replace") + content.decode("utf-32-le", "replace")

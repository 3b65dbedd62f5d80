import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore
from evergreen.judging import single_feature
from evergreen.judging.evidence import SingleFeature
from evergreen.spec import Features, Gate, Kind, UseCase
from learning import IRIS

ROWS = 1000
DICE = np.random.default_rng(0)
NOISE = DICE.normal(size=ROWS)
LABEL = (NOISE + DICE.normal(size=ROWS) > 0).astype(int)
SPECIES = np.array(["a", "b", "c"])[DICE.integers(0, 3, ROWS)]


def declared(kind: Kind, numeric: tuple[str, ...], categorical: tuple[str, ...] = ()) -> UseCase:
    metric = "r2" if kind is Kind.REGRESSION else "roc_auc"
    return replace(
        IRIS, kind=kind, source=replace(IRIS.source, target="y"), slices=(),
        features=Features(numeric=numeric, categorical=categorical),
        gate=Gate(metric=metric, floors={metric: 0.1}),
    )  # fmt: skip


def table(y: Any, **columns: Any) -> pd.DataFrame:
    part = np.where(np.arange(ROWS) < 800, "training", "holdout")
    return pd.DataFrame({"part": part, "y": y, **columns})


def found(use_case: UseCase, y: Any, **columns: Any) -> SingleFeature:
    rows = pa.Table.from_pandas(table(y, **columns), preserve_index=False)
    store = SnapshotStore(f"memory://{uuid.uuid4().hex}")
    stored = store.write("shop", rows.to_batches(), rows.schema, {})
    best = single_feature.strongest(use_case, Picked(store, stored.uri, stored.sha256))
    assert best is not None
    return best


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.REGRESSION])
def test_a_part_that_is_read_tells_what_all_rows_at_hand_do(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_feature, "ROWS", 300)
    columns = {"honest": NOISE + DICE.normal(size=ROWS), "name": SPECIES}
    y = LABEL if kind is Kind.BINARY else NOISE
    case = declared(kind, ("honest",), ("name",))

    whole = single_feature.scores(kind, "y", case.features, table(y, **columns))

    assert found(case, y, **columns) == max(whole, key=lambda one: one.score)


LEAKS: dict[str, tuple[Kind, Any, str, Any]] = {
    "the label": (Kind.BINARY, LABEL, "numeric", LABEL),
    "the label in words": (Kind.BINARY, LABEL, "categorical", np.where(LABEL, "no", "yes")),
    "missing until the label is known": (
        Kind.BINARY, LABEL, "numeric", np.where(LABEL, NOISE * NOISE, np.nan),
    ),
    "zero for one label alone": (Kind.BINARY, LABEL, "numeric", np.where(LABEL, 0.0, 1 / NOISE)),
    "one of several classes": (Kind.MULTICLASS, SPECIES, "categorical", SPECIES),
    "the value in another unit": (Kind.REGRESSION, NOISE, "numeric", NOISE * 0.9 + 3),
    "the value by its rank": (Kind.REGRESSION, NOISE, "numeric", np.exp(3 * NOISE)),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "y", "how", "leak"), LEAKS.values(), ids=LEAKS.keys())
def test_a_column_that_alone_tells_the_label_is_found_by_name(
    kind: Kind, y: Any, how: str, leak: Any
) -> None:
    columns = {"numeric": ("honest",), "categorical": ()}
    columns[how] += ("leak",)

    best = found(declared(kind, **columns), y, honest=NOISE + DICE.normal(size=ROWS), leak=leak)

    assert best.feature == "leak"
    assert best.score > 0.99


def test_what_only_helps_is_no_leak() -> None:
    best = found(declared(Kind.BINARY, numeric=("honest",)), LABEL, honest=NOISE)

    assert 0.6 < best.score < 0.9


def test_a_value_for_each_row_tells_nothing() -> None:
    use_case = declared(Kind.BINARY, numeric=("id",), categorical=("name",))

    best = found(use_case, LABEL, id=np.arange(ROWS), name=[f"n{n}" for n in range(ROWS)])

    assert best.score < 0.6


def test_a_value_that_grows_beyond_what_was_seen_is_still_found() -> None:
    trend = np.arange(ROWS, dtype=float)

    best = found(declared(Kind.REGRESSION, numeric=("x",)), trend * 2, x=trend)

    assert best.score > 0.99


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.REGRESSION])
def test_a_column_without_a_value_where_it_is_learned_from_tells_nothing(kind: Kind) -> None:
    new = np.where(np.arange(ROWS) < 800, np.nan, NOISE)
    y = LABEL if kind is Kind.BINARY else NOISE

    best = found(declared(kind, ("new", "honest")), y, new=new, honest=NOISE + LABEL)

    assert best.feature == "honest"


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.REGRESSION])
def test_numbers_beyond_those_of_a_tree_are_ranked(kind: Kind) -> None:
    y = LABEL if kind is Kind.BINARY else NOISE
    sentinel = np.where(np.arange(ROWS) % 100 == 0, np.finfo(float).max, NOISE)

    best = found(declared(kind, ("x",)), y, x=sentinel)

    assert best.score > 0.6

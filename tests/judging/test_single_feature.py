from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

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


def found(use_case: UseCase, y: Any, **columns: Any) -> SingleFeature:
    part = np.where(np.arange(ROWS) < 800, "training", "holdout")
    best = single_feature.strongest(use_case, pd.DataFrame({"part": part, "y": y, **columns}))
    assert best is not None
    return best


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

"""Sentences are asked for, and not compared: every one of them is another."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from evergreen.dossier import Inputs, RawColumn
from evergreen.watching import reference
from evergreen.watching.drift import CATEGORICAL, NUMERIC


def inputs(**changes: Any) -> Inputs:
    named = {"distance": "double", "carrier": "string", "notes": "string"}
    columns = tuple(RawColumn(name=n, type=t, nullable=True) for n, t in named.items())
    return Inputs(
        columns=columns, key=(), timestamp=None, lookback=timedelta(0), computed=False,
        numeric=("distance",), categorical=("carrier",), code_sha256="", table="flights",
        query=None, **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"), [("distance", NUMERIC), ("carrier", CATEGORICAL), ("notes", reference.TEXT)]
)
def test_what_a_column_is_compared_as(name: str, kind: str) -> None:
    found = inputs(text=("notes",))
    [column] = [one for one in found.columns if one.name == name]

    assert reference.kind_of(SimpleNamespace(inputs=found), column) == kind  # type: ignore[arg-type]


def test_a_dossier_from_before_has_no_sentences() -> None:
    document = inputs(text=("notes",)).to_json()
    del document["text"]

    assert Inputs.from_json(document).text == ()

"""What batch scoring lets in is what the service takes."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from evergreen.dossier import Inputs, RawColumn
from evergreen.scoring.admission import Admission
from evergreen.scoring.raw import of_file
from evergreen.serving import contract

REVIEW = RawColumn(name="review", type="string", nullable=True)


def inputs(text: tuple[str, ...]) -> Inputs:
    return Inputs(
        columns=(REVIEW,), key=(RawColumn(name="id", type="int64", nullable=False),),
        timestamp=None, lookback=timedelta(0), computed=False, numeric=(), categorical=(),
        text=text, code_sha256="", table="t", query=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "length"), [((), 1_000), ((), 1_500), (("review",), 1_500), (("review",), 20_001)]
)
def test_a_text_may_be_as_long_as_over_http(text: tuple[str, ...], length: int) -> None:
    asked, takes = inputs(text), True
    try:
        TypeAdapter(contract._annotation(REVIEW, text)).validate_python("x" * length)
    except ValidationError:
        takes = False
    rows = pa.table({"id": [1], "review": ["x" * length]})

    let_in = Admission(asked, rows.schema).admit(rows, np.ones(1, bool)).tolist()

    assert let_in == [takes]


def test_categories_of_a_file_are_their_values(tmp_path: Path) -> None:
    source = str(tmp_path / "reviews.parquet")
    reviews = ["good", "x" * 1_001, None, "good"]
    pd.DataFrame({"id": range(4), "review": pd.Categorical(reviews)}).to_parquet(source)

    with of_file(source, inputs(())) as raw:
        rows = pa.Table.from_batches(raw.batches, raw.schema)

    admission = Admission(inputs(()), raw.schema)
    assert admission.admit(rows, np.ones(4, bool)).tolist() == [True, False, True, True]
    assert admission.frame(rows)["review"].tolist()[::3] == ["good", "good"]

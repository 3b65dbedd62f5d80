"""What batch scoring lets in is what the service takes."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from evergreen.dossier import Inputs, RawColumn
from evergreen.scoring.admission import Admission
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

"""Which rows look back at a refused one is no matter of where a chunk ends."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from evergreen.dossier import Inputs, RawColumn
from evergreen.scoring.past import Past

CITY = RawColumn(name="city", type="string", nullable=False)
AT = RawColumn(name="at", type="timestamp[us]", nullable=False)
INPUTS = Inputs(
    columns=(CITY, AT), key=(CITY, AT), timestamp="at", lookback=timedelta(days=3),
    entity=("city",), computed=True, numeric=(), categorical=("city",), code_sha256="",
    table="t", query=None,
)  # fmt: skip
CITIES, DAYS = ["a", "a", "b", "b", "b", "b", "c", "c"], [8, 9, 1, 2, 3, 6, 1, 2]
FIT = np.array([True, True, False, True, True, True, True, False])
TAINTED = [False, False, True, True, True, False, False, True]


@pytest.mark.parametrize("end", range(1, len(DAYS)))
def test_a_refused_row_is_remembered_wherever_a_chunk_ends(end: int) -> None:
    moments = pa.array([datetime(2026, 1, day) for day in DAYS], pa.timestamp("us"))
    table, past = pa.table({"city": CITIES, "at": moments}), Past(INPUTS, by_entity=True)

    before = past.add(table[:end], FIT[:end])
    past.forget()
    after = past.add(table[end:], FIT[end:])

    assert [*before, *after] == TAINTED

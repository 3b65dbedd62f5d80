"""What is written of each scored row.

| columns | |
| --- | --- |
| those of the key | as the rows have them |
| `prediction` | a class, or a value |
| `probability`, `probabilities` | classification: of the prediction, and of each class (JSON) |
| `lower`, `upper` | regression: the interval, NULL where the model gives none |
| `use_case` to `scored_at` | the same in every row of a run: `Told` |
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from evergreen.dossier import Answers, Inputs
from evergreen.learning.models import Output
from evergreen.scoring.asking import Answered
from evergreen.scoring.raw import ScoringInterval
from evergreen.serving.model_ref import ModelRef
from evergreen.spec import Kind

MOMENT = pa.timestamp("us", tz="UTC")
LABELS: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), str: pa.string()}
SQL = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_floating, "double precision"),
    (pa.types.is_date, "date"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz, "timestamp with time zone"),
    (pa.types.is_timestamp, "timestamp without time zone"),
)
"""What Arrow has, and the PostgreSQL type of the same values; all else is text."""
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class Told:
    """What is the same in every row of a run."""

    champion: ModelRef
    interval: ScoringInterval
    scored_at: datetime

    @property
    def values(self) -> dict[str, Any]:
        """Each value by the name of its column."""
        return {
            "use_case": self.champion.use_case,
            "version": self.champion.version,
            "model_sha256": self.champion.sha256,
            "snapshot_sha256": self.champion.snapshot_sha256,
            "interval_start": self.interval.start,
            "interval_end": self.interval.end,
            "scored_at": self.scored_at,
        }


SAME = pa.schema({
    "use_case": pa.string(), "version": pa.int64(), "model_sha256": pa.string(),
    "snapshot_sha256": pa.string(), "interval_start": MOMENT, "interval_end": MOMENT,
    "scored_at": MOMENT,
})  # fmt: skip
"""The columns of `Told`."""


def own(inputs: Inputs, rows: pa.Schema, answers: Answers) -> pa.Schema:
    """Return the columns that differ from row to row."""
    key = [rows.field(column.name).with_nullable(True) for column in inputs.key]
    if answers.kind is Kind.REGRESSION:
        found = dict.fromkeys(("prediction", "lower", "upper"), pa.float64())
    else:
        said = LABELS.get(type(answers.classes[0]), pa.float64())
        found = {"prediction": said, "probability": pa.float64(), PROBABILITIES: pa.string()}
    return pa.schema([*key, *(pa.field(name, kind) for name, kind in found.items())])


def table(answered: Answered, schema: pa.Schema) -> pa.Table:
    """Return the columns of `own` for n answered rows."""
    output = answered.output
    found = _values(output) if output.classes is None else _classes(output)
    return pa.Table.from_arrays(
        [
            answered.rows[field.name].combine_chunks()
            if field.name in answered.rows.schema.names and field.name not in found
            else pa.array(found[field.name], field.type)
            for field in schema
        ],
        schema=schema,
    )


def whole(rows: pa.Table, told: Told) -> pa.Table:
    """Return rows with the columns that are the same in all of them."""
    for field in SAME:
        same = pa.scalar(told.values[field.name], field.type)
        rows = rows.append_column(field, pa.repeat(same, len(rows)))
    return rows


def sql(schema: pa.Schema) -> dict[str, str]:
    """Return the PostgreSQL type of each column."""
    return {
        field.name: "jsonb" if field.name == PROBABILITIES else _sql(field.type) for field in schema
    }


def _sql(kind: pa.DataType) -> str:
    return next((name for fits, name in SQL if fits(kind)), "text")


def _values(output: Output) -> dict[str, Any]:
    half = output.half_width
    if half is None:
        nothing = pa.nulls(len(output), pa.float64())
        return {"prediction": output.labels, "lower": nothing, "upper": nothing}
    low, high = output.labels - half, output.labels + half
    return {"prediction": output.labels, "lower": low, "upper": high}


def _classes(output: Output) -> dict[str, Any]:
    nothing = [None] * len(output)
    found = {"prediction": output.labels, "probability": nothing, PROBABILITIES: nothing}
    if output.probabilities is None or output.classes is None:
        return found
    places = np.searchsorted(output.classes, output.labels)
    said = output.probabilities[np.arange(len(output)), places].astype(float)
    texts = _documents(list(map(str, output.classes.tolist())), output.probabilities.tolist())
    return found | {"probability": said, PROBABILITIES: texts}


def _documents(names: Sequence[str], rows: Sequence[Sequence[float]]) -> list[str]:
    """Write each row as a JSON object; a float's digits are those of JSON."""
    form = ", ".join(f"{json.dumps(name).replace('%', '%%')}: %r" for name in names)
    return [f"{{{form % tuple(row)}}}" for row in rows]

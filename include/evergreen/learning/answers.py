"""What a recipe answered to the judged rows, kept as a Parquet snapshot: evidence in bytes.

kept = keep("weather", output, settings)
load(ref, settings).probabilities        # of the judged rows, in their order
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from evergreen.data import snapshots
from evergreen.data.snapshots import StoredSnapshot
from evergreen.learning.models import Output
from evergreen.refs import CandidateRef
from evergreen.settings import Settings


def keep(use_case: str, output: Output, settings: Settings) -> StoredSnapshot:
    """Store the answers."""
    rows = table(output)
    store = snapshots.of(settings)
    return store.write(f"{use_case}.answers", rows.to_batches(), rows.schema, {"step": "train"})


def load(ref: CandidateRef, settings: Settings) -> Output:
    """Return the answers of a training.

    Raises:
        SnapshotCorrupt: they are missing, or not those that were kept.
    """
    return read(ref.answers_uri, ref.answers_sha256, settings)


def read(uri: str, sha256: str, settings: Settings) -> Output:
    """Return the answers of that address and digest.

    Raises:
        SnapshotCorrupt: they are missing, or not those that were kept.
    """
    return output(snapshots.of(settings).table(uri, sha256))


def table(output: Output) -> pa.Table:
    """Return answers as columns: `label`, `half_width`, and `p_` with each class as JSON.

    Without probabilities, each class is a column of nulls: one that is never said is one, too.
    """
    columns: dict[str, Any] = {"label": output.labels}
    if output.half_width is not None:
        columns["half_width"] = np.broadcast_to(output.half_width, len(output)).copy()
    if output.classes is not None:
        names = [f"p_{json.dumps(name)}" for name in output.classes.tolist()]
        unknown = pa.nulls(len(output), pa.float64())
        chances = [unknown] * len(names)
        if output.probabilities is not None:
            chances = [pa.array(one) for one in output.probabilities.T]
        columns |= dict(zip(names, chances, strict=True))
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def output(rows: pa.Table) -> Output:
    """Return columns as answers again."""
    labels = rows["label"].to_numpy()
    labels = labels.astype(str) if labels.dtype == object else labels.copy()
    widths = rows["half_width"].to_numpy() if "half_width" in rows.column_names else None
    columns = [name for name in rows.column_names if name.startswith("p_")]
    if not columns:
        classes = None if labels.dtype.kind == "f" else np.unique(labels)
        return Output(labels, None, classes, widths)
    classes = np.array([json.loads(name[2:]) for name in columns])
    if any(rows[name].null_count for name in columns):
        return Output(labels, None, classes, widths)
    chances = np.stack([rows[name].to_numpy() for name in columns], axis=1)
    return Output(labels, chances, classes, widths)

"""Rows of a subject beside models: golden rows, and the examples that MLflow keeps.

    beside = Beside(subject, values, records, settings)
    beside.versions(apply=False)       # how many versions have golden rows of it
    beside.taught(versions)            # which models hold a mark in their bytes, and cannot forget

Golden rows have no key, unless it is a feature: they are known by values that the subject's rows
have and no other row has. The digest of golden rows is on record with each promotion, and changes
together with them. Of a version that was pruned only its dossier is left: there they lie, and prove
nothing any more.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from evergreen import dossier
from evergreen.champions.proof import golden_digest
from evergreen.data import snapshots
from evergreen.data.rewriting import Mask
from evergreen.dossier import Dossier
from evergreen.errors import ModelRefused
from evergreen.forgetting.subject import Subject
from evergreen.learning import erasing, models, tracking
from evergreen.learning.models import Golden
from evergreen.records import Records
from evergreen.refs import Json
from evergreen.settings import Settings

EXAMPLES = ("input_example.json", "serving_input_example.json")
"""Files of MLflow, in a model's folder."""
SPLIT = "dataframe_split"
ANEW = 20
"""Golden rows that are drawn when all of them were the subject's."""


@dataclass(frozen=True)
class Beside:
    """What lies beside the models of a use case, and one subject in it."""

    subject: Subject
    values: Callable[[tuple[str, ...]], pd.DataFrame]
    """Values of its rows in some columns that no other row has."""
    records: Records
    settings: Settings
    _known: dict[tuple[str, ...], set[tuple[str, ...]]] = field(default_factory=dict)

    def versions(self, *, apply: bool) -> int:
        """Count the versions whose golden rows hold some, and write these anew."""
        documents = self.records.subjects.dossiers(self.subject.use_case)
        held = {n: d for n, d in documents.items() if self._mask(d["golden"]["rows"]).any()}
        for version, document in held.items() if apply else ():
            self._renew(version, Dossier.from_json(document))
        return len(held)

    def runs(self, *, apply: bool) -> int:
        """Count the files of runs and models that hold some, and write them anew."""
        return sum(
            self._golden_file(run_id, apply=apply) + self._examples(run_id, apply=apply)
            for run_id in self._runs()
        )

    def taught(self, versions: Sequence[int]) -> list[int]:
        """Return the versions whose model holds a mark in its bytes: it has learned it."""
        return [version for version in versions if self._holds_mark(version)]

    def _renew(self, version: int, own: Dossier) -> None:
        pruned = self._bytes(own) is None
        left = self._without(Golden.from_json(own.golden))
        golden = left if pruned else self._proving(own, left)
        run_id = own.model.run_id
        self.records.subjects.golden(
            own.use_case, version, run_id, golden.to_json(), golden_digest(golden)
        )
        if not pruned:
            self._upload(f"runs:/{run_id}", tracking.GOLDEN_FILE, golden.to_json())

    def _without(self, golden: Golden) -> Golden:
        """Return golden rows without the subject's, and what was said of them."""
        keep = ~self._mask(golden.to_json()["rows"])
        rows = golden.rows[keep].reset_index(drop=True)
        return Golden(rows, golden.output.take(np.flatnonzero(keep)))

    def _proving(self, own: Dossier, left: Golden) -> Golden:
        """Return golden rows that prove the model: those that are left, or others in their place.

        Where features look back, the rows after one that is gone have other features.
        """
        if len(left.rows) and not own.inputs.looks_back:
            return left
        rows = left.rows if len(left.rows) else self._others(own)
        if rows is None:
            return left
        model = tracking.fetch_model(self.settings, own.model.uri, own.model.sha256)
        return models.golden(model, rows)

    def _others(self, own: Dossier) -> pd.DataFrame | None:
        """Return some rows of other subjects, from what the model has learned from.

        None: that was pruned.
        """
        snapshot, store = own.learned.snapshot, snapshots.of(self.settings)
        if not store.has(snapshot.uri):
            return None
        names = list(dict.fromkeys([*own.inputs.names, *self.subject.columns]))
        table = store.table(snapshot.uri, snapshot.sha256, names)
        others = table.filter(pa.array(~self.subject.holds(table))).select(own.inputs.names)
        frame: pd.DataFrame = others.to_pandas(date_as_object=False)
        return frame.tail(ANEW)

    def _golden_file(self, run_id: str, *, apply: bool) -> int:
        """Look at the golden rows of a run that no dossier has renewed already."""
        run = tracking.find_run(self.settings, run_id)
        document = run and self._fetch(str(run.info.artifact_uri), tracking.GOLDEN_FILE)
        if not document:
            return 0  # it is gone by now, or made no model that serves
        golden = Golden.from_json(document)
        if not self._mask(golden.to_json()["rows"]).any():
            return 0
        if apply:
            self._upload(f"runs:/{run_id}", tracking.GOLDEN_FILE, self._renewed(run_id, golden))
        return 1

    def _renewed(self, run_id: str, golden: Golden) -> Json:
        """Return the golden rows as the run's dossier has them; else those that are left."""
        for document in self.records.subjects.dossiers(self.subject.use_case).values():
            if document["model"]["run_id"] == run_id:
                return dict(document["golden"])
        return self._without(golden).to_json()

    def _examples(self, run_id: str, *, apply: bool) -> int:
        found = 0
        for place in erasing.models_of(self.settings, run_id):
            for name in EXAMPLES:
                document = self._fetch(place, name)
                if document is None or (left := self._example(document)) == document:
                    continue
                found += 1
                if apply:
                    self._upload(place, name, left)
        return found

    def _example(self, document: Json) -> Json:
        """Return an example of MLflow (columns, and rows of values) without the subject's rows."""
        if SPLIT in document:
            return document | {SPLIT: self._example(document[SPLIT])}
        columns, data = document["columns"], document["data"]
        rows = {name: {"values": [row[n] for row in data]} for n, name in enumerate(columns)}
        gone = self._mask(rows)
        kept = [n for n in range(len(data)) if not gone[n]]
        left = document | {"data": [data[n] for n in kept]}
        if "index" in document:
            left["index"] = list(range(len(kept)))
        return left

    def _mask(self, rows: Json) -> Mask:
        """Tell which rows, as golden rows are written, are the subject's."""
        columns = {name: column["values"] for name, column in rows.items()}
        count = len(next(iter(columns.values()), ()))
        told = [{n: values[row] for n, values in columns.items()} for row in range(count)]
        own = self._own(tuple(columns)) if count else set()
        gone = [self.subject.row(row) or _plain(row.values()) in own for row in told]
        return np.array(gone, dtype=bool)

    def _own(self, columns: tuple[str, ...]) -> set[tuple[str, ...]]:
        """Return the subject's values as texts that can be compared."""
        if columns not in self._known:
            found = self.values(columns).itertuples(index=False)
            self._known[columns] = {_plain(row) for row in found}
        return self._known[columns]

    def _runs(self) -> Iterator[str]:
        yield from (run.run_id for run in erasing.trainings(self.settings, self.subject.use_case))

    def _holds_mark(self, version: int) -> bool:
        own = dossier.read(self.records.dossiers, self.subject.use_case, version)
        if (content := self._bytes(own)) is None:
            return False
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = b"".join(map(archive.read, archive.namelist()))
        return any(
            mark.encode(code) in held
            for mark in self.subject.marks
            for code in ("utf-8", "utf-32-le")
        )

    def _bytes(self, own: Dossier) -> bytes | None:
        """Return the file of a version's model; None: it was pruned."""
        try:
            place = tracking.model_place(self.settings, own.model.uri)
        except ModelRefused as error:
            if not tracking.is_gone(error):
                raise
            return None
        return tracking.find_file(self.settings, place, tracking.MODEL_FILE)

    def _fetch(self, place: str, name: str) -> Json | None:
        content = tracking.find_file(self.settings, place, name)
        return None if content is None else json.loads(content)

    def _upload(self, place: str, name: str, document: Json) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            file.write_text(json.dumps(document, indent=1, default=str))
            files: Any = get_artifact_repository(place, tracking_uri=self.settings.tracking_uri)
            files.log_artifact(str(file))


def _plain(values: Any) -> tuple[str, ...]:
    """Write values so that they are equal when they mean the same: 3 is 3.0, none is none."""
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.number):
        return repr(float(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

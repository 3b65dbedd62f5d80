"""The rows of a subject in the store: found in every snapshot, and written anew without them.

    rows = Rows(subject, records, settings)
    rows.survey()                  # which snapshots hold it, and its marks
    rows.forget(erasure_id)        # answers, then features, then raw rows; again: the rest of it

Answers have no key. They are aligned with the judged rows of features, so they are the first that
are written anew, by the positions that the features still tell; how many answers there are says
whether that was done.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from evergreen import storage
from evergreen.data import rewriting, snapshots
from evergreen.data.manifests import Chunk, names
from evergreen.data.rewriting import Mask
from evergreen.data.snapshots import SnapshotStore
from evergreen.data.splits import HOLDOUT
from evergreen.errors import SnapshotCorrupt
from evergreen.forgetting.subject import Subject
from evergreen.learning import erasing
from evergreen.learning.features import PART
from evergreen.records import Records
from evergreen.refs import Json
from evergreen.settings import Settings
from evergreen.storage import Store

RAW, FEATURES, ANSWERS = "", ".features", ".answers"


@dataclass(frozen=True)
class Held:
    """A snapshot that holds rows of the subject."""

    uri: str
    digests: tuple[str, ...]
    """That it is known by."""
    gone: Mask


@dataclass(frozen=True)
class Surveyed:
    """What the store holds of a subject."""

    raw: tuple[Held, ...] = ()
    features: tuple[Held, ...] = ()
    personal: dict[str, set[str]] = field(default_factory=dict)
    """Values of personal columns that are in no other row of these snapshots."""
    without: int = 0
    """Raw snapshots that lack a column of the key: nobody knows whose their rows are."""

    @property
    def digests(self) -> set[str]:
        """Of the raw snapshots that hold it."""
        return {digest for held in self.raw for digest in held.digests}


@dataclass
class Rows:
    """The snapshots of a use case, and one subject in them."""

    subject: Subject
    records: Records
    settings: Settings
    unlinked: int = 0
    """Answers of which nobody knows to which rows they are."""

    @cached_property
    def store(self) -> SnapshotStore:
        """Snapshots, by manifest."""
        return snapshots.of(self.settings)

    @cached_property
    def files(self) -> Store:
        """The same, as files."""
        return storage.of(self.settings, storage.SNAPSHOTS)

    def survey(self, personal: tuple[str, ...] = ()) -> Surveyed:
        """Look at every snapshot.

        Raises:
            SnapshotCorrupt: one cannot be read.
        """
        raw = tuple(self._held(RAW))
        marks = {name: self._alone(name, raw) for name in personal}
        return Surveyed(raw, tuple(self._held(FEATURES)), marks, self._without())

    def own(self, raw: tuple[Held, ...], columns: tuple[str, ...]) -> pd.DataFrame:
        """Return values of the subject's rows that are those of no other row.

        What another row has, too, tells nothing of it.

        Raises:
            SnapshotCorrupt: a snapshot cannot be read.
        """
        names = list(columns)
        told = [self.store.manifest(held.uri)["columns"] for held in raw]
        readable = [held for held, known in zip(raw, told, strict=True) if {*names} <= {*known}]
        frames = [self.store.frame(held.uri, held.digests[-1], names) for held in readable]
        found = [frame[held.gone] for frame, held in zip(frames, readable, strict=True)]
        if not found:
            return pd.DataFrame(columns=names)
        own = pd.concat(found).drop_duplicates()
        for frame, held in zip(frames, readable, strict=True):
            others = frame[~held.gone].drop_duplicates()
            joined = own.merge(others, how="left", on=names, indicator=True)
            own = joined.loc[joined["_merge"] == "left_only", names]
        return own

    def answers(self, features: tuple[Held, ...]) -> Iterator[Held]:
        """Yield the answers that hold some to the subject's rows."""
        by_uri = {_folder(held.uri): held for held in features}
        for uri, (of, sha256) in self._links().items():
            held = by_uri.get(_folder(of))
            if held is None:
                continue
            part = self.store.table(held.uri, sha256, [PART])[PART]
            judged = pc.equal(part, pa.scalar(HOLDOUT, part.type)).to_numpy().astype(bool)
            document = self.store.manifest(uri)
            gone = held.gone[judged]
            if gone.any() and document["rows"] == len(gone):
                yield Held(uri, tuple(names(document)), gone)
            elif document["rows"] != len(gone) - int(gone.sum()):
                self.unlinked += 1

    def forget(self, found: Surveyed, erasure: int) -> None:
        """Write everything anew that holds rows of the subject, and delete what it lay in."""
        replaced: set[str] = set()
        for some in (tuple(self.answers(found.features)), found.features, found.raw):
            done: dict[str, Chunk] = {}
            for held in some:
                replaced |= self._rewrite(held, erasure, done)
        use_case = self.subject.use_case
        for part in (RAW, FEATURES, ANSWERS):
            rewriting.drop_loose(
                self.store, self.files, use_case + part,
                lambda path: path.rpartition("/")[2] in replaced or self._is_in(path),
            )  # fmt: skip

    def loose(self) -> int:
        """Count the chunks that no snapshot names and that hold the subject."""
        found: list[str] = []

        def note(path: str) -> bool:
            found.extend([path] if self._is_in(path) else [])
            return False

        for part in (RAW, FEATURES):
            rewriting.drop_loose(self.store, self.files, self.subject.use_case + part, note)
        return len(found)

    def _rewrite(self, held: Held, erasure: int, done: dict[str, Chunk]) -> set[str]:
        """Write one snapshot anew; on record first, so that its new digest is known for certain."""
        before = self.store.groups(held.uri, held.digests[-1])
        sha256, document = rewriting.without(self.store, held.uri, held.gone, done)
        self.records.erasures.rewrote(erasure, sha256, document["sha256"])
        self.store.replace(held.uri, document)
        stay = {chunk["sha256"] for group in document["groups"] for chunk in group["chunks"]}
        return {c.file for group in before for c in group.chunks if c.sha256 not in stay}

    def _held(self, part: str) -> Iterator[Held]:
        columns = self.subject.columns
        for uri, document in self.store.manifests(self.subject.use_case + part):
            gone = rewriting.find(self.store, uri, columns, self.subject.holds)
            if gone.any():
                yield Held(uri, tuple(names(document)), gone)

    def _without(self) -> int:
        held = self.store.manifests(self.subject.use_case)
        return sum(not set(self.subject.columns) <= set(one["columns"]) for _, one in held)

    def _alone(self, name: str, raw: tuple[Held, ...]) -> set[str]:
        """Return the values of a column that the subject's rows alone have."""
        own, others = set[str](), set[str]()
        for held in raw:
            if name not in self.store.manifest(held.uri)["columns"]:
                continue
            column = self.store.table(held.uri, held.digests[-1], [name])[name]
            values = pc.cast(column, pa.string())
            own |= set(pc.unique(values.filter(pa.array(held.gone))).to_pylist())
            others |= set(pc.unique(values.filter(pa.array(~held.gone))).to_pylist())
        return {value for value in own - others if value}

    def _links(self) -> dict[str, tuple[str, str]]:
        """Return to which features (address, digest) the answers at each address belong."""
        use_case, links = self.subject.use_case, dict[str, tuple[str, str]]()
        for document in self.records.subjects.dossiers(use_case).values():
            _link(links, document["proof"], document["learned"])
        for decision in self.records.decisions.newest(use_case, limit=10**6):
            evaluation = decision.evidence.get("evaluation") or {}
            for who in ("challenger", "in_charge"):
                _link(links, evaluation.get(who), evaluation.get("features"))
        runs = {run.run_id: run.rows for run in erasing.trainings(self.settings, use_case)}
        for training in self.records.trainings.all(use_case):
            for digest in runs.get(training.document["run_id"], ()):
                _link(links, training.document, self._features(digest))
        return {uri: of for uri, of in links.items() if self._is_there(uri)}

    def _features(self, digest: str) -> Json | None:
        try:
            uri = self.store.find(self.subject.use_case + FEATURES, digest)
        except SnapshotCorrupt:
            return None
        return {"uri": uri, "sha256": digest}

    def _is_there(self, uri: str) -> bool:
        return self.files.exists(f"{_folder(uri)}/{snapshots.MANIFEST}")

    def _is_in(self, path: str) -> bool:
        """Tell whether a chunk holds rows of the subject."""
        table = rewriting.read(self.files, path, self.subject.columns)
        return table is not None and bool(self.subject.holds(table).any())


def _link(links: dict[str, tuple[str, str]], answers: Any, features: Any) -> None:
    if answers and features and answers.get("answers_uri"):
        links.setdefault(_folder(answers["answers_uri"]), (features["uri"], features["sha256"]))


def _folder(uri: str) -> str:
    """Return the last two names of an address, also of a store that has moved since."""
    return "/".join(uri.rsplit("/", 2)[-2:])

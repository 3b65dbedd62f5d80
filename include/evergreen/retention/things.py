"""What lies in the store and may go: each thing with its files, and what it shares with others.

shelf = look("weather", store, reached, walks)
shelf.things[0].own, shelf.things[0].shared    # paths: a manifest, and the chunks it names
shelf.loose                                    # chunks that no manifest names
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from evergreen.data import manifests
from evergreen.data.snapshots import MANIFEST
from evergreen.records.trainings import Walk
from evergreen.replaying.shelf import FITS
from evergreen.retention.limits import DATA_DOCS, DRIFT, REPLAYS, REPORTS, SNAPSHOTS, WALKS
from evergreen.retention.reach import BATCH, SHORT, Reached
from evergreen.storage import File, Store

PARTS = ("", ".features", ".answers")
"""A use case's snapshots: raw rows, features, what recipes answered."""
CALM = "champions"
"""Folder of what champions look like in calm, which is measured again when it is missing."""


@dataclass(frozen=True)
class Thing:
    """Something that goes as a whole."""

    kind: str
    name: str
    """What roots call it."""
    at: datetime
    """When it was written last."""
    own: tuple[str, ...]
    """Paths of its files, in the order in which they go."""
    shared: frozenset[str] = frozenset()
    """Paths of files that others may hold, too."""
    why: str = ""
    """The root that leads to it; empty: it may go."""
    walk: Walk | None = None
    """Its row, of a walk."""


@dataclass(frozen=True)
class Shelf:
    """All things of a use case in the store."""

    things: tuple[Thing, ...]
    files: dict[str, File]

    @property
    def loose(self) -> set[str]:
        """Paths of the files that no thing holds: what is being written, or was left."""
        held = {path for thing in self.things for path in (*thing.own, *thing.shared)}
        return self.files.keys() - held

    def bytes(self, paths: Iterable[str]) -> int:
        """Return the size of files."""
        return sum(self.files[path].bytes for path in paths if path in self.files)


def look(use_case: str, store: Store, reached: Reached, walks: Sequence[Walk]) -> Shelf:
    """Return what lies in the store.

    Raises:
        ValueError: a manifest cannot be read, so that nobody knows what it holds.
    """
    files = {file.path: file for pattern in _patterns(use_case) for file in store.files(pattern)}
    things = [
        *_snapshots(store, files, reached),
        *_folders(REPORTS, files, reached),
        *_folders(DRIFT, files, reached),
        *_folders(REPLAYS, files, reached),
        *_pages(files, reached),
        *_walks(reached, walks),
    ]
    return Shelf(tuple(things), files)


def _patterns(use_case: str) -> Iterator[str]:
    for part in PARTS:
        yield f"{SNAPSHOTS}/{use_case}{part}/*/*"
    for kind in (REPORTS, DRIFT, REPLAYS):
        yield f"{kind}/{use_case}/*/*"
    yield f"{REPLAYS}/{use_case}/{FITS}/**/*"
    yield f"{DATA_DOCS}/*/{use_case}/*/*/*"
    yield f"{WALKS}/{use_case}/*"


def _snapshots(store: Store, files: dict[str, File], reached: Reached) -> Iterator[Thing]:
    for path, file in files.items():
        folder, _, name = path.rpartition("/")
        if name != MANIFEST or not path.startswith(f"{SNAPSHOTS}/"):
            continue
        document = json.loads(store.read(path))
        chunks = folder.rpartition("/")[0] + "/chunks"
        shared = frozenset(
            f"{chunks}/{chunk.file}"
            for group in manifests.groups(document)
            for chunk in group.chunks
        )
        name = manifests.names(document)[0]
        why = reached.why(SNAPSHOTS, name)
        yield Thing(SNAPSHOTS, name, file.written, (path,), shared, why)


def _folders(kind: str, files: dict[str, File], reached: Reached) -> Iterator[Thing]:
    """Yield the folders of a kind, and alone each file that is kept for later."""
    own = sorted(path for path in files if path.startswith(f"{kind}/"))
    for folder, found in groupby(own, lambda path: path.split("/")[2]):
        paths = tuple(found)
        if folder in {CALM, FITS}:
            for path in paths:
                name = path.rpartition("/")[2][:SHORT]
                yield Thing(kind, name, files[path].written, (path,), why=reached.why(kind, name))
            continue
        at = max(files[path].written for path in paths)
        yield Thing(kind, folder, at, paths, why=reached.why(kind, folder))


def _pages(files: dict[str, File], reached: Reached) -> Iterator[Thing]:
    """Yield the Data Docs: the facts of a run and its page, whose names end alike."""
    own = [path for path in files if path.startswith(f"{DATA_DOCS}/")]
    ordered = sorted(own, key=_run)
    for run, found in groupby(ordered, _run):
        paths = tuple(sorted(found))
        name = run[-1][:BATCH]
        at = max(files[path].written for path in paths)
        yield Thing(DATA_DOCS, name, at, paths, why=reached.why(DATA_DOCS, name))


def _run(path: str) -> tuple[str, ...]:
    return tuple(path.rpartition(".")[0].split("/")[2:])


def _walks(reached: Reached, walks: Sequence[Walk]) -> Iterator[Thing]:
    for walk in walks:
        assert walk.walked_at is not None, "a walk that is on record"  # noqa: S101
        why = reached.why(WALKS, walk.recipe)
        yield Thing(
            WALKS, walk.recipe, walk.walked_at, (f"{WALKS}/{walk.place}",), why=why, walk=walk
        )

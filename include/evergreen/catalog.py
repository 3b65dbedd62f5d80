"""Find the use cases: every module of the folder that holds a `USE_CASE`.

One broken module never hides the others: it is listed with its error.
"""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from evergreen.errors import DeclarationError, EvergreenError, UnknownUseCase
from evergreen.spec import UseCase

OURS = "evergreen"
"""Tag of each DAG of ours, by which it is told from those of others in the same Airflow."""


@dataclass(frozen=True)
class Catalog:
    """The use cases by name, and the error of each file that could not be loaded."""

    use_cases: dict[str, UseCase] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> UseCase:
        """Return the use case of that name.

        Raises:
            EvergreenError: its file is broken; the message holds the error.
            UnknownUseCase: there is none.
        """
        if name in self.broken:
            raise EvergreenError(f"the use case {name!r} is broken: {self.broken[name]}")
        if name not in self.use_cases:
            raise UnknownUseCase(name, self.use_cases)
        return self.use_cases[name]


FILES = "[!_]*.py"
_read: dict[Path, tuple[tuple[int, int], UseCase]] = {}
"""What `recall` has read: when each file was written, how long it was, and what it declared."""


def load(folder: Path) -> Catalog:
    """Load every `<name>.py` of the folder, but those that start with an underscore."""
    return _every(sorted(folder.glob(FILES)), _load)


def load_one(folder: Path, name: str) -> Catalog:
    """Load the file of one use case, and no other; empty: there is none."""
    path = folder / f"{name}.py"
    return _every([path] if path.is_file() else [], _load)


def recall(folder: Path) -> Catalog:
    """Load the folder; a file that this process has read before only if it has changed since.

    For a process that lives for long: hundreds of files take a second. One that was broken is read
    again, as what it lacked may be there now; a change of what a file imports is not noticed.
    """
    for path in list(_read):
        if path.parent == folder and not path.exists():
            _read.pop(path, None)
    return _every(sorted(folder.glob(FILES)), _recall)


def _every(files: Iterable[Path], read: Callable[[Path], UseCase]) -> Catalog:
    catalog = Catalog()
    for path in files:
        try:
            catalog.use_cases[path.stem] = read(path)
        except Exception:  # whatever a user's file raises is theirs to see, on its own
            catalog.broken[path.stem] = traceback.format_exc(limit=-1).strip()
    return catalog


def _recall(path: Path) -> UseCase:
    state = path.stat()
    written = (state.st_mtime_ns, state.st_size)
    known = _read.get(path)
    if known is None or known[0] != written:
        known = _read[path] = written, _load(path)
    return known[1]


class _AsWritten(SourceFileLoader):
    """Compiles the file as it is: Python takes bytecode of the same second and size for it."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load(path: Path) -> UseCase:
    name = f"use_cases.{path.stem}"
    loader = _AsWritten(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None:
        raise DeclarationError("file", str(path), "a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    use_case = getattr(module, "USE_CASE", None)
    if not isinstance(use_case, UseCase):
        raise DeclarationError(f"{path.name}: USE_CASE", use_case, "a UseCase(...)")
    if use_case.name != path.stem:
        raise DeclarationError(f"{path.name}: name", use_case.name, f"the file's: {path.stem!r}")
    return use_case

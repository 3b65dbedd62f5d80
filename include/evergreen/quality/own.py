"""Expectations of one's own: classes of GX in `<name>.py` beside the suite `<name>.json`.

    load(settings.expectations_dir, "weather")       # GX knows them from here on
    is_own("expect_column_values_to_be_half_degrees")

GX knows an expectation by the name of its class, of all files together, and lets the last of two
overwrite the first; here the second is refused, and the first stays.
"""

import copy
import hashlib
import importlib.util
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evergreen.errors import SuiteError
from evergreen.quality import queries  # noqa: F401 (for GX: importing defines its metrics)
from evergreen.quality.gx import get_expectation_impl, registry

DEFINED = ("_registered_expectations", "_registered_metrics", "_registered_renderers")
"""What GX knows by name; it has no other way to forget a definition."""
_loaded: dict[Path, str] = {}
"""Digest of what was executed of each file in this process."""


def load(folder: Path, name: str) -> None:
    """Execute `<folder>/<name>.py`, if there is one, once for what it holds.

    Raises:
        SuiteError: it raises, or defines what GX or another file has defined.
    """
    path = (folder / f"{name}.py").resolve()
    if not path.is_file():
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest in _loaded.values():
        return
    before = {name: copy.deepcopy(getattr(registry, name)) for name in DEFINED}
    try:
        _define(path)
    except SuiteError:
        for name, known in before.items():
            setattr(registry, name, known)
        raise
    _loaded[path] = digest


def is_own(expectation: str) -> bool:
    """Tell whether an expectation that GX knows is not one of its own."""
    return not get_expectation_impl(expectation).__module__.startswith("great_expectations.")


def _define(path: Path) -> None:
    """Execute a file; what is there already it may define anew only if it has defined it."""
    with _overwritten() as told:
        _execute(path)
    if told and path not in _loaded:
        raise SuiteError(f"{path}: {'; '.join(told)}: name the classes and metrics otherwise")


def _execute(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"expectations_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SuiteError(f"{path} is no Python module")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file raises is theirs to see
        told = traceback.format_exc(limit=-1).strip()
        raise SuiteError(f"{path} cannot be loaded: {told}") from error


@contextmanager
def _overwritten() -> Iterator[list[str]]:
    """Gather what GX says of definitions that are there already."""
    told: list[str] = []
    heard = logging.Handler(logging.WARNING)
    heard.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    heard.addFilter(lambda record: "renderer" not in record.getMessage())  # which belong to one
    registry.logger.addHandler(heard)
    try:
        yield told
    finally:
        registry.logger.removeHandler(heard)

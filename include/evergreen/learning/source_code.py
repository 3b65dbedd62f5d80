"""The text of a function with what it needs of its module, and a way to run it again.

of(features.function)          # what a model carries along
closure(business.measure)      # what a digest depends on: constants and helpers too
"""

import ast
import hashlib
import importlib.util
import linecache
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from evergreen.errors import DeclarationError

_compiled: dict[str, ModuleType] = {}
_ALWAYS = "*"
"""Stands for what a star import (or a future import) binds."""
_INSTALLED = tuple(
    sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")
)
_WORDS = "evergreen"
"""Whose words a declaration uses; they are not its content, however they were installed."""
_FOR_TYPES = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_GIVEN = sys.stdlib_module_names | {"pandas", "numpy"}
"""What features may import: of pandas and numpy the versions are known, wherever they count."""


def of(function: Callable[..., Any]) -> str:
    """Return the part of the function's module that it needs.

    Raises:
        DeclarationError: it is not at the top of a module file, or imports what a model could not
            carry along, and what could change without anybody noticing.
    """
    path = Path(function.__code__.co_filename)
    if "." in function.__qualname__ or "<" in function.__qualname__ or not path.is_file():
        raise DeclarationError(
            "features.function", function.__qualname__, "a function at the top of a module file"
        )
    source = needed(path.read_text(), function.__name__)
    for node in _executed(ast.parse(source)):
        if _is_foreign(node):
            raise DeclarationError(
                f"{path.name}: {function.__name__}()", ast.unparse(node),
                f"code of its own module, pandas, numpy and the standard library: copy into"
                f" {path.name} what it needs, or read it from a column of the source",
            )  # fmt: skip
    return source


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a node, but for what only type checkers read."""
    yield node
    within: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) in _FOR_TYPES:
        within = node.orelse
    for child in within:
        yield from _executed(child)


def _is_foreign(node: ast.AST) -> bool:
    """Tell whether it imports what is not given wherever a model is."""
    match node:
        case ast.Import():
            modules = [alias.name for alias in node.names]
        case ast.ImportFrom():
            modules = ["" if node.level else node.module or ""]
        case _:
            return False
    return any(module.partition(".")[0] not in _GIVEN for module in modules)


def needed(source: str, name: str) -> str:
    """Return the top-level statements that `name` needs, directly or not, in their order.

    A model then keeps its features when the rest of the module (thresholds, candidates) changes.
    """
    statements = ast.parse(source).body
    wanted = {name, _ALWAYS}
    kept: set[int] = set()
    while found := {i for i, s in enumerate(statements) if i not in kept and wanted & _bound(s)}:
        kept |= found
        wanted |= {n.id for i in found for n in ast.walk(statements[i]) if isinstance(n, ast.Name)}
    lines = source.splitlines()
    return "\n\n".join(_text(lines, statements[i]) for i in sorted(kept)) + "\n"


def closure(function: Callable[..., Any]) -> str:
    """Return all code that decides what a function answers, to be digested; comments apart.

    That is what it needs of its own module and of modules that are not installed packages. Of a
    lambda or a nested function: its whole module.
    """
    if isinstance(function, partial):
        return f"{function.args} {sorted(function.keywords.items())} {closure(function.func)}"
    code = getattr(function, "__code__", None)
    if code is None or not Path(code.co_filename).is_file():
        return f"{function.__module__}.{function.__qualname__}"
    name = function.__qualname__
    found: dict[str, str] = {}
    _gather(Path(code.co_filename), None if "." in name or "<" in name else name, found)
    return "\n".join(f"# {place}\n{found[place]}" for place in sorted(found))


def _gather(file: Path, name: str | None, found: dict[str, str]) -> None:
    """Add what `name` needs of a module (None: all of it), and what that imports."""
    place = f"{file.stem}.{name or _ALWAYS}"
    if place in found:
        return
    text = file.read_text()
    tree = ast.parse(needed(text, name) if name else text)
    found[place] = ast.unparse(tree)
    for sibling, member in _beside(tree, file):
        _gather(sibling, member, found)
    for module, member in _imports(tree):
        if (origin := _file(f"{module}.{member}")) is not None:
            _gather(origin, None, found)
        elif (origin := _file(module)) is not None:
            _gather(origin, member, found)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def _beside(tree: ast.Module, file: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the files of relative imports, each with the name that is taken of it (None: all)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        folder = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for alias in node.names:
            own, whole = folder.with_suffix(".py"), folder / f"{alias.name}.py"
            if node.module and own.is_file():
                yield own, alias.name
            elif whole.is_file():
                yield whole, None


def _file(module: str) -> Path | None:
    """Return the file of a module that belongs to no installed package."""
    if not _is_own(module.partition(".")[0]):  # asked first: to look into a package imports it
        return None
    spec = _spec(module)
    origin = spec.origin if spec and spec.has_location else None
    return Path(origin) if origin and not _is_installed(origin) else None


def _is_own(package: str) -> bool:
    spec = _spec(package)
    if package == _WORDS or spec is None:
        return False
    places = [spec.origin] if spec.has_location else spec.submodule_search_locations or ()
    return any(place and not _is_installed(place) for place in places)


def _is_installed(place: str) -> bool:
    return place.startswith(_INSTALLED)


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def load(source: str, function: str) -> Callable[..., Any]:
    """Execute the source, once per process, as a module of its own; return its function.

    Tracebacks show the lines of the source.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    if digest not in _compiled:
        name = f"evergreen_features_{digest[:12]}"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        module = sys.modules[name] = ModuleType(name)
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102
        _compiled[digest] = module
    found: Callable[..., Any] = getattr(_compiled[digest], function)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines or changes."""
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.ImportFrom(module="__future__"):
            return {_ALWAYS}
        case ast.Import() | ast.ImportFrom():
            return {(a.asname or a.name).split(".")[0] for a in statement.names}
        case ast.Assign():
            return _names(*statement.targets)
        case ast.AnnAssign() | ast.AugAssign():
            return _names(statement.target)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as changed)):
            return _root(changed)  # as HOLIDAYS.update(…) changes what HOLIDAYS is
        case ast.Expr():
            return set()
    inner = [n for n in ast.walk(statement) if isinstance(n, ast.stmt) and n is not statement]
    return set().union(*map(_bound, inner))


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _names(*targets: ast.expr) -> set[str]:
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _text(lines: list[str], statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return "\n".join(lines[first - 1 : statement.end_lineno])

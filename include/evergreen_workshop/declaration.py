"""The reference of the declaration: every class of `evergreen.spec` with its fields.

    page()                  # Markdown: name, type, default and meaning of each field

All of it comes from the source: a field's meaning is the text below it.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from itertools import pairwise

from evergreen import spec

HEAD = """# The declaration

A use case is one `UseCase(…)` in a module of `include/use_cases`, made of the classes below. All of
them come from `evergreen.spec`, take their fields by name, and check themselves when the module is
loaded. How to write one: [add a use case](add-a-use-case.md).
"""
FIRST = ("UseCase", "Source", "Windows", "Features", "Candidate", "Gate")
"""What every use case has; the others follow by their names."""
ELSEWHERE = ("Scale",)
"""What the engine makes of a declaration, and nobody declares."""
MADE = {"dict": "{}", "tuple": "()"}
"""What a factory makes, as it would be written."""
TABLE = ["| field | type | default | what it means |", "| --- | --- | --- | --- |"]


@dataclass(frozen=True)
class Field:
    """One field, as its class has it."""

    name: str
    type: str
    default: str
    meaning: str

    @property
    def row(self) -> str:
        """Return it as a row of the table."""
        default = f"`{_cell(self.default)}`" if self.default else "required"
        return f"| `{self.name}` | `{_cell(self.type)}` | {default} | {_cell(self.meaning)} |"


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(kind) for kind in classes())])


def classes() -> list[type]:
    """Return the classes that are declared, the essential first."""
    found = {
        name: one
        for name in spec.__all__
        if inspect.isclass(one := getattr(spec, name)) and name not in ELSEWHERE
    }
    first = [found.pop(name) for name in FIRST]
    return first + [found[name] for name in sorted(found)]


def fields_of(kind: type) -> list[Field]:
    """Return the fields of a class, those of the classes that it is made from first."""
    own = {name: found for one in reversed(kind.__mro__) for name, found in _written(one)}
    return [own[one.name] for one in fields(kind)] if is_dataclass(kind) else []


def _section(kind: type) -> str:
    about = inspect.cleandoc(kind.__doc__ or "")
    lines = [f"## {kind.__name__}", "", about, ""]
    if issubclass(kind, Enum):
        lines += [*_members(kind)]
    else:
        lines += [*TABLE, *(field.row for field in fields_of(kind))]
    return "\n".join(lines) + "\n"


def _members(kind: type[Enum]) -> Iterator[str]:
    meanings = dict(_texts(_tree(kind)))
    for member in kind:
        told = meanings.get(member.name, "")
        yield f"- `{kind.__name__}.{member.name}`{': ' + told if told else ''}"


def _written(kind: type) -> Iterator[tuple[str, Field]]:
    if not is_dataclass(kind):
        return
    tree = _tree(kind)
    meanings = dict(_texts(tree))
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            told = meanings.get(name, "")
            yield name, Field(name, _type(statement.annotation), _default(statement.value), told)


def _tree(kind: type) -> ast.ClassDef:
    [found] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    if not isinstance(found, ast.ClassDef):
        raise TypeError(f"{kind} is no class")
    return found


def _texts(tree: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each name that is bound in a class, with the text below it."""
    for statement, below in pairwise(tree.body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


def _type(annotation: ast.expr) -> str:
    """Write a type as it is declared, without the quotes of one that is not imported."""
    if isinstance(annotation, ast.Constant):
        return str(annotation.value)
    return ast.unparse(annotation).replace("'", "")


def _default(value: ast.expr | None) -> str:
    """Write a default; of `field(default_factory=dict)` what is made; empty: there is none."""
    if value is None:
        return ""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {one.arg: ast.unparse(one.value) for one in value.keywords}
        return MADE.get(given["default_factory"], f"{given['default_factory']}()")
    return ast.unparse(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

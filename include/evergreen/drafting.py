"""Write a proposed use case as Python, in lines that a formatter leaves alone."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader

WIDTH = 100


def render(values: Mapping[str, Any]) -> str:
    """Return the module that declares what `scaffold` proposes."""
    templates = Environment(
        loader=PackageLoader("evergreen"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (the text is Python; every value goes through `text`)
    )
    templates.filters["text"] = _text
    templates.filters["tuple"] = _tuple
    templates.filters["constant"] = _constant
    templates.filters["comment"] = _comment
    return templates.get_template("use_case.py.jinja").render(values)


def _text(value: str) -> str:
    """Write a Python string; JSON's are, and in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _comment(sentence: str, indent: int) -> str:
    """Write a sentence as a comment, on as many lines as it needs."""
    return textwrap.fill(
        " ".join(sentence.split()), WIDTH, initial_indent=" " * indent + "# ",
        subsequent_indent=" " * indent + "# ", break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _tuple(names: Sequence[str], indent: int) -> str:
    """Write a tuple of strings, as an argument, on as many lines as it needs."""
    return _listed(names, indent, " " * (indent // 4 * 4 + 4), ",")


def _constant(names: Sequence[str], indent: int) -> str:
    """Write the same as what a name of the module stands for."""
    return _listed(names, indent, " " * 4, "")


def _listed(names: Sequence[str], indent: int, margin: str, end: str) -> str:
    items = [_text(name) for name in names]
    line = f"({', '.join(items)}{',' if len(items) == 1 else ''}){end}"
    if indent + len(line) <= WIDTH:
        return line
    rows = "".join(f"{margin}{row}\n" for row in _packed(items))
    return f"(\n{rows}{margin[4:]}){end}  # fmt: skip"


def _packed(items: Sequence[str]) -> list[str]:
    """Put items on few lines; none of them is broken, whatever blanks it holds."""
    rows = [""]
    for item in items:
        if rows[-1] and len(rows[-1]) + len(item) + 2 > WIDTH - 12:
            rows.append("")
        rows[-1] += f" {item}," if rows[-1] else f"{item},"
    return rows

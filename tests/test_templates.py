"""No page of ours can be made to run what a value holds: the rules that make escaping enough."""

import re
from pathlib import Path

import pytest

from evergreen.settings import PROJECT

TEMPLATES = sorted(
    path
    for pattern in ("*.html", "*.html.jinja", "badge.jinja")
    for path in (PROJECT / "include").rglob(pattern)
)
UNESCAPED = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
TAG = re.compile(r"<[a-zA-Z][^>]*>")
QUOTED = re.compile(r'"[^"]*"')
SCRIPT = re.compile(r"<(script|style)\b[^>]*>(.*?)</\1>", re.DOTALL)
HANDLER = re.compile(r"""\son[a-z]+\s*=\s*["'][^"']*\{\{""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_value_is_escaped_where_escaping_is_enough(path: Path) -> None:
    text = path.read_text()

    bare = [tag for tag in TAG.findall(text) if re.search(r"=\s*\{\{", QUOTED.sub('""', tag))]
    inside = [body for _, body in SCRIPT.findall(text) if "{{" in body]

    assert not UNESCAPED.findall(text)
    assert not HANDLER.findall(text)
    assert (bare, inside) == ([], [])


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 15

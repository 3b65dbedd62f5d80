"""The reference pages of docs/, written from the code by `make docs`.

The settings come from `.env.example`, the commands from the command line itself, what may be
declared from the classes of `evergreen.spec`.
"""

import re
from pathlib import Path

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from evergreen.cli import complete
from evergreen.settings import PROJECT
from evergreen_workshop import declaration

HEADING = re.compile(r"# --- (.+?) -+$")
TABLE = ["| setting | default | what it does |", "| --- | --- | --- |"]
SETTING = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)$")


def pages() -> dict[Path, str]:
    """Return the text of each generated page, by its path."""
    docs = PROJECT / "docs"
    example = (PROJECT / ".env.example").read_text()
    return {
        docs / "settings.md": settings_page(example),
        docs / "cli.md": commands_page(),
        docs / "declaration.md": declaration.page(),
    }


def settings_page(example: str) -> str:
    """Write the table of settings: name, default, and the comment above it."""
    lines = ["# Settings", ""]
    about: list[str] = []
    told = False
    before = ""
    for line in example.splitlines():
        if heading := HEADING.match(line):
            lines += [*([] if told else about), "", f"## {heading[1]}", "", *TABLE]
            about = []
        elif setting := SETTING.match(line):
            default = f"`{setting[2]}`" if setting[2] else "–"
            lines.append(f"| `{setting[1]}` | {default} | {' '.join(about)} |")
            told = True
        elif line.startswith("# "):
            about = [*about, line[2:]] if before.startswith("# ") else [line[2:]]
            told = False
        before = line
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Write what every command takes and does."""
    command = get_command(complete())
    context = typer.Context(command, info_name="evergreen")
    return get_docs_for_click(obj=command, ctx=context, name="evergreen").strip() + "\n"


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()

"""What everything is printed by: sentences, tables, one JSON document, progress."""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED = 200
"""Columns of a table that no terminal shows: a row stays a line, for `grep`."""
SHOWN = sys.stdout.isatty() or "COLUMNS" in os.environ
# No markup: what is told may itself hold brackets, as `^[a-z]+$` does.
out = Console(markup=False, highlight=False, width=None if SHOWN else PIPED)
err = Console(markup=False, highlight=False, stderr=True)
COLOURS = {
    "passed": "green", "promoted": "green", "failed": "red", "refused": "red",
    "unknown": "yellow", "held back": "yellow", "retrain": "cyan", "roll back": "cyan",
}  # fmt: skip


def document(content: Any) -> None:
    """Print one JSON document to stdout."""
    out.print_json(json.dumps(content, default=str), indent=2)


def error(problem: Exception, *, as_json: bool) -> None:
    """Tell an error, to stderr (and as the JSON document, if that was asked for)."""
    if as_json:
        document({"error": {"type": type(problem).__name__, "message": str(problem)}})
    err.print(Text.assemble(("error:", "red"), f" {problem}"), soft_wrap=True)


@contextmanager
def progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on stderr; silent when JSON is asked for."""
    if as_json:
        yield lambda _: None
        return
    with err.status("starting") as status:

        def tell(step: str) -> None:
            err.print(f"· {step}", style="dim")
            status.update(step)

        yield tell


@contextmanager
def counting(as_json: bool) -> Iterator[Callable[[int, float], None]]:
    """Show how many rows are done, on stderr; silent when JSON is asked for."""
    if as_json:
        yield lambda rows, seconds: None  # noqa: ARG005
        return
    with err.status("reading rows") as status:
        yield lambda rows, seconds: status.update(
            f"{rows:,} rows, {rows / max(seconds, 1e-9):,.0f} a second"
        )


def user() -> str:
    """Return the name of the person at this terminal, or the number where there is no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def columns(*columns: str, title: str = "") -> Table:
    """Return an empty table that leaves the width to what stands in it, and cuts nothing off."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False,
                  padding=(0, 1, 0, 0))  # fmt: skip
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def wide(columns: int) -> bool:
    """Tell whether there are so many columns to print in."""
    return out.width >= columns


def moment(at: datetime | None) -> str:
    """Return a moment for a person; a dash: there is none."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


def entry(head: str, what: str | Text, about: str, sentence: str) -> None:
    """Print one thing: its facts on a line, and below it what is said of it."""
    facts = Text.assemble((head, "bold"), "  ", what)
    if about:
        facts.append(f"  {about}", "dim")
    out.print(facts, soft_wrap=True)
    wrapped = fill(
        sentence, out.width, initial_indent="  ", subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    out.print(wrapped, soft_wrap=True)


def coloured(status: str) -> Text:
    """Return an outcome in its colour."""
    return Text(status, COLOURS.get(status, ""))


def sentence(text: str, *, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        document({"sentence": text})
    else:
        say(text)


def say(sentence: str, *, style: str = "", mark: str = "", colour: str = "") -> None:
    """Print a sentence as one line, however long, behind its mark."""
    begin = Text(f"{mark} ", colour) if mark else Text()
    out.print(begin.append(sentence, style or "default"), soft_wrap=True)


def show(what: Table | Text | str) -> None:
    """Print a table in the width that there is, or a line however long it is."""
    out.print(what, soft_wrap=not isinstance(what, Table))

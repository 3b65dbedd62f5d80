"""The `evergreen` command: the same steps without Airflow.

Every command takes `--json`, and then prints one JSON document and nothing else to stdout.
Exit codes: 0 done, 1 error, 2 wrong usage, 3 the data was refused.

`base` is what all commands share; `runs`, `models`, `use_cases`, `house` and `keys` register
theirs.
"""

# ruff: noqa: I001 (commands are listed in the order in which their modules are loaded)

import gc
from importlib.metadata import entry_points

import typer

from evergreen.cli import runs, plans, models, use_cases, house, keys
from evergreen.cli.base import app

__all__ = ["app", "complete", "house", "keys", "main", "models", "plans", "runs", "use_cases"]
COMMANDS = "evergreen.commands"
SELDOM = (50_000, 20, 20)
"""When rubbish is looked for. Packages that are imported make none: by Python's own numbers, a
seventh of what it takes to import them is spent on looking."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(*SELDOM)
    complete()()


def complete() -> typer.Typer:
    """Return the command with what other packages add to it: modules that register their own.

    They name themselves as entry points of the group `evergreen.commands`.
    """
    for more in entry_points(group=COMMANDS):
        more.load()
    return app

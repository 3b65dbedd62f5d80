"""Tells a story: `python -m evergreen_workshop.demonstration [cure | drift]`."""

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evergreen import catalog, records, settings
from evergreen.errors import EvergreenError, StackError, did_you_mean
from evergreen.records import Records
from evergreen_workshop.demonstration import cure, drift
from evergreen_workshop.demonstration.stage import Explained, Stage
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.environment import PASSWORD, USER

STORIES = {"cure": cure, "drift": drift}


def main(story: str = "cure") -> int:
    """Tell a story; return the exit code."""
    console, started = Console(highlight=False), time.monotonic()
    try:
        if story not in STORIES:
            raise StackError(f"no story {story!r}{did_you_mean(story, STORIES)}: cure or drift")
        told = STORIES[story]
        with records.open(_settings()) as kept:
            told.tell(_stage(told.NAME, console, kept))
    except Explained as reason:
        console.print(f"[yellow]{reason}[/yellow]")
    except EvergreenError as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    seconds, name = time.monotonic() - started, told.NAME
    console.print(
        f"\nDone in {seconds:.0f} s. `evergreen decisions {name}` shows every decision again."
    )
    return 0


def _settings() -> settings.Settings:
    if PASSWORD not in settings.environment():
        raise StackError("no stack runs here: `make up` first")
    return settings.get()


def _stage(name: str, console: Console, kept: Records) -> Stage:
    env, here = settings.environment(), settings.get()
    return Stage(
        use_case=catalog.load(Path(here.use_cases_dir)).find(name),
        records=kept,
        settings=here,
        api=AirflowApi(here.ui_url, USER, env[PASSWORD]),
        console=console,
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

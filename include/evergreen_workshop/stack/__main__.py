"""The command behind `make up`, `down`, `status`, `logs` and `clean`."""

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from evergreen import catalog, settings
from evergreen.catalog import Catalog
from evergreen.errors import EvergreenError
from evergreen.records import Records
from evergreen_workshop.stack.clock import Clock
from evergreen_workshop.stack.layout import Layout
from evergreen_workshop.stack.local import SERVICES, Stack, service_url
from evergreen_workshop.stack.progress import Progress

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(highlight=False)


def stack() -> Stack:
    """Return the stack of `EVERGREEN_HOME`."""
    home = Path(settings.environment()["EVERGREEN_HOME"]).resolve()
    return Stack(Layout(home), Progress(console))


@app.command()
def up() -> None:
    """Start everything, load the demo data and train what has no champion yet.

    Into a warehouse of the user's own nothing is loaded, and what lacks its table is not trained.
    With `CLOCK=1`, tasks load a clock that `evergreen chaos` can move.
    """
    from evergreen_workshop.stack.first_training import FirstTraining, load_demo

    it = stack()
    with it.layout.lock():
        use_cases = load_catalog()
        warehouse = settings.environment().get("EVERGREEN_WAREHOUSE_URL", "")
        if settings.environment().get("CLOCK") and not Clock.built(it.layout.clock):
            Clock.build(it.layout.clock)

        def prepare(database_url: str) -> None:
            if warehouse:
                return
            with it.progress.step("loading the demo data"):
                load_demo(use_cases, database_url, datetime.now(UTC).date() - timedelta(days=1))

        it.up(prepare)
        with Records(it.environment["EVERGREEN_DATABASE_URL"]) as kept:
            prefix = settings.variables().dag_prefix
            first = FirstTraining(
                it.airflow, kept, it.progress, prefix=prefix, warehouse_url=warehouse
            )
            outcomes = first.run(use_cases)
    for outcome in outcomes:
        it.progress.say(outcome.line)
    it.progress.say(
        f"\n{it.layout.login.read_text()}mlflow:   {it.environment['MLFLOW_TRACKING_URI']}"
        f"\nservice:  {service_url(it.environment)}/docs"
    )
    raise typer.Exit(0 if all(outcome.well for outcome in outcomes) else 1)


def load_catalog() -> Catalog:
    """Return the declared use cases; the settings need no database for that."""
    folder = settings.environment().get("EVERGREEN_USE_CASES_DIR")
    return catalog.load(Path(folder) if folder else settings.PROJECT / "include" / "use_cases")


@app.command()
def down() -> None:
    """Stop everything; the data stays."""
    it = stack()
    if it.layout.home.exists():
        with it.layout.lock():
            it.down()
    console.print("Everything is stopped; the data stays (`make clean` deletes it).")


@app.command()
def clean() -> None:
    """Stop everything and delete the data."""
    it = stack()
    if it.layout.home.exists():
        with it.layout.lock():
            it.clean()
    console.print("Everything is stopped, and the data is deleted.")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show each service: whether it runs, where, and whether it is well. Exit 1: not all are."""
    found = stack().status()
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(service) for service in found]))
    else:
        table = Table("service", "pid", "port", "health")
        for service in found:
            table.add_row(
                service.name, str(service.pid or ""), str(service.port or ""), service.health
            )
        console.print(table)
    raise typer.Exit(0 if all(service.health == "healthy" for service in found) else 1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="One service; none: all of them.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n")] = 50,
) -> None:
    """Show the end of the logs."""
    known = ("postgres", "migrate", *SERVICES)
    if service and service not in known:
        raise typer.BadParameter(f"{service!r}; known: {', '.join(known)}")
    it = stack()
    files = [it.log(name) for name in ((service,) if service else known)]
    existing = [str(file) for file in files if file.exists()]
    if not existing:
        console.print("There is no log yet.")
        return
    options = ["-n", str(lines), *(["-F"] if follow else [])]
    subprocess.run(["tail", *options, *existing], check=False)  # noqa: S607


def main() -> None:
    """Run the command; an expected error is one line and exit 1."""
    try:
        app()
    except EvergreenError as error:
        Console(stderr=True, highlight=False).print(f"error: {error}", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()

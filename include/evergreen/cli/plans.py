"""The command that foretells trainings: the next one of a use case, or all that are coming."""

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from evergreen import console
from evergreen.cli.base import (
    AsJson,
    app,
    catalog,
    parse_moment,
    parse_span,
    records,
    settings,
    today,
    told,
)
from evergreen.errors import DeclarationError
from evergreen.settings import environment
from evergreen.slots import of_trainings

A_DAY = "24h"
PARALLELISM = 32
"""Of an Airflow that nobody has told another one."""


@app.command()
@told
def plan(
    name: Annotated[
        str, typer.Argument(help="The use case. Default: all that are due.", metavar="NAME")
    ] = "",
    as_of: Annotated[
        str, typer.Option(help="Of the training (UTC); it may lie ahead. Default: the next one.")
    ] = "",
    last: Annotated[
        bool, typer.Option("--last", help="Instead: what was foretold of the last, and happened.")
    ] = False,
    due: Annotated[
        str,
        typer.Option(help="Of all: those that are due so soon, or ran so lately. Default: 24h."),
    ] = "",
    slots: Annotated[
        int, typer.Option(min=0, help="Of all: tasks at once. Default: as the pool is made.")
    ] = 0,
    cores: Annotated[
        float, typer.Option(min=0, help="Of all: cores for them. Default: this machine's.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Tell what the next training will take, before it runs; or all that are due, together."""
    if name:
        _refuse("--due, --slots and --cores", due or slots or cores, "without NAME: of all")
        _one(name, as_of, last, as_json)
    else:
        _refuse("--as-of", as_of, "with NAME: all are foretold as their schedules have it")
        _all(due, slots, cores, last, as_json)


def _one(name: str, as_of: str, last: bool, as_json: bool) -> None:
    from evergreen import planning

    use_case, kept = catalog().find(name), records()
    if last:
        _refuse("--last", as_of, "without --as-of: it is of the last training")
        console.compared(planning.last(use_case, records=kept), as_json=as_json)
        return
    due = planning.next_moment(use_case, today(), records=kept)
    moment = parse_moment(as_of) if as_of else due
    made = planning.plan(use_case, as_of=moment, records=kept, settings=settings())
    console.plan(made, as_json=as_json)


def _all(due: str, slots: int, cores: float, last: bool, as_json: bool) -> None:
    from evergreen import planning

    span, now = parse_span("--due", due or A_DAY), datetime.now(UTC).replace(microsecond=0)
    asked = slots or settings().training_slots
    room = planning.Room(
        slots=of_trainings(asked, parallelism()), cores=cores or float(os.cpu_count() or 1)
    )
    kept, known, every = records(), settings(), catalog()
    if last:
        found = planning.last_of_all(
            every, span=span, room=room, now=now, records=kept, settings=known
        )
        console.fleet_compared(found, as_json=as_json)
    else:
        made = planning.foretell_all(
            every, span=span, room=room, now=now, records=kept, settings=known
        )
        console.fleet_plan(made, as_json=as_json)


def parallelism() -> int:
    """Return how many tasks Airflow runs at once, by the environment that its stack has.

    Raises:
        DeclarationError: it is no number.
    """
    text = environment().get("AIRFLOW__CORE__PARALLELISM", str(PARALLELISM))
    try:
        return int(text)
    except ValueError:
        raise DeclarationError("AIRFLOW__CORE__PARALLELISM", text, "a number") from None


def _refuse(field: str, given: object, allowed: str) -> None:
    if given:
        raise DeclarationError(field, given, allowed)

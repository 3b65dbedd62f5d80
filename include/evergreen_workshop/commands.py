"""Commands that a checkout needs and a library does not: demo tables, traffic.

Entry point of the group `evergreen.commands`: to import this module is to add them.
"""

from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from evergreen import console
from evergreen.cli.base import (
    AsJson,
    Name,
    app,
    catalog,
    db,
    parse_moment,
    records,
    settings,
    today,
    told,
)
from evergreen.errors import DeclarationError


@db.command("load")
@told
def db_load(name: Name, as_json: AsJson = False) -> None:
    """Load the demo table of a use case, up to yesterday; harmless when it is there."""
    from evergreen_workshop import demo

    yesterday = today().date() - timedelta(days=1)
    console.rows(name, demo.load(name, settings().warehouse_url, yesterday), as_json=as_json)


@app.command()
@told
def feed(
    name: Name,
    days: Annotated[int, typer.Option(min=1, help="How many days to add.")] = 1,
    how: Annotated[
        str,
        typer.Option(help="on_time, late, partial, twice, corrected or not_at_all."),
    ] = "on_time",
    as_json: AsJson = False,
) -> None:
    """Add the next days (or rows, where there is no time) to a demo table."""
    from evergreen_workshop import demo
    from evergreen_workshop.demo import deliveries

    way = deliveries.parse(how)
    console.rows(name, demo.feed(name, settings().warehouse_url, days, way), as_json=as_json)


@app.command()
@told
def rehearse(
    name: Name,
    days: Annotated[int, typer.Option(min=1, help="How many days to replay.")] = 30,
    every: Annotated[
        bool, typer.Option("--every", help="Train every candidate, searched; else the first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay the newest days of the source in a copy: late, in part, changed; exit 1 when one
    went otherwise than was due."""
    from evergreen_workshop.rehearsal import month, report, scratch
    from evergreen_workshop.rehearsal import rehearse as play

    use_case, found = catalog().find(name), []
    if not every:
        first = replace(use_case.candidates[0], search={})
        use_case = replace(use_case, candidates=(first,))
    with scratch.of(use_case, settings()) as place, console.progress(as_json) as tell:
        for day in play(place, month(days)):
            found.append(day)
            tell(f"{day.as_of:%Y-%m-%d}, {day.event}: {day.outcome}")
        tell("invariants")
        findings = report.check(place, found)
    if as_json:
        console.document(report.document(found, findings))
    else:
        report.show(found, findings)
    raise typer.Exit(int(not report.well(found, findings)))


@app.command()
@told
def chaos(
    name: Annotated[str, typer.Argument(help="The use case.", metavar="[NAME]")] = "iris",
    cells: Annotated[int, typer.Option(min=1, max=1000, help="How many faults.")] = 10,
    seed: Annotated[int, typer.Option(help="Of what is drawn; the same, the same faults.")] = 0,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Cells with this in their name, as 'kill -9 / serve'; may be repeated."),
    ] = None,
    together: Annotated[
        int, typer.Option(min=1, max=10, help="How many may strike one training.")
    ] = 1,
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="How long what is stopped, slow or full is so.")
    ] = 60.0,
    smoke: Annotated[bool, typer.Option("--smoke", help="Ten faults in one training.")] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Only tell which cells there are.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="Append each result to this file.", metavar="FILE")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Only renew the table of this page from --results.", metavar="PAGE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Strike the running stack with faults, drawn by a seed; exit 1 when one did harm, or none
    struck.

    It kills and stops processes of the embedded stack, and trains. Never for one that is in use.
    """
    from evergreen_workshop.chaos import command
    from evergreen_workshop.chaos import results as kept
    from evergreen_workshop.chaos.cells import SMOKE, choose, draw, grouped

    if listed:
        command.listed(command.there_is(), as_json=as_json)
        return
    if table:
        if results is None:
            raise DeclarationError("--results", None, "the file of the results, with --table")
        command.renew(table, results)
        return
    drawn = grouped(draw(choose(only or (), command.there_is()), seed, cells), together)
    groups = [list(SMOKE)] if smoke else drawn
    use_case = catalog().find(name)
    with (
        command.prepared(use_case, seed, seconds, records=records(), settings=settings()) as it,
        console.progress(as_json) as tell,
    ):
        found = list(command.carry_out(it, groups, results, tell))
    if as_json:
        console.document([asdict(one) for one in found])
    else:
        command.show(found)
    raise typer.Exit(int(not kept.well(found)))


@app.command()
@told
def generate(
    name: Annotated[str, typer.Argument(help="The demo table: churn.", metavar="NAME")],
    rows: Annotated[int, typer.Option(min=1, help="How many customers.")],
    since: Annotated[str, typer.Option(help="First day (UTC). Default: 30 days ago.")] = "",
    until: Annotated[str, typer.Option(help="Last day (UTC). Default: yesterday.")] = "",
    drift: Annotated[str, typer.Option(help="none, inputs, concept or both.")] = "none",
    drift_from: Annotated[str, typer.Option(help="The day from which on it drifts.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed, the same customers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Append generated customers to a demo table, streamed, with drift from a day on."""
    from evergreen_workshop.demo import generator

    last = parse_moment(until).date() if until else today().date() - timedelta(days=1)
    first = parse_moment(since).date() if since else last - timedelta(days=29)
    begun = parse_moment(drift_from).date() if drift_from else None
    written = generator.write(
        settings().warehouse_url, name, rows=rows, since=first, until=last, seed=seed,
        drift=generator.parse(drift), drift_from=begun,
    )  # fmt: skip
    console.rows(name, written, as_json=as_json)


@app.command()
@told
def simulate(
    name: Name,
    rows: Annotated[int, typer.Option(min=1, help="How many rows to ask for.")] = 200,
    shift: Annotated[
        list[str] | None,
        typer.Option(help="column=+2sd, column=-1.5 or column=*0.5; may be repeated."),
    ] = None,
    flip_labels: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the labels told wrongly.")
    ] = 0.0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask for rows newer than what the champion knows.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the rows that are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Send traffic to the service: rows that the champion learned from, shifted; then labels."""
    from evergreen_workshop import simulation

    use_case = catalog().find(name)
    shifts = [simulation.Shift.parse(text) for text in shift or []]
    sent = simulation.simulate(
        use_case,
        rows,
        shifts,
        flip_labels=flip_labels,
        fresh=fresh,
        seed=seed,
        records=records(),
        settings=settings(),
    )
    if as_json:
        console.document(asdict(sent))
    else:
        console.say(sent.sentence)

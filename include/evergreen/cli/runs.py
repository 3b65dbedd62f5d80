"""Commands that do what the DAGs do: run, backfill, replay, watch, ingest, score."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from evergreen import console
from evergreen.cli.base import (
    REFUSED,
    AsJson,
    Force,
    Name,
    app,
    catalog,
    parse_days,
    parse_moment,
    records,
    settings,
    today,
    told,
    up_to,
)
from evergreen.errors import (
    DeclarationError,
)


@app.command()
@told
def run(
    name: Name,
    as_of: Annotated[
        str, typer.Option(help="Use the rows known at this date or time (UTC). Default: today.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide, but promote nothing; so do all of a draft.")
    ] = False,
    must_pass: Annotated[
        bool,
        typer.Option("--must-pass", help="Exit 3 also if the gate or the fit is refused."),
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole cycle in this process: extract to promote."""
    use_case = catalog().find(name)
    moment = up_to(datetime.now(UTC), as_of) if as_of else today()
    with console.progress(as_json) as tell:
        cycle = _cycle(use_case, moment, use_case.purpose(dry_run=dry_run), force, tell)
    console.cycle(cycle, use_case, as_json=as_json)
    raise typer.Exit(REFUSED if cycle.refused or (must_pass and not cycle.passed) else 0)


@app.command()
@told
def backfill(
    name: Name,
    start: Annotated[str, typer.Option("--from", help="First day (UTC).")],
    end: Annotated[str, typer.Option("--to", help="Last day (UTC).")],
    as_json: AsJson = False,
) -> None:
    """Train and evaluate as of each day of a range; the champion never moves."""
    use_case = catalog().find(name)
    first, last = parse_moment(start), up_to(datetime.now(UTC), end, "--to")
    if first > last:
        raise DeclarationError("--to", end, f"a day not before --from ({start})")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    with console.progress(as_json) as tell:
        cycles = [_cycle(use_case, day, "backfill", False, tell) for day in days]
    console.cycles(cycles, as_json=as_json)
    raise typer.Exit(REFUSED if any(cycle.refused for cycle in cycles) else 0)


@app.command()
@told
def replay(
    name: Name,
    start: Annotated[
        str, typer.Option("--from", help="First day (UTC). Default: a year before the last.")
    ] = "",
    end: Annotated[str, typer.Option("--to", help="Last moment (UTC). Default: today.")] = "",
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Only these, beside 'as declared': 'never retrain', 'window 60d' ..."),
    ] = None,
    step: Annotated[
        str, typer.Option(help="Between cuts, as 7d. Default: a block, 1d to 7d.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Tell what other policies would have cost and gained on the history; nothing is promoted."""
    from evergreen import replays

    use_case = catalog().find(name)
    now = datetime.now(UTC)
    moment = up_to(now, end, "--to") if end else today()
    with console.progress(as_json) as tell:
        done = replays.run(
            use_case, end=moment, asked_at=now,
            start=parse_moment(start) if start else None,
            step=parse_days(step) if step else None, policies=policy or (),
            records=records(), settings=settings(), tell=tell,
        )  # fmt: skip
    console.replay(done, as_json=as_json)


@app.command()
@told
def watch(
    name: Name,
    as_of: Annotated[str, typer.Option(help="End of the window (UTC). Default: now.")] = "",
    since: Annotated[
        str, typer.Option(help="Start of the window (UTC). Default: by the declared length.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Hold the logged predictions of a window against what the champion learned from."""
    from evergreen import watching

    use_case = catalog().find(name)
    now = datetime.now(UTC).replace(microsecond=0)
    end = up_to(now, as_of)
    start = parse_moment(since) if since else end - use_case.monitoring.window
    window = watching.Window(start=start, end=end)
    seen = watching.watch(use_case, window, records=records(), settings=settings())
    console.watched(seen, settings(), as_json=as_json)


@app.command()
@told
def ingest(
    name: Name,
    day: Annotated[
        str, typer.Option(help="Day to ask an API for (UTC). Default: all that have ended.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Land what the use case declares: new files, or the days of the API since the last one."""
    from evergreen import ingest as landing

    asked = parse_moment(day).date() if day else None
    kept, now = records(), datetime.now(UTC)
    landed = landing.land(
        catalog().find(name), as_of=now, day=asked, records=kept, settings=settings()
    )
    console.landings(landed, as_json=as_json)


@app.command()
@told
def score(
    name: Name,
    as_of: Annotated[
        str, typer.Option(help="Score the last interval that had ended then (UTC). Default: now.")
    ] = "",
    start: Annotated[str, typer.Option(help="Another interval: its start (UTC).")] = "",
    end: Annotated[str, typer.Option(help="And its end, which is not in it.")] = "",
    query: Annotated[
        str, typer.Option(help="Rows of this SELECT. Default: as the use case declares.")
    ] = "",
    file: Annotated[str, typer.Option(help="Rows of this file: .parquet or .csv.")] = "",
    into: Annotated[
        str, typer.Option(help="Into this table. Default: as the use case declares.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option(help="Into this file: .parquet or .csv.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let the champion predict many rows: those of an interval, once, or those of a file."""
    from evergreen import scoring, steps

    use_case, now = catalog().find(name), datetime.now(UTC).replace(microsecond=0)
    moment = up_to(now, as_of)
    given = (parse_moment(text) if text else None for text in (start, end))
    interval = scoring.interval_of(use_case, moment, *given)
    asked = scoring.asked(use_case, interval, query=query, file=file, into=into, to=to)
    run = steps.Run(
        as_of=moment, asked_at=now, key=f"cli/score/{name}/{moment.isoformat()}",
        actor=console.user(),
    )  # fmt: skip
    with console.counting(as_json) as tell:
        done = scoring.score(
            use_case, asked, run, records=records(), settings=settings(), tell=tell
        )
    console.scored(done, as_json=as_json)


def _cycle(use_case: Any, as_of: datetime, purpose: str, force: bool, tell: Any) -> Any:
    from evergreen import cycle, steps

    request = steps.Run(
        as_of=as_of,
        asked_at=datetime.now(UTC),
        key=f"cli/{use_case.name}/{as_of:%Y-%m-%dT%H%M}",
        actor=console.user(),
        purpose=purpose,
    )
    return cycle.run(
        use_case, request, records=records(), settings=settings(), force=force, tell=tell
    )

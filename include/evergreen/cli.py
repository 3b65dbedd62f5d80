"""The `evergreen` command: the same steps without Airflow.

Every command takes `--json`, and then prints one JSON document and nothing else to stdout.
Exit codes: 0 done, 1 error, 2 wrong usage, 3 the data was refused.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import psycopg2
import typer

from evergreen import console, room
from evergreen import records as recording
from evergreen.catalog import Catalog
from evergreen.catalog import load as load_catalog
from evergreen.errors import (
    DataRefused,
    DeclarationError,
    EvergreenError,
    UnknownUseCase,
    Unreachable,
)
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.settings import get as get_settings
from evergreen.spec import Dialect, check_name

COMMANDS = "evergreen.commands"
REFUSED = 3
P = ParamSpec("P")
_opened: list[Records] = []
"""The records of the command that runs, once it has asked for them."""

app = typer.Typer(
    help="Keep tabular models fresh, and tell why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Tables to try Evergreen on.", no_args_is_help=True)
app.add_typer(db, name="db")

Name = Annotated[str, typer.Argument(help="The use case.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Vault = Annotated[
    str, typer.Argument(help="A folder, or a URL as s3://bucket/prefix.", metavar="VAULT")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")]
Force = Annotated[bool, typer.Option("--force", help="Train again what was trained before.")]


def main() -> None:
    """Run the command line."""
    complete()()


def complete() -> typer.Typer:
    """Return the command with what other packages add to it: modules that register their own.

    They name themselves as entry points of the group `evergreen.commands`.
    """
    for more in entry_points(group=COMMANDS):
        more.load()
    return app


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Tell an error of ours in one line (or as JSON), with the right exit code."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            command(*args, **kwargs)
        except EvergreenError as error:
            console.error(error, as_json=as_json)
            raise typer.Exit(_code(error)) from None
        except psycopg2.OperationalError as error:
            away = Unreachable("PostgreSQL", "EVERGREEN_DATABASE_URL", error)
            console.error(room.ran_out(error) or away, as_json=as_json)
            raise typer.Exit(1) from None
        except Exception as error:
            if (full := room.ran_out(error)) is None:
                raise
            console.error(full, as_json=as_json)
            raise typer.Exit(1) from None
        finally:
            while _opened:
                _opened.pop().close()

    return wrapper


def _code(error: EvergreenError) -> int:
    if isinstance(error, UnknownUseCase | DeclarationError):
        return 2
    return REFUSED if isinstance(error, DataRefused) else 1


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
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole cycle in this process: extract to promote."""
    use_case = catalog().find(name)
    moment = parse_moment(as_of) if as_of else today()
    with console.progress(as_json) as tell:
        cycle = _cycle(use_case, moment, use_case.purpose(dry_run=dry_run), force, tell)
    console.cycle(cycle, use_case, as_json=as_json)
    raise typer.Exit(REFUSED if cycle.refused else 0)


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
    first, last = parse_moment(start), parse_moment(end)
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
    moment = parse_moment(end) if end else today()
    with console.progress(as_json) as tell:
        done = replays.run(
            use_case, end=moment, asked_at=max(moment, datetime.now(UTC)),
            start=parse_moment(start) if start else None,
            step=parse_days(step) if step else None, policies=policy or (),
            records=records(), settings=settings(), tell=tell,
        )  # fmt: skip
    console.replay(done, as_json=as_json)


@app.command("ls")
@told
def list_use_cases(as_json: AsJson = False) -> None:
    """List the use cases with their champions, and the files that are broken."""
    kept = records()
    console.use_cases(catalog(), kept.promotions, kept.retirements.all(), as_json=as_json)


@app.command()
@told
def champion(name: Name, as_json: AsJson = False) -> None:
    """Show the champion of a use case."""
    console.champion(catalog().find(name), records().promotions, as_json=as_json)


@app.command()
@told
def history(name: Name, as_json: AsJson = False) -> None:
    """Show the promotions and rollbacks of a use case, newest first."""
    console.promotions(records().promotions.of(known(name)), as_json=as_json)


@app.command()
@told
def card(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the champion.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write the HTML page to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the model card of a version: what it is for, how well it does, its limits."""
    from evergreen import cards

    found = cards.card_of(known(name), version, records=records(), settings=settings())
    if to is not None:
        to.write_text(cards.page(found))
    console.card(found, to, as_json=as_json)


@app.command()
@told
def decisions(
    name: Name,
    limit: Limit = 20,
    kind: Annotated[
        str | None, typer.Option(help="Only these: trigger, gate, validation, promotion ...")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was decided for a use case and why, newest first."""
    found = records().decisions.newest(known(name), limit, kind)
    console.decisions(found, as_json=as_json)


@app.command()
@told
def rollback(
    name: Name,
    reason: Reason,
    to: Annotated[
        int | None, typer.Option("--to", help="Version. Default: the champion before this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier champion champion again, once it has proved that it still works."""
    from evergreen.champions import promotion

    done = promotion.rollback(
        catalog().find(name).name, to=to, reason=reason, actor=console.user(),
        ledger=records(), settings=settings(),
    )  # fmt: skip
    console.promotion(done, as_json=as_json)


@app.command()
@told
def unpin(name: Name, reason: Reason, as_json: AsJson = False) -> None:
    """Let trainings move the champion again, to which a person went back."""
    from evergreen.champions import promotion

    sentence = promotion.unpin(
        catalog().find(name).name, reason=reason, actor=console.user(), ledger=records(),
        settings=settings(),
    )  # fmt: skip
    console.sentence(sentence, as_json=as_json)


@app.command()
@told
def promote(
    name: Name,
    reason: Reason,
    force: Annotated[
        bool, typer.Option("--force", help="Yes: whatever the gate said of it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the newest challenger take over, whatever the gate said, because you say so."""
    from evergreen import steps

    if not force:
        raise DeclarationError("--force", False, "given: the gate alone promotes without it")
    moment = today()
    asked = steps.Run(
        as_of=moment, asked_at=moment, key=f"cli/force/{moment.isoformat()}", actor=console.user()
    )
    done = steps.force(
        catalog().find(name), asked, reason=reason, records=records(), settings=settings()
    )
    console.promotion(done, as_json=as_json)


@app.command()
@told
def serve(as_json: AsJson = False) -> None:
    """Serve the champions over HTTP, until a signal comes."""
    from evergreen.serving import commands

    console.service(settings(), as_json=as_json)
    commands.serve(settings())


@app.command()
@told
def release(
    name: Name,
    strategy: Annotated[
        str, typer.Option(help="Start a trial: shadow, canary (by request) or ab (by subject).")
    ] = "",
    version: Annotated[int, typer.Option(help="Version that a gate has passed.")] = 0,
    share: Annotated[float, typer.Option(help="Share of the answers that it gives.")] = 0.1,
    reason: Annotated[str, typer.Option(help="Why; kept on record.")] = "",
    stop: Annotated[bool, typer.Option("--stop", help="End the trial that runs.")] = False,
    promote: Annotated[
        bool,
        typer.Option(
            "--promote", help="Make the challenger on trial champion (or --version, tried or not)."
        ),
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Tell what the labels say of the newest trial.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a version on trial beside the champion, compare, end it, promote; or list the trials."""
    from evergreen.serving import commands, trials

    use_case = catalog().find(name)
    _one_deed(strategy=strategy, stop=stop, promote=promote, compare=compare)
    actor = console.user()
    if promote:
        _all_given("--promote", reason=reason)
        done = trials.promote(
            use_case, reason=reason, actor=actor, version=version, records=records(),
            settings=settings(),
        )  # fmt: skip
        console.promotion(done, as_json=as_json)
        return
    if compare:
        console.comparison(commands.compare(use_case, records=records()), as_json=as_json)
        return
    if strategy:
        _all_given(f"--strategy {strategy}", version=version, reason=reason)
        found: Any = [
            commands.release(
                use_case, strategy, version=version, share=share, reason=reason, actor=actor,
                records=records(),
            )
        ]  # fmt: skip
    elif stop:
        why = reason or "no reason given"
        found = [commands.stop(use_case, reason=why, actor=actor, records=records())]
    else:
        found = commands.trials(use_case, records=records())
    console.releases(found, as_json=as_json)


@app.command()
@told
def export(
    name: Name,
    to: Annotated[Path, typer.Option("--to", help="The file to write.", metavar="FILE")],
    form: Annotated[
        str, typer.Option("--format", help="onnx, skops or joblib (pickle: for your eyes only).")
    ] = "onnx",
    as_json: AsJson = False,
) -> None:
    """Write the champion as a file that other programs can load, if it answers alike there."""
    from evergreen.serving import export as exporting

    done = exporting.export(catalog().find(name), form, to, records=records(), settings=settings())
    console.exported(done, as_json=as_json)


@app.command()
@told
def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="First let MLflow and the dossiers follow the ledger.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every invariant; exit 1 when one is broken, or when a check itself fails."""
    from evergreen import invariants, mending

    if repair:
        declared = catalog().use_cases
        for name in records().promotions.use_cases():
            told = mending.mend(name, declared.get(name), records(), settings())
            console.repaired(name, told)
    findings = invariants.check(records(), settings(), catalog())
    console.findings(findings, as_json=as_json)
    raise typer.Exit(int(not all(finding.holds for finding in findings)))


@app.command()
@told
def backup(to: Vault, as_json: AsJson = False) -> None:
    """Back up all that is ours, while the work goes on; what is there already is not copied again.

    The records, MLflow's database, the store and the models; not the tables that are trained on.
    """
    from evergreen import backups

    vault = backups.Vault(to, settings().store_options)
    with console.progress(as_json) as tell:
        made = backups.back_up(
            vault, records=records(), settings=settings(), now=datetime.now(UTC), tell=tell
        )
    console.backed_up(made, as_json=as_json)


@app.command()
@told
def restore(
    vault: Vault,
    name: Annotated[str, typer.Option(help="Which backup. Default: the newest.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="Only tell which there are.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In the place of the records that there are.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put back what `evergreen backup` kept, and tell what is lost."""
    from evergreen import backups, mending

    kept = backups.Vault(vault, settings().store_options)
    if listed:
        console.backups([kept.find(one) for one in kept.names()], as_json=as_json)
        return
    with console.progress(as_json) as tell:
        found = kept.find(name)
        lost = backups.restore(kept, found, settings=settings(), replace=replace, tell=tell)
        declared = catalog().use_cases
        mended = [
            f"{each}: {sentence}"
            for each in records().promotions.use_cases()
            for sentence in mending.mend(each, declared.get(each), records(), settings())
        ]
    console.restored(found, lost, mended, as_json=as_json)


@app.command()
@told
def new(
    name: Name,
    table: Annotated[str, typer.Option(help="Table in PostgreSQL.")],
    target: Annotated[str, typer.Option(help="Column to predict.")],
    time: Annotated[str | None, typer.Option(help="Column with the event time.")] = None,
    key: Annotated[list[str] | None, typer.Option(help="Column(s) that identify a row.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The positive of two classes. Default: true, 1, the rarer.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Who is on call for the model.")] = "me",
    as_json: AsJson = False,
) -> None:
    """Write a draft from a table: a commented use case, and a suite of what the table holds."""
    from evergreen import scaffold

    check_name("NAME", name)
    files: tuple[Path, ...] = scaffold.new(
        name, table=table, target=target, time=time, key=key, positive=positive,
        settings=settings(), owner=owner, today=today().date(),
    )  # fmt: skip
    console.files(name, files, as_json=as_json)


@app.command()
@told
def activate(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, for what was retired.")] = "",
    as_json: AsJson = False,
) -> None:
    """Confirm a draft, once you have read it, or bring back what was retired: from now on it is
    trained, and goes live through its gate."""
    from evergreen import activation, retirement

    use_case, path = catalog().find(name), settings().use_cases_dir / f"{name}.py"
    kept, actor = records(), console.user()
    sentence = retirement.revive(name, reason=reason, actor=actor, records=kept)
    if use_case.draft or not sentence:
        now = datetime.now(UTC)
        sentence = activation.activate(
            use_case, path, at=now, actor=actor, decisions=kept.decisions
        )
    console.sentence(sentence, as_json=as_json)


@app.command()
@told
def retire(name: Name, reason: Reason, as_json: AsJson = False) -> None:
    """End a use case: it is trained, watched and served no more; its history stays."""
    from evergreen import retirement

    done = retirement.retire(
        known(name), reason=reason, actor=console.user(), records=records(), settings=settings()
    )
    console.sentence(done, as_json=as_json)


@app.command()
@told
def prune(
    name: Annotated[str, typer.Argument(help="The use case. Default: all.", metavar="[NAME]")] = "",
    keep: Annotated[
        list[str] | None,
        typer.Option(help="How long: 90d for all, snapshots=30d for one. Default: the settings'."),
    ] = None,
    keep_bytes: Annotated[
        str, typer.Option(help="Of each use case in the store, as 50GB. Default: the setting's.")
    ] = "",
    as_of: Annotated[
        str, typer.Option(help="Count ages from this date or time (UTC). Default: now.")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Delete; else only tell what would go.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let go of what is old and what nothing leads to; without --apply nothing changes."""
    from evergreen import retention

    now = datetime.now(UTC)
    moment = parse_moment(as_of) if as_of else now
    if apply and moment > now:
        raise DeclarationError("--as-of", as_of, f"up to now, {now.isoformat()}, with --apply")
    asked = retention.Limits.of(settings()).asked(keep or (), keep_bytes)
    with console.progress(as_json) as tell:
        pruned = retention.prune_all(
            [known_of_old(name)] if name else None, asked, as_of=moment, apply=apply,
            actor=console.user(), catalog=catalog(), records=records(), settings=settings(),
            tell=tell,
        )  # fmt: skip
    console.prunings(pruned, applied=apply, as_json=as_json)


@db.command("import")
@told
def db_import(
    file: Annotated[str, typer.Argument(help="CSV or Parquet: a path or any fsspec URL.")],
    table: Annotated[str, typer.Option(help="Table; it is created at first.")],
    key: Annotated[list[str], typer.Option(help="Column(s) that identify a row.")],
    separator: Annotated[
        str, typer.Option(help="Between the columns, as `;` or `tab`. Default: found out.")
    ] = "",
    decimal: Annotated[
        str, typer.Option(help="Before the decimals, `.` or `,`. Default: found out.")
    ] = "",
    encoding: Annotated[
        str, typer.Option(help="As `latin-1`. Default: UTF-8, or what the file begins with.")
    ] = "",
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Does the first line name the columns? Default: if it does not look like values.",
        ),
    ] = None,
    day_first: Annotated[
        bool | None,
        typer.Option(
            "--day-first/--month-first", help="How to read 01/02/2026. Default: found out."
        ),
    ] = None,
    null: Annotated[
        list[str] | None,
        typer.Option(help="Text(s) that mean NULL, as `?`, or an empty one for blanks."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put the rows of a file into a table; a row whose key is there already replaces it.

    Every value is kept as it is, or the file is refused with the row of the first that cannot be.
    """
    from evergreen import ingest as landing

    dialect = Dialect(
        separator={"tab": "\t"}.get(separator, separator) or None,
        decimal=decimal or None,
        encoding=encoding or None,
        header=header,
        day_first=day_first,
        null=tuple(null or ()),
    )
    done = landing.load(file, table, tuple(key), dialect, settings=settings())
    console.landings([done], as_json=as_json)


@db.command("migrate")
@told
def db_migrate(as_json: AsJson = False) -> None:
    """Create our own tables, the schema evergreen, or bring them up to date; again: nothing."""
    records().migrate()
    console.migrated(recording.REVISIONS[-1], as_json=as_json)


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
    moment = _up_to(now, as_of)
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
    end = _up_to(now, as_of)
    start = parse_moment(since) if since else end - use_case.monitoring.window
    window = watching.Window(start=start, end=end)
    seen = watching.watch(use_case, window, records=records(), settings=settings())
    console.watched(seen, settings(), as_json=as_json)


def settings() -> Settings:
    """Return the settings of this process."""
    return get_settings()


def catalog() -> Catalog:
    """Return the use cases of the settings' folder."""
    return load_catalog(settings().use_cases_dir)


def known(name: str) -> str:
    """Return the name of a use case that is declared, or on record: its file may be gone."""
    kept = records()
    return name if name in kept.promotions.use_cases() else catalog().find(name).name


def known_of_old(name: str) -> str:
    """Return the name of a use case that is declared, or that anything at all is on record of."""
    return name if name in records().prunings.use_cases() else known(name)


def records() -> Records:
    """Return the records of this command, which closes them when it ends."""
    if not _opened:
        _opened.append(recording.open(settings()))
    return _opened[0]


def today() -> datetime:
    """Return the start of today, UTC: the one place where the command line reads the clock."""
    return datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)


def parse_moment(text: str) -> datetime:
    """Read `2026-11-20` or `2026-11-20T06:00`; without a zone it is UTC.

    Raises:
        DeclarationError: it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DeclarationError("date", text, "2026-11-20 or 2026-11-20T06:00") from None
    return replace_zone(moment)


def parse_days(text: str) -> timedelta:
    """Read `7d`.

    Raises:
        DeclarationError: it is no number of days above 0.
    """
    days = text.removesuffix("d")
    if not days.isdecimal() or not int(days):
        raise DeclarationError("--step", text, "days, as 7d")
    return timedelta(days=int(days))


def replace_zone(moment: datetime) -> datetime:
    """Return the moment in UTC; a naive one is taken as UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cycle(use_case: Any, as_of: datetime, purpose: str, force: bool, tell: Any) -> Any:
    from evergreen import cycle, steps

    request = steps.Run(
        as_of=as_of,
        asked_at=max(as_of, datetime.now(UTC)),
        key=f"cli/{use_case.name}/{as_of:%Y-%m-%dT%H%M}",
        actor=console.user(),
        purpose=purpose,
    )
    return cycle.run(
        use_case, request, records=records(), settings=settings(), force=force, tell=tell
    )


def _up_to(now: datetime, as_of: str) -> datetime:
    """Return the moment that is meant, or now.

    Raises:
        DeclarationError: it lies in the future.
    """
    moment = parse_moment(as_of) if as_of else now
    if moment > now:
        raise DeclarationError("--as-of", as_of, f"up to now, {now.isoformat()}")
    return moment


def _one_deed(**deeds: Any) -> None:
    asked = [f"--{name}" for name, given in deeds.items() if given]
    if len(asked) > 1:
        raise DeclarationError("release", " ".join(asked), "one of them at a time")


def _all_given(asked: str, **needed: Any) -> None:
    missing = [f"--{name}" for name, given in needed.items() if not given]
    if missing:
        raise DeclarationError("release", asked, f"together with {' and '.join(missing)}")

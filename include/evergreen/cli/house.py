"""Commands of the house: serve, check, digest, backup, restore, prune, forget, tables."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from evergreen import console
from evergreen import records as recording
from evergreen.cli.base import (
    AsJson,
    Name,
    Vault,
    app,
    catalog,
    db,
    known_of_old,
    parse_moment,
    records,
    settings,
    told,
    up_to,
)
from evergreen.errors import (
    DeclarationError,
)
from evergreen.spec import Dialect


@app.command()
@told
def serve(as_json: AsJson = False) -> None:
    """Serve the champions over HTTP, until a signal comes."""
    from evergreen.serving import commands

    console.service(settings(), as_json=as_json)
    commands.serve(settings())


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
        for name, told in mending.mend_all(catalog().use_cases, records(), settings()):
            console.repaired(name, told)
    findings = invariants.check(records(), settings(), catalog())
    console.findings(findings, as_json=as_json)
    raise typer.Exit(int(not all(finding.holds for finding in findings)))


@app.command()
@told
def digest(
    as_of: Annotated[
        str, typer.Option(help="What happened up to this date or time (UTC). Default: now.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="In so many days.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Tell what was trained, changed and refused, which alarms began and ended, what needs you."""
    from evergreen.deciding import digest as digests

    until = up_to(datetime.now(UTC), as_of)
    made = digests.digest(until - timedelta(days=days), until, records=records())
    console.digest(made, as_json=as_json)


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
        every = mending.mend_all(catalog().use_cases, records(), settings())
        mended = [f"{each}: {sentence}" for each, said in every for sentence in said]
    console.restored(found, lost, mended, as_json=as_json)


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


@app.command()
@told
def forget(
    name: Name,
    key: Annotated[
        list[str], typer.Option(help="COLUMN=VALUE of the key; more than one narrows it down.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="Why, for the record; never who it is.")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Forget it; else only tell what holds it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Forget one subject: its rows go from all that is ours; without --apply nothing changes.

    It must be gone from the source before. What was trained with it is named, and stays.
    """
    from evergreen import forgetting

    if apply and not reason.strip():
        raise DeclarationError("--reason", reason, "why it is forgotten, with --apply")
    with console.progress(as_json) as tell:
        done = forgetting.forget(
            known_of_old(name), key, apply=apply, reason=reason, actor=console.user(),
            as_of=datetime.now(UTC), catalog=catalog(), records=records(), settings=settings(),
            tell=tell,
        )  # fmt: skip
    console.forgotten(done, as_json=as_json)
    raise typer.Exit(int(bool(done.left)))


@db.command("import")
@told
def db_import(
    file: Annotated[str, typer.Argument(help="CSV or Parquet: a path or any fsspec URL.")],
    table: Annotated[str, typer.Option(help="Table; it is created at first.")] = "",
    key: Annotated[list[str] | None, typer.Option(help="Column(s) that identify a row.")] = None,
    name: Annotated[
        str, typer.Option("--for", help="The table and the key of this use case.", metavar="NAME")
    ] = "",
    separator: Annotated[
        str, typer.Option(help="Between the columns, as `;` or `tab`. Default: found out.")
    ] = "",
    decimal: Annotated[
        str, typer.Option(help="Before the decimals, `.` or `,`. Default: found out.")
    ] = "",
    thousands: Annotated[
        str,
        typer.Option(
            help="Between thousands, `.`, `,`, `'`, a space or `none`. Default: found out."
        ),
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
        thousands={"": None, "none": ""}.get(thousands, thousands),
        encoding=encoding or None,
        header=header,
        day_first=day_first,
        null=tuple(null or ()),
    )
    source = catalog().find(name).source if name else None
    into, by = (source.table or table, source.key) if source else (table, tuple(key or ()))
    if not into or not by:
        raise DeclarationError("--table, --key", (into, by), "both, or --for with a use case")
    done = landing.load(file, into, by, dialect, settings=settings())
    console.landings([done], as_json=as_json)


@db.command("migrate")
@told
def db_migrate(as_json: AsJson = False) -> None:
    """Create our own tables, the schema evergreen, or bring them up to date; again: nothing."""
    records().migrate()
    console.migrated(recording.REVISIONS[-1], as_json=as_json)

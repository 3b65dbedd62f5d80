"""Commands that begin and end a use case."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from evergreen import console
from evergreen.catalog import load
from evergreen.cli.base import (
    REFUSED,
    AsJson,
    Name,
    Reason,
    app,
    catalog,
    known,
    records,
    settings,
    today,
    told,
)
from evergreen.errors import DeclarationError
from evergreen.settings import variables
from evergreen.spec.names import check_use_case


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

    check_use_case("NAME", name)
    written = scaffold.new(
        name, table=table, target=target, time=time, key=key, positive=positive,
        settings=settings(), owner=owner, today=today().date(),
    )  # fmt: skip
    console.files(name, written[:2], written.said, as_json=as_json)


@app.command()
@told
def validate(
    names: Annotated[
        list[str] | None, typer.Argument(help="The use cases. Default: all.", metavar="[NAME]...")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read declarations, suites and candidates, without a database; exit 3 if one is broken."""
    from evergreen import soundness

    folders = variables()
    found = soundness.check(load(folders.use_cases_dir), folders.suites_dir, names or ())
    if not found:
        here = str(folders.use_cases_dir)
        raise DeclarationError("EVERGREEN_USE_CASES_DIR", here, "a folder with a <name>.py")
    console.declared(found, as_json=as_json)
    raise typer.Exit(0 if all(each.sound for each in found) else REFUSED)


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

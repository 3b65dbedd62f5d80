"""Commands about the keys of the prediction service."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from evergreen import console
from evergreen.cli.base import AsJson, catalog, keys, records, told
from evergreen.settings import LONGEST

Who = Annotated[str, typer.Argument(help="Who has the key.", metavar="NAME")]


@keys.command("ls")
@told
def list_keys(as_json: AsJson = False) -> None:
    """List who has a key, what for and until when, the revoked ones too."""
    console.api_keys(records().api_keys.all(), as_json=as_json)


@keys.command("new")
@told
def new_key(
    name: Who,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="predict, feedback or read; again for more. Default: all three."),
    ] = None,
    use_case: Annotated[
        list[str] | None, typer.Option(help="Good for this one only; again for more. Default: all.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(max=LONGEST, help="How long it is good for. Default: for ever.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, in place of the one that NAME had before; the service knows it at once."""
    from evergreen.serving import keys as making

    names = [catalog().find(each).name for each in use_case or ()]
    key, row = making.create(
        name, scopes=scope or (), use_cases=names, days=days, actor=console.user(),
        now=datetime.now(UTC), records=records(),
    )  # fmt: skip
    console.new_key(key, row, as_json=as_json)


@keys.command("revoke")
@told
def revoke(name: Who, as_json: AsJson = False) -> None:
    """End the key of NAME; the service refuses it within two seconds."""
    from evergreen.serving import keys as making

    row = making.revoke(name, actor=console.user(), records=records())
    console.api_keys([row], as_json=as_json)

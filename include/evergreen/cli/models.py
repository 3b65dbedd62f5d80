"""Commands about champions: look, go back, let through, try out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from evergreen import console
from evergreen.cli.base import (
    AsJson,
    Limit,
    Name,
    Reason,
    app,
    catalog,
    known,
    known_of_old,
    records,
    settings,
    today,
    told,
)
from evergreen.errors import (
    DeclarationError,
)


@app.command("ls")
@told
def list_use_cases(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Only where all these words stand.", metavar="[WORD]..."),
    ] = None,
    owner: Annotated[str, typer.Option(help="Only whose owner this is.")] = "",
    tag: Annotated[str, typer.Option(help="Only with this tag: of a team, say.")] = "",
    state: Annotated[
        str, typer.Option(help="Only in this state: needs (a person), alert, old, none ...")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="How many, the neediest first.")
    ] = 500,
    as_json: AsJson = False,
) -> None:
    """List the use cases, those first that need a person: champion, quality, drift, decision."""
    from evergreen import fleet

    wanted = fleet.Wanted(owner=owner, tag=tag, state=state, words=" ".join(words or ()))
    found = fleet.read(
        catalog(), records=records(), now=datetime.now(UTC), spread=settings().spread
    )
    console.fleet(found, wanted, limit, as_json=as_json)


@app.command()
@told
def champion(name: Name, as_json: AsJson = False) -> None:
    """Show the champion of a use case."""
    kept = records()
    found, pin = kept.promotions.champion(known(name)), kept.pins.get(name)
    console.champion(name, found, pin, as_json=as_json)


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
def lineage(
    name: Name,
    prediction: Annotated[
        str, typer.Argument(help="Id of an answer: what does it rest on?", metavar="[PREDICTION]")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(help="customer=17, once for each column of the key: what rests on the row?"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what an answer rests on, or what rests on a row."""
    from evergreen import lineage as lines

    if bool(prediction) is bool(key):
        raise DeclarationError("PREDICTION, --key", (prediction, key), "one of the two")
    told: dict[str, Any] = {"records": records(), "settings": settings()}
    if prediction:
        console.back(lines.of_prediction(known(name), prediction, **told), as_json=as_json)
        return
    declared = catalog().use_cases.get(known_of_old(name))
    console.ahead(lines.of_row(name, key or (), declared, **told), as_json=as_json)


@app.command()
@told
def features(
    name: Name,
    key: Annotated[
        list[str], typer.Option("--key", help="Which row, as customer=7; once for each column.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show what the champion sees of a row of the source: its features, as of now."""
    from evergreen.scoring.seen import seen

    pairs = dict(_pair(one) for one in key)
    found = seen(known(name), pairs, records=records(), settings=settings())
    console.seen(found, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign or not column:
        raise DeclarationError("--key", text, "column=value, as customer=7")
    return column, value


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
    from evergreen import cards
    from evergreen.champions import promotion

    done = promotion.rollback(
        known(name), to=to, reason=reason, actor=console.user(),
        ledger=records(), settings=settings(),
    )  # fmt: skip
    console.promotion(done, as_json=as_json)  # first: it is done, whatever becomes of its card
    cards.keep(name, done, records=records(), settings=settings())


@app.command()
@told
def unpin(name: Name, reason: Reason, as_json: AsJson = False) -> None:
    """Let trainings move the champion again, to which a person went back."""
    from evergreen.champions import promotion

    sentence = promotion.unpin(
        known(name), reason=reason, actor=console.user(), ledger=records(), settings=settings()
    )
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
def approvals(as_json: AsJson = False) -> None:
    """List the challengers that wait for a person's word."""
    console.approvals(records().approvals.waiting(), as_json=as_json)


@app.command()
@told
def approve(
    name: Name,
    reason: Reason,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no: it is withdrawn.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the challenger that waits for your word take over, or refuse it."""
    from evergreen import steps

    done = steps.answer(
        catalog().find(name), approve=not refuse, reason=reason, actor=console.user(),
        at=datetime.now(UTC), records=records(), settings=settings(),
    )  # fmt: skip
    console.promotion(done, as_json=as_json)


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

    _one_deed(strategy=strategy, stop=stop, promote=promote, compare=compare)
    actor = console.user()
    if promote:
        _all_given("--promote", reason=reason)
        done = trials.promote(
            catalog().find(name), reason=reason, actor=actor, version=version, records=records(),
            settings=settings(),
        )  # fmt: skip
        console.promotion(done, as_json=as_json)
        return
    if compare:
        compared = commands.compare(catalog().find(name), records=records())
        console.comparison(compared, as_json=as_json)
        return
    if strategy:
        _all_given(f"--strategy {strategy}", version=version, reason=reason)
        found: Any = [
            commands.release(
                catalog().find(name), strategy, version=version, share=share, reason=reason,
                actor=actor, records=records(),
            )
        ]  # fmt: skip
    elif stop:
        why = reason or "no reason given"
        found = [commands.stop(known(name), reason=why, actor=actor, records=records())]
    else:
        found = commands.trials(known(name), records=records())
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


def _one_deed(**deeds: Any) -> None:
    asked = [f"--{name}" for name, given in deeds.items() if given]
    if len(asked) > 1:
        raise DeclarationError("release", " ".join(asked), "one of them at a time")


def _all_given(asked: str, **needed: Any) -> None:
    missing = [f"--{name}" for name, given in needed.items() if not given]
    if missing:
        raise DeclarationError("release", asked, f"together with {' and '.join(missing)}")

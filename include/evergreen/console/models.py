"""What is printed of models: champions, and who decided what."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from evergreen.console.printing import coloured, columns, document, entry, moment, say, show, wide
from evergreen.records import (
    Approval,
    Decision,
    Pin,
    Promotion,
    TrialRow,
)
from evergreen.refs import ChampionRef, PromotionRef
from evergreen.spec.lengths import percent

if TYPE_CHECKING:
    from evergreen.cards import Card
    from evergreen.deciding.digest import Digest
    from evergreen.fleet import Fleet, Wanted
    from evergreen.scoring.seen import Seen
    from evergreen.serving.export import Exported
    from evergreen.serving.releases import Comparison
    from evergreen.settings import Settings

STATE_COLOURS = {"champion": "green", "retired": "dim", "draft": "yellow", "pinned": "yellow"}
"""Of a use case; the others are red."""
WITH_ALL, SPARED = 120, {"owner", "at"}
"""A terminal of fewer columns is spared these, so that a line of a use case stays one."""


def fleet(found: "Fleet", wanted: "Wanted", limit: int, *, as_json: bool) -> None:
    """Print the use cases that are wanted, those first that need a person, and why they do."""
    from evergreen.fleet import in_words, table

    rows = found.only(wanted)
    if as_json:
        document(table.document(rows, limit))
        return
    names = [name for name in in_words.COLUMNS if name not in SPARED or wide(WITH_ALL)]
    shown = columns(*names)
    for row in rows[:limit]:
        state = Text(row.state, STATE_COLOURS.get(row.state, "red"))
        cells = in_words.cells(row) | {"state": state}
        shown.add_row(*(cells[name] for name in names))
    if rows:
        show(shown)
    for row in rows[:limit]:
        for need in row.needs[:1]:
            say(f"{row.name}: {need.why}", mark="!", colour="red")
    say(in_words.counted(found, rows, limit), style="bold")


def champion(name: str, found: ChampionRef | None, pin: Pin | None, *, as_json: bool) -> None:
    """Print the champion of a use case, and whether it is pinned."""
    if as_json:
        told = {"use_case": name, "champion": _champion_json(found)}
        document(told | {"pinned": pin.sentence if pin else None})
    elif found is None:
        say(f"{name} has no champion yet: `evergreen run {name}`")
    else:
        for field, value in _champion_json(found).items():
            show(Text.assemble((f"{field:>16}", "bold"), f"  {value}"))
        if pin:
            say(f"It is {pin.sentence}; `evergreen unpin {name}` lets trainings move it")


def seen(found: "Seen", *, as_json: bool) -> None:
    """Print what a model sees of a row."""
    if as_json:
        document(asdict(found))
        return
    say(f"Version {found.version} of {found.use_case} sees:")
    kept = found.stored
    beside = kept.features if kept else {}
    others = {name for name, value in found.features.items() if value != beside.get(name, value)}
    for name, value in found.features.items():
        told = f"  (stored: {_or_missing(beside[name])})" if name in others else ""
        show(Text.assemble((f"{name:>24}", "bold"), f"  {_or_missing(value)}{told}"))
    if kept is not None:
        what = "Others are stored" if others else "The same are stored"
        by = f"by run {kept.run_key} (definition {kept.definition[:12]})"
        say(f"{what}, as of {moment(kept.as_of)} UTC, {by}.")


def _or_missing(value: object) -> object:
    return "missing" if value is None else value


def promotions(rows: Sequence[Promotion], *, as_json: bool) -> None:
    """Print promotions and rollbacks."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{row.kind}, version {row.version}"
        entry(moment(row.created_at), what, f"by {row.actor}", row.reason)
    if not rows:
        say("There has been no champion yet.")


def decisions(rows: Sequence[Decision], *, as_json: bool) -> None:
    """Print decisions with their reasons."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        as_of = f"as of {row.as_of:%Y-%m-%d %H:%M}, " if row.as_of else ""
        what = Text.assemble(f"{row.kind}: ", coloured(row.outcome))
        entry(moment(row.created_at), what, f"{as_of}{row.run_key}", row.sentence)
    if not rows:
        say("Nothing has been decided yet.")


def digest(made: "Digest", *, as_json: bool) -> None:
    """Print what happened in a while."""
    if as_json:
        document(made.to_json())
        return
    say(f"{made.title[:1].upper()}{made.title[1:]}", style="bold")
    show(made.text)


def promotion(done: PromotionRef, *, as_json: bool) -> None:
    """Print what a promotion or rollback did."""
    if as_json:
        document(done.to_json())
    else:
        say(done.sentence, style="bold")


def service(settings: "Settings", *, as_json: bool) -> None:
    """Print where the prediction service will answer."""
    url = f"http://{settings.listen_host}:{settings.serve_port}"
    if as_json:
        document({"url": url, "docs": f"{url}/docs", "keys": len(settings.api_keys)})
        return
    keys = "an API key is needed" if settings.api_keys else "no API key is needed"
    say(f"{url}/docs ({keys})", style="bold")


def releases(rows: "Sequence[TrialRow]", *, as_json: bool) -> None:
    """Print trials of challengers."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{row.strategy} of version {row.challenger['version']}, share {percent(row.share)}"
        since = f"since {moment(row.started_at)} by {row.actor}, {row.outcome or 'runs'}"
        entry(f"trial {row.id}", what, since, row.reason)
    if not rows:
        say("There has been no trial yet.")


def approvals(rows: "Sequence[Approval]", *, as_json: bool) -> None:
    """Print which challengers wait for a person's word."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        since = f"since {moment(row.asked_at)}, until {moment(row.expires_at)}"
        entry(row.use_case, f"version {row.version}", since, row.sentence)
    if rows:
        say("`evergreen approve NAME --reason …` lets it take over, with --refuse it is withdrawn.")
    else:
        say("Nothing waits for a person's word.")


def comparison(found: "Comparison", *, as_json: bool) -> None:
    """Print what the labels say of a trial."""
    if as_json:
        document(asdict(found))
    else:
        say(found.sentence)


def exported(done: "Exported", *, as_json: bool) -> None:
    """Print what was exported."""
    if as_json:
        document(asdict(done))
        return
    alike = f"its answers differ by at most {done.difference:.1g}"
    say(f"wrote {done.file}: {done.use_case} version {done.version}, {alike}")


def card(found: "Card", to: Path | None, *, as_json: bool) -> None:
    """Print a model card in short, and where its page is."""
    if as_json:
        document(found.to_json())
        return
    from evergreen.judging.figures import figure

    say(f"{found.use_case} version {found.version}, {found.state}: {found.doc}", style="bold")
    say(found.sentence)
    for one in found.figures:
        limit = f", {one.limit}" if one.limit else ""
        say(f"  {one.metric} {figure(one.value)}{limit}{' (beyond)' * one.is_beyond}")
    for limit in found.limits:
        say(f"- {limit}")
    say(f"wrote {to}" if to else "The whole card: --to card.html, or --json")


def _champion_json(found: ChampionRef | None) -> Any:
    """Return the champion, with the event time of the newest row that it has learned from."""
    return found and (told := found.to_json()) | {"knowledge_until": told["training"]["end"]}

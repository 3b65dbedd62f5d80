"""What is printed of rows: where they came from, what rests on them, which went."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from evergreen.console.printing import columns, document, say, show
from evergreen.refs import Landing

if TYPE_CHECKING:
    from evergreen.forgetting import Forgotten
    from evergreen.lineage import Ahead, Back
    from evergreen.soundness import Declared


def declared(found: "Sequence[Declared]", *, as_json: bool) -> None:
    """Print what there is to say against declarations."""
    if as_json:
        document([asdict(each) | {"sound": each.sound} for each in found])
        return
    for each in found:
        say(each.name, mark="✓" if each.sound else "✗", colour="green" if each.sound else "red")
        for problem in each.problems:
            say(f"  {problem}")


def landings(landed: Iterable[Landing], *, as_json: bool) -> None:
    """Print what became of files, or of days of an API, as it happens."""
    if as_json:
        document([landing.to_json() for landing in landed])
        return
    for landing in landed:
        say(landing.sentence)


def rows(name: str, count: int, *, as_json: bool) -> None:
    """Print how many rows were added."""
    if as_json:
        document({"name": name, "rows": count})
    else:
        say(f"{name}: {count} rows added")


def forgotten(done: "Forgotten", *, as_json: bool) -> None:
    """Print what holds a subject, or held it, and where it may be that is not ours to write."""
    from evergreen import forgetting

    if as_json:
        document(done.to_json() | {"sentence": forgetting.sentence(done)})
        return
    table = columns("what", "how many")
    for place in done.places:
        table.add_row(place.name, f"{place.things:,}")
    if done.places:
        show(table)
    say(forgetting.sentence(done), style="bold")
    if done.versions:
        say("They stay as they are: train again, so that none of them answers any more.")
    if done.taught:
        taught = ", ".join(map(str, done.taught))
        say(f"Versions {taught} hold one of its values in their bytes: delete them in MLflow, once"
            " others answer.", style="yellow")  # fmt: skip
    if done.in_source:
        say(f"The source still has {done.in_source} rows of it: delete them there first.",
            style="yellow")  # fmt: skip
    for where in done.elsewhere:
        say(f"Not from here: {where}")
    if not done.applied and done.places:
        say("--apply --reason WHY lets it be forgotten.")


def back(found: "Back", *, as_json: bool) -> None:
    """Print what an answer rests on."""
    if as_json:
        document(found.to_json())
        return
    say(f"{found.use_case}, answered at {found.answered_at:%Y-%m-%d %H:%M:%S} UTC as"
        f" {found.variant} by version {found.version}", style="bold")  # fmt: skip
    of = f"{found.rows:,} rows as of {found.as_of:%Y-%m-%d}" if found.rows and found.as_of else ""
    table = columns("what", "which", "more")
    for row in (
        ("model", found.sha256[:16], f"MLflow run {found.run_id}"),
        ("rows", found.snapshot[:16], " ".join(filter(None, (of, found.snapshot_uri)))),
        ("code that trained it", found.commit or "unknown", ""),
        ("code that answered", found.service_commit, ""),
        ("decision", found.decision_id or "unknown", found.decision),
    ):
        table.add_row(*row)
    show(table)
    for lack in found.unknown:
        say(f"Unknown: {lack}", style="yellow")


def ahead(found: "Ahead", *, as_json: bool) -> None:
    """Print what rests on a row."""
    if as_json:
        told = {"predictions": found.predictions, "sentence": found.sentence}
        document(found.to_json() | told)
        return
    say(found.sentence, style="bold")
    if found.versions:
        table = columns("version", "learned from", "predictions", "")
        for one in found.versions:
            about = "champion" if one.champion else ""
            table.add_row(str(one.version), one.snapshot[:16], f"{one.predictions:,}", about)
        show(table)
    for held in found.snapshots:
        say(f"- {held.sha256[:16]}: {held.rows} rows of it, {held.uri}")
    for lack in found.unknown:
        say(f"Unknown: {lack}", style="yellow")

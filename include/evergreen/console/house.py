"""What is printed of the house itself: its state, its keys, its backups."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from evergreen.console.printing import coloured, columns, document, entry, err, moment, say, show
from evergreen.records import (
    ApiKey,
    Pruning,
)

if TYPE_CHECKING:
    from evergreen.backups import Backup
    from evergreen.invariants import Finding


def migrated(revision: str, *, as_json: bool) -> None:
    """Print which revision our tables have."""
    if as_json:
        document({"revision": revision})
    else:
        say(f"The schema evergreen is at revision {revision}.")


def api_keys(rows: "Sequence[ApiKey]", *, as_json: bool) -> None:
    """Print who has a key of the service."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{', '.join(row.scopes)} of {', '.join(row.use_cases) or 'every use case'}"
        until = f"until {moment(row.expires_at)}" if row.expires_at else "never expires"
        ended = f", revoked by {row.revoked_by} on {moment(row.revoked_at)}"
        entry(row.name, what, until + ended * bool(row.revoked_at), f"made by {row.created_by}")
    if not rows:
        say("There are no keys in the ledger: `evergreen keys new NAME` makes one.")


def new_key(key: str, row: "ApiKey", *, as_json: bool) -> None:
    """Print a key, this once."""
    if as_json:
        document({"key": key, **asdict(row)})
        return
    say(f"The key of {row.name}, which is told once and kept by nobody:")
    print(key)  # noqa: T201 (whole, whatever the width)


def repaired(name: str, sentences: Sequence[str]) -> None:
    """Tell what was put right of a use case, to stderr."""
    for sentence in sentences:
        err.print(Text(f"{name}: {sentence}"), soft_wrap=True)


def findings(found: "Sequence[Finding]", *, as_json: bool) -> None:
    """Print the invariants."""
    if as_json:
        document([asdict(finding) for finding in found])
        return
    for finding in found:
        what = Text.assemble(coloured(finding.status), f"  {finding.name}")
        entry(f"{finding.number:>2}", what, "", finding.detail)


def backed_up(made: "Backup", *, as_json: bool) -> None:
    """Print what a backup holds, and what it does not."""
    if as_json:
        document(_of_backup(made))
        return
    say(f"{made.name}: {_held(made)}; {made.added / 1e6:,.1f} MB were new", style="green")
    for lack in made.missing:
        say(f"Not in it: {lack}", style="yellow")
    say("Not in it: the tables that are trained on, and Airflow's own database")


def backups(found: "Sequence[Backup]", *, as_json: bool) -> None:
    """Print which backups there are, the newest last."""
    if as_json:
        document([_of_backup(made) for made in found])
        return
    for made in found:
        say(f"{made.name}  {_held(made)}")


def restored(
    backup: "Backup", lost: Mapping[str, int], mended: Sequence[str], *, as_json: bool
) -> None:
    """Print what was put back, and what is lost by it."""
    from evergreen.backups import in_words

    if as_json:
        told = {"backup": backup.name, "missing": backup.missing, "lost": lost, "mended": mended}
        document(told)
        return
    what = "What the backup holds" if backup.missing else "All"
    say(f"{what} is as it was at {backup.made_at:%Y-%m-%d %H:%M:%S} UTC: {_held(backup)}")
    for lack in backup.missing:
        say(f"Not in it: {lack}", style="yellow")
    gone = in_words(lost)
    say(f"Lost: {gone or 'nothing that was on record'}", style="yellow" if gone else "green")
    for sentence in mended:
        say(sentence)
    say("See `evergreen check`")


def _held(made: "Backup") -> str:
    files = sum(len(part) for part in made.files.values())
    counts = ", ".join(f"{made.counts[table]:,} {table}" for table in ("promotions", "predictions"))
    return f"{made.size / 1e6:,.1f} MB in {files:,} files and {counts}"


def _of_backup(made: "Backup") -> dict[str, Any]:
    files = {part: len(paths) for part, paths in made.files.items()}
    return made.to_json() | {"files": files, "bytes": made.size}


def files(name: str, written: Sequence[Path], said: Sequence[str], *, as_json: bool) -> None:
    """Print which files were written, what is to be known of them, and what to do next."""
    if as_json:
        document({"name": name, "files": [str(path) for path in written], "said": list(said)})
        return
    for path in written:
        say(f"wrote {path}")
    for sentence in said:
        say(sentence, mark="!", colour="yellow")
    say(
        f"It is a draft, and nothing of it goes live yet. Read both files, see what `evergreen run"
        f" {name}` says, and then confirm it: `evergreen activate {name}`",
        style="bold",
    )


def prunings(rows: Sequence[Pruning], *, applied: bool, as_json: bool) -> None:
    """Print what went, or would go, and why it may."""
    if as_json:
        document({"applied": applied, "pruned": [asdict(row) for row in rows]})
        return
    table = columns("use case", "what", "how many", "bytes", "oldest", "why it may go")
    for row in rows:
        table.add_row(
            row.use_case or "-", row.kind, f"{row.things:,}", f"{row.bytes:,}",
            moment(row.oldest), row.why,
        )  # fmt: skip
    if rows:
        show(table)
    from evergreen import retention

    say(retention.sentence(rows, applied=applied), style="bold")
    if not applied and rows:
        say("--apply deletes it.")

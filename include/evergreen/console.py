"""How the `evergreen` command prints: tables for people, one JSON document for programs."""

import getpass
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evergreen import storage
from evergreen.records import (
    ApiKey,
    Approval,
    Decision,
    Pin,
    Promotion,
    Pruning,
    Scored,
    TrialRow,
)
from evergreen.refs import ChampionRef, Landing, PromotionRef, WindowRef
from evergreen.spec import UseCase

if TYPE_CHECKING:
    from evergreen.backups import Backup
    from evergreen.cards import Card
    from evergreen.cycle import Cycle
    from evergreen.deciding.digest import Digest
    from evergreen.fleet import Fleet, Wanted
    from evergreen.forgetting import Forgotten
    from evergreen.invariants import Finding
    from evergreen.lineage import Ahead, Back
    from evergreen.planning.story import Happened, Plan
    from evergreen.replaying import Gained, Replay
    from evergreen.serving.export import Exported
    from evergreen.serving.releases import Comparison
    from evergreen.settings import Settings
    from evergreen.soundness import Declared

# No markup: what is told may itself hold brackets, as `^[a-z]+$` does.
out = Console(markup=False, highlight=False)
err = Console(markup=False, highlight=False, stderr=True)
COLOURS = {
    "passed": "green", "promoted": "green", "failed": "red", "refused": "red",
    "unknown": "yellow", "held back": "yellow", "retrain": "cyan", "roll back": "cyan",
}  # fmt: skip
STATE_COLOURS = {"champion": "green", "retired": "dim", "draft": "yellow", "pinned": "yellow"}
"""Of a use case; the others are red."""
PLANNED = ("seconds", "peak_bytes", "fits", "kept", "unknown", "sentence", "spread")
"""What a plan says of all its steps."""


def document(content: Any) -> None:
    """Print one JSON document to stdout."""
    out.print_json(json.dumps(content, default=str), indent=2)


def error(problem: Exception, *, as_json: bool) -> None:
    """Tell an error, to stderr (and as the JSON document, if that was asked for)."""
    if as_json:
        document({"error": {"type": type(problem).__name__, "message": str(problem)}})
    err.print(Text.assemble(("error:", "red"), f" {problem}"), soft_wrap=True)


@contextmanager
def progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on stderr; silent when JSON is asked for."""
    if as_json:
        yield lambda _: None
        return
    with err.status("starting") as status:

        def tell(step: str) -> None:
            err.print(f"· {step}", style="dim")
            status.update(step)

        yield tell


@contextmanager
def counting(as_json: bool) -> Iterator[Callable[[int, float], None]]:
    """Show how many rows are done, on stderr; silent when JSON is asked for."""
    if as_json:
        yield lambda rows, seconds: None  # noqa: ARG005
        return
    with err.status("reading rows") as status:
        yield lambda rows, seconds: status.update(
            f"{rows:,} rows, {rows / max(seconds, 1e-9):,.0f} a second"
        )


def cycle(done: "Cycle", use_case: UseCase, *, as_json: bool) -> None:
    """Print what a cycle did."""
    if as_json:
        document(done.to_json())
        return
    if done.candidates:
        out.print(_metrics_table(done, use_case))
    if done.verdict:
        table = _table("check", "status", "reason", title="gate")
        for check in done.verdict.checks:
            table.add_row(check.name, _coloured(check.status), check.reason)
        out.print(table)
    for reason in done.refused:
        say(reason, mark="✗", colour="red")
    say(done.sentence, style="bold")


def cycles(done: "Sequence[Cycle]", *, as_json: bool) -> None:
    """Print what the days of a backfill gave."""
    if as_json:
        document([one.to_json() for one in done])
        return
    table = _table("as of", "rows", "gate", "why")
    for one in done:
        gate = "refused" if one.verdict is None or not one.verdict.passed else "passed"
        rows = str(one.snapshot.rows) if one.snapshot else "-"
        table.add_row(f"{one.as_of:%Y-%m-%d}", rows, _coloured(gate), one.sentence)
    out.print(table)


def replay(done: "Replay", *, as_json: bool) -> None:
    """Print what policies would have cost and gained, each with its metric over time."""
    if as_json:
        document(done.to_json())
        return
    from evergreen.replaying import chart

    begin, end = f"{done.starts[0]:%Y-%m-%d}", f"{done.end:%Y-%m-%d}"
    table = _table(
        "policy", done.metric, "difference", "age", "trainings", "seconds", "changes (worse)",
        "recovery", f"{begin} to {end}", title=f"{done.use_case}, more is better"
        if done.more_is_better else f"{done.use_case}, less is better",
    )  # fmt: skip
    low, high = chart.bounds(done)
    for one in done.policies:
        table.add_row(
            one.name, _figure(one.metric), _gained(one.difference), f"{one.age_days:.0f} d",
            str(one.trainings), f"{one.seconds:.0f}", f"{one.changes} ({one.worse_later})",
            "-" if one.recovery_days is None else f"{one.recovery_days:.0f} d",
            chart.sparkline(one.over_time, low, high),
        )  # fmt: skip
    out.print(table)
    for name, problem in done.problems.items():
        say(f"{name} could not be fitted: {problem}", mark="?", colour="yellow")
    say(f"{done.fits} fits, {done.fitted} of them new; {done.seconds:.0f} s")
    say(done.recommendation, style="bold")


def plan(made: "Plan", *, as_json: bool) -> None:
    """Print what the next training will take."""
    if as_json:
        told = {name: getattr(made, name) for name in PLANNED}
        document(made.to_json() | told)
        return
    table = _table(
        "step", "rows", "seconds", "memory", "fits", "kept", "spread", "from",
        title=f"{made.use_case}, as of {_moment(made.as_of)}",
    )  # fmt: skip
    for one in made.steps:
        table.add_row(
            one.title, _count(one.rows), _seconds(one.seconds), _memory(one.peak_bytes),
            _count(one.fits), _count(one.kept), "yes" if one.spread else "", f"{one.runs} runs",
        )  # fmt: skip
    out.print(table)
    say(made.sentence, style="bold")
    say(made.spread)


def compared(found: "Happened", *, as_json: bool) -> None:
    """Print what was foretold of the last training, and what happened."""
    if as_json:
        document(found.to_json() | {"ratio": found.ratio, "sentence": found.sentence})
        return
    table = _table(
        "step", "seconds foretold", "taken", "memory foretold", "taken", "fits foretold", "made",
        title=f"{found.use_case}, as of {_moment(found.as_of)}",
    )  # fmt: skip
    for one in found.steps:
        table.add_row(
            one.title, _seconds(one.foretold), _seconds(one.seconds), _memory(one.foretold_bytes),
            _memory(one.peak_bytes), _count(one.foretold_fits), _count(one.fits),
        )  # fmt: skip
    out.print(table)
    say(found.sentence, style="bold")


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:,.2f}"


def _memory(value: int | None) -> str:
    return "?" if value is None else f"{value / 1e6:,.0f} MB"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _gained(found: "Gained") -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return "unknown"
    return f"{found.estimate:+.3g} ({found.low:+.3g} to {found.high:+.3g})"


def fleet(found: "Fleet", wanted: "Wanted", limit: int, *, as_json: bool) -> None:
    """Print the use cases that are wanted, those first that need a person, and why they do."""
    from evergreen.fleet import STATES, in_words, table

    rows = found.only(wanted)
    if as_json:
        document(table.document(rows, limit))
        return
    shown = _table(
        "use case", "state", "owner", "champion", "knows", "metric", "drift", "decided", "due"
    )
    for row in rows[:limit]:
        state = Text(STATES[row.state], STATE_COLOURS.get(row.state, "red"))
        shown.add_row(row.name, state, row.owner, *in_words.cells(row))
    if rows:
        out.print(shown)
    for row in rows[:limit]:
        for need in row.needs[:1]:
            say(f"{row.name}: {need.why}", mark="!", colour="red")
    say(in_words.counted(found, rows, limit), style="bold")


def champion(
    use_case: UseCase, found: ChampionRef | None, pin: Pin | None, *, as_json: bool
) -> None:
    """Print the champion of a use case, and whether it is pinned."""
    if as_json:
        told = {"use_case": use_case.name, "champion": _champion_json(found)}
        document(told | {"pinned": pin.sentence if pin else None})
    elif found is None:
        say(f"{use_case.name} has no champion yet: `evergreen run {use_case.name}`")
    else:
        for field, value in _champion_json(found).items():
            out.print(Text.assemble((f"{field:>16}", "bold"), f"  {value}"), soft_wrap=True)
        if pin:
            say(f"It is {pin.sentence}; `evergreen unpin {use_case.name}` lets trainings move it")


def promotions(rows: Sequence[Promotion], *, as_json: bool) -> None:
    """Print promotions and rollbacks."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{row.kind}, version {row.version}"
        _entry(_moment(row.created_at), what, f"by {row.actor}", row.reason)
    if not rows:
        say("There has been no champion yet.")


def migrated(revision: str, *, as_json: bool) -> None:
    """Print which revision our tables have."""
    if as_json:
        document({"revision": revision})
    else:
        say(f"The schema evergreen is at revision {revision}.")


def decisions(rows: Sequence[Decision], *, as_json: bool) -> None:
    """Print decisions with their reasons."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        as_of = f"as of {row.as_of:%Y-%m-%d %H:%M}, " if row.as_of else ""
        what = Text.assemble(f"{row.kind}: ", _coloured(row.outcome))
        _entry(_moment(row.created_at), what, f"{as_of}{row.run_key}", row.sentence)
    if not rows:
        say("Nothing has been decided yet.")


def digest(made: "Digest", *, as_json: bool) -> None:
    """Print what happened in a while."""
    if as_json:
        document(made.to_json())
        return
    say(f"{made.title[:1].upper()}{made.title[1:]}", style="bold")
    out.print(made.text, soft_wrap=True)


def promotion(done: PromotionRef, *, as_json: bool) -> None:
    """Print what a promotion or rollback did."""
    if as_json:
        document(done.to_json())
    else:
        say(done.sentence, style="bold")


def service(settings: "Settings", *, as_json: bool) -> None:
    """Print where the prediction service will answer."""
    url = f"http://{settings.serve_host}:{settings.serve_port}"
    if as_json:
        document({"url": url, "docs": f"{url}/docs", "keys": len(settings.api_keys)})
        return
    keys = "an API key is needed" if settings.api_keys else "no API key is needed"
    say(f"{url}/docs ({keys})", style="bold")


def api_keys(rows: "Sequence[ApiKey]", *, as_json: bool) -> None:
    """Print who has a key of the service."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{', '.join(row.scopes)} of {', '.join(row.use_cases) or 'every use case'}"
        until = f"until {_moment(row.expires_at)}" if row.expires_at else "never expires"
        ended = f", revoked by {row.revoked_by} on {_moment(row.revoked_at)}"
        _entry(row.name, what, until + ended * bool(row.revoked_at), f"made by {row.created_by}")
    if not rows:
        say("There are no keys in the ledger: `evergreen keys new NAME` makes one.")


def new_key(key: str, row: "ApiKey", *, as_json: bool) -> None:
    """Print a key, this once."""
    if as_json:
        document({"key": key, **asdict(row)})
        return
    say(f"The key of {row.name}, which is told once and kept by nobody:")
    print(key)  # noqa: T201 (whole, whatever the width)


def releases(rows: "Sequence[TrialRow]", *, as_json: bool) -> None:
    """Print trials of challengers."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        what = f"{row.strategy} of version {row.challenger['version']}, share {row.share:.0%}"
        since = f"since {_moment(row.started_at)} by {row.actor}, {row.outcome or 'runs'}"
        _entry(f"trial {row.id}", what, since, row.reason)
    if not rows:
        say("There has been no trial yet.")


def approvals(rows: "Sequence[Approval]", *, as_json: bool) -> None:
    """Print which challengers wait for a person's word."""
    if as_json:
        document([asdict(row) for row in rows])
        return
    for row in rows:
        since = f"since {_moment(row.asked_at)}, until {_moment(row.expires_at)}"
        _entry(row.use_case, f"version {row.version}", since, row.sentence)
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


def scored(done: Scored, *, as_json: bool) -> None:
    """Print what was scored."""
    if as_json:
        document(done.to_json())
    else:
        say(done.sentence, style="bold")


def watched(seen: WindowRef, settings: "Settings", *, as_json: bool) -> None:
    """Print what a window of logged predictions told."""
    if as_json:
        document(seen.to_json())
        return
    for alarm in seen.alarms:
        say(alarm, mark="!", colour="red")
    for unknown in seen.unknowns:
        say(unknown, mark="?", colour="yellow")
    say(seen.sentence, style="bold")
    for band, of in ((seen.estimate, "this window"), (seen.expected, "the labelled answers")):
        if band:
            told = f"{band.value:.3g} ({band.low:.3g} to {band.high:.3g})"
            say(f"{seen.metric} of {of}, estimated without labels: {told}")
    page = f"{seen.use_case}/{seen.report_id}/report.html"
    say(f"report: {storage.of(settings, storage.DRIFT).uri(page)}")


def exported(done: "Exported", *, as_json: bool) -> None:
    """Print what was exported."""
    if as_json:
        document(asdict(done))
        return
    alike = f"its answers differ by at most {done.difference:.1g}"
    say(f"wrote {done.file}: {done.use_case} version {done.version}, {alike}")


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
        what = Text.assemble(_coloured(finding.status), f"  {finding.name}")
        _entry(f"{finding.number:>2}", what, "", finding.detail)


def card(found: "Card", to: Path | None, *, as_json: bool) -> None:
    """Print a model card in short, and where its page is."""
    if as_json:
        document(found.to_json())
        return
    say(f"{found.use_case} version {found.version}, {found.state}: {found.doc}", style="bold")
    say(found.sentence)
    for one in found.figures:
        limit = "" if one.floor is None else f", limit {one.floor:.3g}"
        say(f"  {one.metric} {one.value:.3g}{limit}")
    for limit in found.limits:
        say(f"- {limit}")
    say(f"wrote {to}" if to else "The whole card: --to card.html, or --json")


def back(found: "Back", *, as_json: bool) -> None:
    """Print what an answer rests on."""
    if as_json:
        document(found.to_json())
        return
    say(f"{found.use_case}, answered at {found.answered_at:%Y-%m-%d %H:%M:%S} UTC as"
        f" {found.variant} by version {found.version}", style="bold")  # fmt: skip
    of = f"{found.rows:,} rows as of {found.as_of:%Y-%m-%d}" if found.rows and found.as_of else ""
    table = _table("what", "which", "more")
    for row in (
        ("model", found.sha256[:16], f"MLflow run {found.run_id}"),
        ("rows", found.snapshot[:16], " ".join(filter(None, (of, found.snapshot_uri)))),
        ("code that trained it", found.commit or "unknown", ""),
        ("code that answered", found.service_commit, ""),
        ("decision", found.decision_id or "unknown", found.decision),
    ):
        table.add_row(*row)
    out.print(table)
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
        table = _table("version", "learned from", "predictions", "")
        for one in found.versions:
            about = "champion" if one.champion else ""
            table.add_row(str(one.version), one.snapshot[:16], f"{one.predictions:,}", about)
        out.print(table)
    for held in found.snapshots:
        say(f"- {held.sha256[:16]}: {held.rows} rows of it, {held.uri}")
    for lack in found.unknown:
        say(f"Unknown: {lack}", style="yellow")


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
        document({"backup": backup.name, "lost": lost, "mended": mended})
        return
    say(f"All is as it was at {backup.made_at:%Y-%m-%d %H:%M:%S} UTC: {_held(backup)}")
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


def files(name: str, written: Sequence[Path], *, as_json: bool) -> None:
    """Print which files were written, and what to do next."""
    if as_json:
        document({"name": name, "files": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")
    say(
        f"It is a draft: read both files, see what `evergreen run {name}` says, and"
        f" `evergreen activate {name}`; nothing goes live before",
        style="bold",
    )


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


def prunings(rows: Sequence[Pruning], *, applied: bool, as_json: bool) -> None:
    """Print what went, or would go, and why it may."""
    if as_json:
        document({"applied": applied, "pruned": [asdict(row) for row in rows]})
        return
    table = _table("use case", "what", "how many", "bytes", "oldest", "why it may go")
    for row in rows:
        table.add_row(
            row.use_case or "-", row.kind, f"{row.things:,}", f"{row.bytes:,}",
            _moment(row.oldest), row.why,
        )  # fmt: skip
    if rows:
        out.print(table)
    from evergreen import retention

    say(retention.sentence(rows, applied=applied), style="bold")
    if not applied and rows:
        say("--apply deletes it.")


def forgotten(done: "Forgotten", *, as_json: bool) -> None:
    """Print what holds a subject, or held it, and where it may be that is not ours to write."""
    from evergreen import forgetting

    if as_json:
        document(done.to_json() | {"sentence": forgetting.sentence(done)})
        return
    table = _table("what", "how many")
    for place in done.places:
        table.add_row(place.name, f"{place.things:,}")
    if done.places:
        out.print(table)
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


def user() -> str:
    """Return the name of the person at this terminal."""
    return getpass.getuser()


def _table(*columns: str, title: str = "") -> Table:
    """Return an empty table that leaves the width to what stands in it."""
    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False,
                 padding=(0, 1, 0, 0))  # fmt: skip


def _metrics_table(done: "Cycle", use_case: UseCase) -> Table:
    names = list(done.candidates[0].metrics)
    table = _table("candidate", *names, title=f"held-out rows of {use_case.name}")
    for trained in done.candidates:
        table.add_row(trained.name, *(f"{trained.metrics[name]:.4f}" for name in names))
    return table


def _champion_json(found: ChampionRef | None) -> Any:
    """Return the champion, with the event time of the newest row that it has learned from."""
    return found and (told := found.to_json()) | {"knowledge_until": told["training"]["end"]}


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


def _entry(head: str, what: str | Text, about: str, sentence: str) -> None:
    """Print one thing: its facts on a line, and below it what is said of it."""
    facts = Text.assemble((head, "bold"), "  ", what)
    if about:
        facts.append(f"  {about}", "dim")
    out.print(facts, soft_wrap=True)
    wrapped = fill(
        sentence, out.width, initial_indent="  ", subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    out.print(wrapped, soft_wrap=True)


def _coloured(status: str) -> Text:
    return Text(status, COLOURS.get(status, ""))


def sentence(text: str, *, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        document({"sentence": text})
    else:
        say(text)


def say(sentence: str, *, style: str = "", mark: str = "", colour: str = "") -> None:
    """Print a sentence as one line, however long, behind its mark."""
    begin = Text(f"{mark} ", colour) if mark else Text()
    out.print(begin.append(sentence, style or "default"), soft_wrap=True)

"""What is known when it is decided whether to retrain, from PostgreSQL and the snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evergreen.data import extraction, snapshots
from evergreen.data.selection import at, enclosed, of_days, relation
from evergreen.data.warehouse import Reading, quoted, reading
from evergreen.errors import DataRefused, SnapshotCorrupt
from evergreen.records import Chain, Pin, Promotion, Records, Retrained, chain
from evergreen.records.errors import StatementRefused, ValueRefused
from evergreen.records.retrainings import PASSED
from evergreen.refs import ChampionRef, Outcome, Ref, WindowRef
from evergreen.settings import Settings
from evergreen.spec import Retraining, UseCase
from evergreen.watching import look_back
from evergreen.watching.facts import Hindsight
from evergreen.watching.watched import watched

MONITOR = "monitoring"
WINDOWS, ASKED = 500, 50
"""How many windows and retrainings of the past are looked at."""


@dataclass(frozen=True, kw_only=True)
class Situation(Ref):
    """Everything that the policy judges; it looks at nothing else."""

    now: datetime
    rules: Retraining
    window: WindowRef
    champion: int
    """Version of the champion now; 0: there is none."""
    recent: tuple[WindowRef, ...] = ()
    """The windows that count, newest first: see `_recent`."""
    refreshes: tuple[int, ...] = ()
    """Versions of the recipe that the window was held against, refreshed without a break."""
    new_rows: int | None = None
    """Labelled rows that came after the champion's snapshot; None: unknown, or not asked."""
    corrected: bool = False
    """Rows of the champion's snapshot were put right since, or came late."""
    unknown: tuple[str, ...] = ()
    """What could not be found out, and why."""
    asked: tuple[Retrained, ...] = ()
    """Retrainings asked for by other windows, newest first."""
    waits: str = ""
    """Why a training that is asked for now would wait, as one runs already; empty: it would not."""
    hindsight: Hindsight | None = None
    """What the fit that served before would have answered; None: live quality gives no cause to
    ask, or going back by itself is not declared."""
    pinned_by: str = ""
    """The person who pinned the champion; empty: nobody has, or monitoring went back to it."""


def gather(
    use_case: UseCase,
    window: WindowRef,
    now: datetime,
    waits: str,
    records: Records,
    settings: Settings,
) -> Situation:
    """Find out what there is to know about a window at a moment."""
    promotions = records.promotions.of(use_case.name)
    champion = promotions[0].ref if promotions else None
    same = _same(use_case.name, promotions, window, records)
    most = max(ASKED, use_case.retraining.budget + 1)
    asked = tuple(
        row
        for row in records.retrainings.newest(use_case.name, limit=most)
        if (row.window_end, row.champion) != (window.end, window.champion)
    )
    stored = records.windows.newest(use_case.name, WINDOWS, recorded_since=same.since)
    rules = use_case.retraining
    recent = _recent(window, stored, same, asked)[: rules.of_windows]
    poor = sum(bool(seen.poor) for seen in recent) >= rules.alarming
    alarming = sum(seen.outcome == Outcome.CRITICAL or bool(seen.poor) for seen in recent)
    needed = rules.new_rows is not None or alarming >= rules.alarming
    nothing: tuple[int | None, bool, list[str]] = (None, False, [])
    rows, corrected, problems = _news(use_case, champion, now, settings) if needed else nothing
    return Situation(
        now=now,
        rules=rules,
        window=window,
        champion=champion.version if champion else 0,
        recent=recent,
        refreshes=tuple(sorted(same.versions)),
        new_rows=rows,
        corrected=corrected,
        unknown=tuple(problems),
        asked=asked,
        waits=waits,
        hindsight=look_back(use_case, window.end, records=records, settings=settings)
        if poor and rules.roll_back
        else None,
        pinned_by=_person(records.pins.get(use_case.name)),
    )


def _person(pin: Pin | None) -> str:
    return pin.actor if pin and pin.actor != MONITOR else ""


def _same(
    use_case: str, promotions: Sequence[Promotion], window: WindowRef, records: Records
) -> Chain:
    """Return the fits of the recipe that the window was held against."""
    if not promotions:
        found = watched(use_case, records).same
        if window.champion in found.versions:
            return found
    return chain(promotions, window.champion)


def _recent(
    window: WindowRef, stored: Sequence[WindowRef], same: Chain, asked: Sequence[Retrained]
) -> tuple[WindowRef, ...]:
    """Return the windows that count, from this one back.

    Those that were held against a fit of the recipe in charge, are not unknown, do not overlap (a
    row counts once), and ended after the one whose retraining passed: that was answered for.
    """
    answered = max((row.window_end for row in asked if row.outcome == PASSED), default=None)
    counted: list[WindowRef] = []
    for seen in (window, *stored):
        own = seen.champion in same.versions and seen.outcome != Outcome.UNKNOWN
        apart = seen.end <= (counted[-1].start if counted else window.end)
        if own and apart and (answered is None or seen.end > answered):
            counted.append(seen)
    return tuple(counted)


def _news(
    use_case: UseCase, champion: ChampionRef | None, now: datetime, settings: Settings
) -> tuple[int | None, bool, list[str]]:
    """Count the labelled rows since the champion's snapshot, or say why that is unknown.

    If there are none, tell too whether rows of the snapshot were put right since, or came late.
    """
    if champion is None:
        return None, False, []
    try:
        store = snapshots.of(settings)
        manifest = store.manifest(store.find(use_case.name, champion.snapshot_sha256))
        about = manifest["about"]
        newest, taken = about.get("newest"), int(manifest["rows"]) + about.get("quarantined", 0)
        with reading(settings.warehouse_url) as moment:
            rows = _count(
                use_case, newest and datetime.fromisoformat(newest), taken, now, moment
            )  # fmt: skip
        corrected = rows == 0 and extraction.has_changed(
            use_case, manifest, asked_at=now, settings=settings
        )
    except (DataRefused, SnapshotCorrupt, StatementRefused, ValueRefused) as error:
        reason = " ".join(str(error).split())
        return None, False, [f"how many rows are new is unknown: {reason}"]
    return rows, corrected, []


def _count(
    use_case: UseCase, newest: datetime | None, rows: int, now: datetime, moment: Reading
) -> int:
    source = use_case.source
    table, alias = relation(use_case.source)
    target = enclosed(source.target_sql) if source.target_sql else quoted(source.target)
    if source.timestamp is None or newest is None:
        [(total,)] = moment.query(f"SELECT count({target}) FROM {table} AS {alias}")
        return max(0, int(total) - rows)
    time = quoted(source.timestamp)
    labelled = f"SELECT {time} AS time, {target} AS target FROM {table} AS {alias}"
    mature = now - source.label_delay
    [(count,)] = moment.query(
        f"SELECT count(target) FROM ({labelled}) AS rows"
        f" WHERE time > {at(newest)} AND time <= {at(mature)}"
        f" AND ({of_days('time', source.excluded)}) IS NOT TRUE"
    )
    return int(count)

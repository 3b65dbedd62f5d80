"""What the fit that served before would have answered: is the way back surely better?

    found = look_back(weather, window, records=records, settings=settings)
    found.surely_better, found.sentence

Live quality falls when the world changes, or when what was promoted is worse than what it replaced.
Only the second is cured by going back, and the labels that came since tell the two apart: the fit
that served when the window of labels began answers all that was asked since it was replaced, and is
held against the answers that were given, on the same labels. It was replaced before any of them was
asked, so that it has seen none.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from evergreen import dossier
from evergreen.errors import DossierMissing, ModelRefused
from evergreen.records import Promotion, Records
from evergreen.records.errors import StatementRefused
from evergreen.refs import Window
from evergreen.serving.contract import Refused
from evergreen.settings import Settings
from evergreen.spec import Scale, UseCase
from evergreen.watching import instead
from evergreen.watching.facts import Hindsight

CONFIDENCE = 0.99
"""Of the interval: it is asked again whenever live quality is poor."""


def look_back(
    use_case: UseCase, end: datetime, *, records: Records, settings: Settings
) -> Hindsight:
    """Hold the fit that served before against the answers given since, on at most a sample of them.

    `end` is that of the window of labels.

    Raises:
        DatabaseAway: the database is away.
    """
    limits = use_case.monitoring
    since = end - use_case.labels_reach
    row, until = _before(records.promotions.of(use_case.name), since)
    if row is None or until is None:
        return Hindsight(problem="no earlier fit has served in the window of labels")
    found = Hindsight(version=row.version, until=until)
    if until >= end:
        return replace(found, problem=f"version {row.version} was replaced after the window ended")
    asked = Window(start=max(until, since), end=end)
    told = records.predictions.reviewed(use_case.name, asked, limits.sample)
    if len(told.labels) < limits.min_labels:
        few = f"{len(told.labels)} labels have come since it was replaced, {limits.min_labels}"
        return replace(found, rows=len(told.labels), problem=f"{few} are needed")
    try:
        own = dossier.read(records.dossiers, use_case.name, row.version)
        scale = Scale(own.answers.kind, use_case.metrics)
        held = instead.hold(
            own, told, scale, confidence=CONFIDENCE, quarantine=records.quarantine,
            settings=settings,
        )  # fmt: skip
    except (DossierMissing, ModelRefused, Refused, StatementRefused) as problem:
        reason = " ".join(str(problem).split())
        return replace(found, rows=len(told.labels), problem=f"version {row.version}: {reason}")
    if not held.is_defined:
        undefined = f"{held.metric} is not defined for the {len(told.labels)} labels since"
        return replace(found, rows=len(told.labels), problem=undefined)
    return replace(
        found, rows=held.rows, given=held.given, before=held.instead,
        difference=held.difference, newest=held.newest,
    )  # fmt: skip


def _before(rows: Sequence[Promotion], since: datetime) -> tuple[Promotion | None, datetime | None]:
    """Return who served at a moment (or first), and when the next came; `rows` are newest first.

    Nobody: it serves still, or is no earlier version than the one that serves.
    """
    for place, row in enumerate(rows):
        oldest = place == len(rows) - 1
        if not oldest and row.created_at and row.created_at > since:
            continue
        earlier = place > 0 and row.version < rows[0].version and row.sha256 != rows[0].sha256
        return (row, rows[place - 1].created_at) if earlier else (None, None)
    return None, None

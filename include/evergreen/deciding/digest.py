"""What happened in a while, in one message: trained, changed, refused and why, alarms, who acts.

    made = digest(since, until, records=records)     # from the ledger only: the same whenever asked
    made.text
    send(now, records=records, settings=settings)    # since the one before, once

It is for who opts in (`EVERGREEN_DIGEST`). Each list is cut, and says how much longer it was.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from evergreen import notify
from evergreen.records import DIGEST, HOUSE, Decision, Incident, Promotion, Records
from evergreen.refs import Json
from evergreen.settings import Settings
from evergreen.spec.pace import ended
from evergreen.words import counted

WEEK = timedelta(days=7)
MOST, LONGEST = 10, 400
"""Lines of a list that are told, and letters of each."""
READ = 1_000
"""Decisions and alarms of a use case that are read."""
TRAINED, REFUSED = ("gate", "fit"), ("validation", "gate", "fit")
"""Kinds of decisions that tell of a training, and of something that was refused: of all that are
told. Monitoring makes more in a week than are read."""
NOT_TRAINED = "not trained."
BY_ITSELF = {"drift"}
"""Alarms that somebody need not see to: monitoring trains anew."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What happened with a use case, or with the house, in sentences."""

    about: str
    trained: str = ""
    knowledge: str = ""
    changed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """What lasts and needs a person."""

    @property
    def happened(self) -> bool:
        """Tell whether there is anything to tell."""
        told = (self.changed, self.refused, self.begun, self.over, self.needs)
        return self.trained != NOT_TRAINED or any(told)

    @property
    def lines(self) -> Iterator[str]:
        """The part, for a person to read."""
        yield " ".join(filter(None, (f"{self.about}:", self.trained, self.knowledge))).strip()
        lists = {
            "changed": self.changed, "refused": self.refused, "alarm": self.begun,
            "over": self.over, "needs you": self.needs,
        }  # fmt: skip
        for title, told in lists.items():
            yield from (f"  {title}: {_cut(one)}" for one in told[:MOST])
            if len(told) > MOST:
                yield f"  {title}: and {len(told) - MOST} more"


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What happened from one moment up to another (not in it)."""

    since: datetime
    until: datetime
    parts: tuple[Part, ...] = ()

    @property
    def title(self) -> str:
        """Which while it is about."""
        return f"what happened from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    @property
    def text(self) -> str:
        """All of it, for a person to read."""
        return "\n".join(line for part in self.parts for line in part.lines) or "Nothing happened."

    def to_json(self) -> Json:
        """Return all of it as a document, with whole lists."""
        return asdict(self)


class Alarms(NamedTuple):
    """What began, what is over, and what lasts and needs a person."""

    begun: tuple[str, ...]
    over: tuple[str, ...]
    needs: tuple[str, ...]


def digest(since: datetime, until: datetime, *, records: Records) -> Digest:
    """Return what the ledger holds of a while; what is retired has no part in it."""
    retired = records.retirements.all()
    served, known = records.promotions.use_cases(), records.prunings.use_cases()
    names = sorted({*served, *known} - {*retired})
    found = [_of_use_case(name, since, until, records) for name in names]
    parts = [one for one in found if one.about in served or one.happened]
    house = _alarms(HOUSE, since, until, records)
    if any(house):
        parts.append(Part(about=HOUSE, begun=house.begun, over=house.over, needs=house.needs))
    return Digest(since=since, until=until, parts=tuple(parts))


def send(now: datetime, *, records: Records, settings: Settings) -> Incident | None:
    """Tell what happened since the one before, once; None: it was told, or nobody wants it."""
    if not (settings.digest and settings.notify_urls):
        return None
    start, until = ended(settings.digest, now)
    since = _told(records) or start
    if since >= until:  # what nobody took, `resend` tells
        return None
    made = digest(since, until, records=records)
    key = f"{DIGEST}/{until.isoformat()}"
    return notify.announce(records, settings, HOUSE, DIGEST, made.title, made.text, key=key)


def _told(records: Records) -> datetime | None:
    """Return where the newest message ends, by its key."""
    newest = records.incidents.newest(HOUSE, kind=DIGEST, limit=1)
    ends = [datetime.fromisoformat(one.run_key.partition("/")[2]) for one in newest]
    return ends[0] if ends else None


def _of_use_case(name: str, since: datetime, until: datetime, records: Records) -> Part:
    decisions = records.decisions.between(name, since, until, REFUSED, READ)
    promotions = [row for row in records.promotions.of(name) if _before(row.created_at, until)]
    alarms, pin = _alarms(name, since, until, records), records.pins.get(name)
    pinned = (pin.sentence,) if pin is not None and _before(pin.created_at, until) else ()
    changed = [row for row in promotions if not _before(row.created_at, since)]
    return Part(
        about=name,
        trained=_trained(decisions),
        knowledge=_knowledge(promotions, until),
        changed=tuple(map(_change, changed)),
        refused=tuple(_refusals(decisions)),
        begun=alarms.begun,
        over=alarms.over,
        needs=alarms.needs + pinned,
    )


def _trained(decisions: Sequence[Decision]) -> str:
    """Say how often it was trained, and who asked for it."""
    runs = {row.run_key: row.actor for row in decisions if row.kind in TRAINED}
    if not runs:
        return NOT_TRAINED
    actors = Counter(runs.values()).most_common()
    asked = ", ".join(f"{count} for {actor}" for actor, count in actors)
    more = " or more" if len(decisions) == READ else ""
    return f"trained {counted(len(runs), 'time')}{more} ({asked})."


def _knowledge(promotions: Sequence[Promotion], until: datetime) -> str:
    """Say who is champion at the end of the while, and how old what it knows is by then."""
    if not promotions:
        return "It had no champion yet."
    newest = promotions[0]
    if newest.training.end is None:
        return f"Version {newest.version} is champion."
    days = (until - newest.training.end) / timedelta(days=1)
    return (
        f"Version {newest.version} is champion, and knows rows up to"
        f" {newest.training.end:%Y-%m-%d}, {days:.1f} days old."
    )


def _change(row: Promotion) -> str:
    return f"version {row.version} ({row.kind}, by {row.actor}): {row.reason}"


def _refusals(decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield what was refused, the same sentence once, with how often it was."""
    told = Counter(
        f"{row.kind}: {row.sentence}"
        for row in decisions
        if row.kind in REFUSED and row.outcome == "refused"
    )
    for sentence, count in told.items():
        yield sentence if count == 1 else f"{sentence} ({count} times)"
    yield from _unread(decisions)


def _unread(rows: Sequence[Decision | Incident]) -> Iterator[str]:
    """Say that there may be more than was read."""
    if len(rows) == READ:
        yield f"perhaps more: only the newest {READ:,} were read"


def _alarms(about: str, since: datetime, until: datetime, records: Records) -> Alarms:
    found = records.incidents.during(about, since, until, READ)
    begun = [row for row in found if not _before(row.created_at, since)]
    over = [row for row in found if _before(row.resolved_at, until)]
    needs = [row for row in found if row not in over and row.kind not in BY_ITSELF]
    return Alarms(
        begun=(*map(_alarm, begun), *_unread(found)),
        over=tuple(f"{row.kind}: {row.resolution}" for row in over),
        needs=tuple(map(_alarm, needs)),
    )


def _alarm(row: Incident) -> str:
    return f"{row.kind} ({row.step}): {row.message}"


def _cut(told: str) -> str:
    line = " ".join(told.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"


def _before(one: datetime | None, other: datetime) -> bool:
    return one is not None and one < other

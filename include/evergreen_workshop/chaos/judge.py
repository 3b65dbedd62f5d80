"""What must hold after a fault, held against what was seen. Pure: it asks nobody."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evergreen.records import Incident

GRACE = 15.0
"""Seconds beyond the heartbeat time-out within which what was struck must work again."""
VERSION = re.compile(r"\b(version |v)\d+\b")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a training, or of a window that was watched: the same without a fault."""

    sentences: tuple[str, ...] = ()
    """Of the decisions of this run, as `gate passed: …`; versions left out."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The sha256 of the snapshot and of the bytes that serve."""
    added: int = 0
    """Promotions that it added."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What the webhook was told."""

    title: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one cell."""

    ended: str = ""
    """State of the run; empty: it did not end in time."""
    outcome: Outcome | None = None
    expected: Outcome | None = None
    """Of the undisturbed twin; None: there is none to compare with."""
    recovery: float | None = None
    """Seconds from the fault (from its end, if it lasted) until what was struck worked again."""
    limit: float = 0.0
    """Seconds that this may take."""
    broken: Sequence[str] = ()
    """Invariants that do not hold afterwards."""
    incidents: Sequence[Incident] = ()
    """Those that began since."""
    over: Sequence[Incident] = ()
    """Those that had begun before, and are over since."""
    messages: Sequence[Message] | None = None
    """What was told since; None: nobody listened."""
    lost: int = 0
    """Answers that are neither on record, nor counted as dropped."""
    harm: Sequence[str] = ()
    """What else was not as it must be, as a damage that nobody noticed; in sentences."""


def complaints(seen: Seen) -> list[str]:
    """Return what is not as it must be, in sentences; none: the fault did no harm."""
    found = []
    if seen.ended != "success":
        found.append(f"the run ended as {seen.ended!r}" if seen.ended else "the run did not end")
    found += differences(seen.outcome, seen.expected)
    if seen.recovery is None:
        found.append("what was struck did not work again")
    elif seen.recovery > seen.limit:
        found.append(f"it took {seen.recovery:.0f} s to recover, and may take {seen.limit:.0f} s")
    found += [f"evergreen check: {sentence}" for sentence in seen.broken]
    found += untold(seen.incidents, seen.messages, seen.over)
    if seen.lost:
        found.append(f"{seen.lost} answers are neither on record nor counted")
    return [*found, *seen.harm]


def differences(outcome: Outcome | None, expected: Outcome | None) -> list[str]:
    """Say how an outcome is not that of the undisturbed twin."""
    if expected is None:
        return []
    if outcome is None:
        return ["it left no outcome"]
    pairs = {
        "decisions": (outcome.sentences, expected.sentences),
        "promotions": (outcome.added, expected.added),
        **{
            f"sha256 of the {name}": (outcome.digests.get(name), digest)
            for name, digest in expected.digests.items()
        },
    }
    return [
        f"{what}: {got!r}, without the fault {due!r}"
        for what, (got, due) in pairs.items()
        if got != due
    ]


def untold(
    incidents: Sequence[Incident],
    messages: Sequence[Message] | None,
    over: Sequence[Incident] = (),
) -> list[str]:
    """Say of which incidents people were not told exactly once, and what they were told for none.

    A message belongs to the incident whose sentence it begins with; one that says that it is over
    begins with its resolution. `over`: what had begun before, and of which only the end was due.
    """
    if messages is None:
        return []
    ended = [*(one for one in incidents if one.resolved_at), *over]
    begun = {one.run_key: _count(messages, one.message, over=False) for one in incidents}
    ends = {one.run_key: _count(messages, one.resolution, over=True) for one in ended}
    found = [
        *(f"{one.run_key} was told {begun[one.run_key]} times: {one.message}"
          for one in incidents if begun[one.run_key] != 1),
        *(f"the end of {key} was told {times} times" for key, times in ends.items() if times != 1),
    ]  # fmt: skip
    due = len(incidents) + len(ended)
    if not found and len(messages) != due:
        found.append(f"{len(messages)} messages for {due} that were due")
    return found


def _count(messages: Sequence[Message], sentence: str, *, over: bool) -> int:
    return sum(
        each.body.startswith(sentence) and ("over: " in each.title) is over for each in messages
    )


def anonymous(sentence: str) -> str:
    """Return a sentence without the numbers of versions, which go on from world to world."""
    return VERSION.sub("version …", sentence)

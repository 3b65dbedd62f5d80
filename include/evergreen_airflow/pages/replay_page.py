"""What the Replay page shows, read from the store."""

import json
import logging
from dataclasses import dataclass
from typing import Any

from evergreen.storage import Store
from evergreen_airflow.pages.choice import Choice, choose

log = logging.getLogger(__name__)

SHOWN = 5
"""Replays of a use case that are shown, the latest periods first."""


@dataclass(frozen=True)
class Row:
    """A policy, in words."""

    name: str
    metric: str
    difference: str
    """To "as declared"; empty: it is that."""
    side: str
    """Of the whole interval: `better`, `worse`, or neither."""
    age: str
    trainings: int
    seconds: str
    changes: str
    recovery: str
    refused: str
    """What kept other recipes out, and how often."""


@dataclass(frozen=True)
class Shown:
    """One replay."""

    place: str
    """Its folder in the store."""
    metric: str
    period: str
    recommendation: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The replays of a use case."""

    use_case: str
    replays: tuple[Shown, ...]
    earlier: int
    """How many more there are."""


def page(asked: str, store: Store) -> tuple[Choice, list[Group]]:
    """Return which use cases were replayed, and the replays of those that are shown.

    One that cannot be read is left out, and logged.
    """
    choice = choose(store.folders(), asked)
    found = [_group(name, store) for name in choice.shown]
    return choice, [group for group in found if group.replays]


def _group(use_case: str, store: Store) -> Group:
    files = store.list(f"{use_case}/*/replay.json")
    newest = sorted((file.rpartition("/")[0] for file in files), key=_period, reverse=True)
    shown = tuple(filter(None, (_read(store, place) for place in newest[:SHOWN])))
    return Group(use_case, shown, max(0, len(newest) - SHOWN))


def _period(place: str) -> tuple[str, ...]:
    """Return the end and the beginning of a replay, from its id."""
    start, end, digest = (*place.rpartition("/")[2].split("-"), "", "")[:3]
    return end, start, digest


def _read(store: Store, place: str) -> Shown | None:
    try:
        document = json.loads(store.read(f"{place}/replay.json"))
        return Shown(
            place=place,
            metric=f"{document['metric']}, {'more' if document['more_is_better'] else 'less'}"
            " is better",
            period=f"{document['starts'][0][:10]} to {document['end'][:10]}",
            recommendation=document["recommendation"],
            rows=tuple(_row(policy) for policy in document["policies"]),
            problems=tuple(f"{name}: {why}" for name, why in document["problems"].items()),
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        log.warning("%s: replay.json cannot be read: %r", place, error)
        return None


def _row(policy: dict[str, Any]) -> Row:
    low, high = policy["difference"]["low"], policy["difference"]["high"]
    recovery, refused = policy["recovery_days"], policy["refused"]
    return Row(
        name=policy["name"],
        metric="unknown" if policy["metric"] is None else f"{policy['metric']:.4g}",
        difference=_difference(**policy["difference"]),
        side="" if low is None else "better" if low > 0 else "worse" if high < 0 else "",
        age=f"{policy['age_days']:.0f} days",
        trainings=policy["trainings"],
        seconds=f"{policy['seconds']:.0f}",
        changes=f"{policy['changes']} ({policy['worse_later']})",
        recovery="" if recovery is None else f"{recovery:.0f} days",
        refused=", ".join(f"{name.replace('_', ' ')} {len(at)} ×" for name, at in refused.items()),
    )


def _difference(estimate: float | None, low: float | None, high: float | None) -> str:
    if estimate is None or low is None or high is None:
        return "unknown"
    return "" if estimate == low == high == 0 else f"{estimate:+.3g} ({low:+.3g} to {high:+.3g})"

"""The story of a pruning: predictions, then trainings, then the store; each kind on record.

Months of predictions that are old as a whole go first, at once; what else is old goes in batches.
Two prunings wait for each other. Chunks go while nobody extracts (a lock, shared by those who do),
and nothing goes that was written or asked for again within a day, so that no training under way
loses what it uses.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evergreen import storage
from evergreen.catalog import Catalog
from evergreen.champions.registry import ModelRegistry
from evergreen.data import extraction
from evergreen.errors import ChampionBusy
from evergreen.learning import erasing
from evergreen.learning.erasing import Past
from evergreen.records import Month, Old, Pruning, Records, Share
from evergreen.records.session import Row
from evergreen.records.trainings import Finished
from evergreen.retention import reach as reaching
from evergreen.retention.choosing import Chosen, choose
from evergreen.retention.limits import (
    DATA_DOCS,
    FEATURES,
    GRACE,
    PREDICTIONS,
    SNAPSHOTS,
    TRAININGS,
    Limits,
)
from evergreen.retention.logs import logs
from evergreen.retention.reach import Reached, Roots, reach
from evergreen.retention.things import Shelf, Thing, look
from evergreen.settings import Settings

NOTHING_LEADS = (
    "no champion, trial, pin, training under way or recent decision leads to it, and it is older"
    " than {}"
)
TOO_LARGE = ", or the oldest of more than {:,} bytes"
LEASE = "prune"
WAIT = 600.0
"""Seconds to wait for another pruning of the same use case."""
ALWAYS = timedelta(days=36_500)
"""Longer than anything is on record."""


def prune(
    use_case: str,
    limits: Limits,
    *,
    as_of: datetime,
    apply: bool,
    actor: str,
    catalog: Catalog,
    records: Records,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Pruning]:
    """Let go of what is old of a use case, and return what went, by kind: on record.

    Args:
        use_case: its name; it need not be declared any more.
        limits: how long each kind is kept.
        as_of: the moment that ages are counted from.
        apply: delete; else nothing changes, and what would go is returned.
        actor: who asks.
        catalog: the use cases; what they watch by must stay.
        records: what is on record.
        settings: where everything else is.
        tell: hears what is being done.

    Raises:
        ChampionBusy: somebody else prunes, or extracts, for too long; the next pruning goes on.
        SnapshotCorrupt, ValueError: a manifest cannot be read: mend it first.
    """
    return prune_all(
        [use_case], limits, as_of=as_of, apply=apply, actor=actor, catalog=catalog,
        records=records, settings=settings, tell=tell,
    )  # fmt: skip


def prune_all(
    names: Sequence[str] | None,
    limits: Limits,
    *,
    as_of: datetime,
    apply: bool,
    actor: str,
    catalog: Catalog,
    records: Records,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Pruning]:
    """Do what `prune` does for some use cases; None: for all, and for what belongs to none.

    Raises:
        ChampionBusy: somebody else used the rows of one; the others were pruned.
    """
    found = sorted({*catalog.use_cases, *records.prunings.use_cases()})
    works = [
        _Work(name, limits, as_of, actor, _watched(name, catalog), records, settings, tell)
        for name in (found if names is None else names)
    ]
    pruned, since = _months(works, records, apply=apply)
    busy = []
    for work in works:
        broken = work.use_case in catalog.broken
        tell(f"{work.use_case}: it is broken, its predictions stay" if broken else work.use_case)
        try:
            pruned += _one(replace(work, since=since), apply=apply)
        except ChampionBusy as others:
            busy.append(f"{work.use_case} was not pruned as a whole: {others}")
    if names is None:
        gone = logs(limits, as_of=as_of, apply=apply, actor=actor, settings=settings)
        if gone.things:
            pruned.append(records.prunings.record(gone) if apply else gone)
    if busy:
        raise ChampionBusy("\n".join(busy))
    return pruned


def _watched(name: str, catalog: Catalog) -> timedelta:
    """Return how far back a use case looks; one that is broken does not say, and loses nothing."""
    if name in catalog.broken:
        return ALWAYS
    declared = catalog.use_cases.get(name)
    return declared.watched if declared else timedelta(0)


def _months(
    works: Sequence["_Work"], records: Records, *, apply: bool
) -> tuple[list[Pruning], datetime | None]:
    """Let go of the months in which nothing is young, or anybody else's.

    Returns what went, or would go, and from when on the rest is looked at (None: from the first).
    """
    asked, olds = {work.use_case: work for work in works}, [work.old for work in works]

    def told(month: Month, share: Share) -> Pruning:
        return asked[share.use_case].month(month, share)

    found = records.months.old(olds)
    if apply:
        return [one for month, _ in found for one in records.months.drop(month, olds, told)], None
    would = [told(month, share) for month, shares in found for share in shares]
    return would, found[-1][0].next if found else None


def _one(work: "_Work", *, apply: bool) -> list[Pruning]:
    if not apply:
        return [one for one in work.plan() if one.things]
    with work.records.leases.hold(LEASE, work.use_case, wait=WAIT):
        return [one for one in work.do() if one.things]


@dataclass(frozen=True)
class _Work:
    use_case: str
    limits: Limits
    as_of: datetime
    actor: str
    watched: timedelta
    records: Records
    settings: Settings
    tell: Callable[[str], None]
    since: datetime | None = None
    """Predictions of before have gone with their months, or would go."""

    def plan(self) -> list[Pruning]:
        """Return what would go."""
        runs, kept, reached = self._trainings()
        shelf, chosen = self._store(kept, reached)
        size = sum(erasing.measure(self.settings, run.run_id) for run in runs)
        return [
            self._predictions(),
            self._said(TRAININGS, len(runs), size, _oldest(runs)),
            *self._kinds(shelf, chosen),
            self._features(self._old_features(reached)),
        ]

    def do(self) -> list[Pruning]:
        """Delete what goes."""
        self.tell(PREDICTIONS)
        gone = [self._prune_predictions()]
        self.tell(TRAININGS)
        runs, _, _ = self._trainings()
        gone.append(self._prune_trainings(runs))
        self.tell(SNAPSHOTS)
        with self.records.locks.hold(extraction.LOCK, self.use_case):
            _, kept, reached = self._trainings()  # by now: what went took its time
            shelf, chosen = self._store(kept, reached)
            gone += self._prune_store(shelf, chosen)
            gone.append(self._prune_features(reached))
        if any(one.kind == DATA_DOCS and one.things for one in gone):
            _renew_index(self.settings)
        return gone

    @property
    def old(self) -> Old:
        """Which predictions are old: neither the drift check nor the live metric needs them."""
        age = max(self.limits.ages[PREDICTIONS], self.watched)
        running = [trial.id for trial in self.records.trials.running(self.use_case)]
        return Old(
            use_case=self.use_case, before=self.as_of - age, since=self.since, trials=running
        )

    def month(self, month: Month, share: Share) -> Pruning:
        """Say what goes of the use case with a month."""
        why = f"answered before {month.next:%Y-%m-%d %H:%M} UTC, the end of a month that is old"
        said = self._said(PREDICTIONS, share.things, share.bytes, share.oldest, why)
        return replace(said, of_batch=share.of_batch)

    def _predictions(self) -> Pruning:
        things, size, oldest = self.records.prunings.measure(self.old)
        why = f"answered before {self.old.before:%Y-%m-%d %H:%M} UTC, in no trial that runs"
        return self._said(PREDICTIONS, things, size, oldest, why)

    def _prune_predictions(self) -> Pruning:
        planned = self._predictions()
        if not planned.things:
            return planned
        on_record = self._begun(planned)
        while self.records.prunings.predictions(self.old, on_record):
            pass
        return self.records.prunings.get(on_record.id)

    def _trainings(self) -> tuple[list[Past], list[Finished], Reached]:
        """Return the runs that go, the finished trainings that stay, and what is reached."""
        runs = erasing.trainings(self.settings, self.use_case)
        finished = self.records.trainings.all(self.use_case)
        reached = reach(self._roots([run for run in runs if run.ended_at is None]))
        going = [run for run in runs if self._is_old(run, finished, reached)]
        gone = {run.run_id for run in going}
        kept = [one for one in finished if one.document["run_id"] not in gone]
        return going, kept, reached

    def _is_old(self, run: Past, finished: Sequence[Finished], reached: Reached) -> bool:
        """Tell whether a training is old: nothing leads to it, and nobody asked for it again."""
        border = self.as_of - max(self.limits.ages[TRAININGS], GRACE)
        again = (one.finished_at for one in finished if one.document["run_id"] == run.run_id)
        return (
            run.ended_at is not None
            and max([run.ended_at, *again]) <= border
            and not reached.why(TRAININGS, run.run_id)
        )

    def _roots(self, running: Sequence[Past]) -> Roots:
        return Roots(
            use_case=self.use_case,
            records=self.records,
            registry=ModelRegistry(self.settings, self.records.locks),
            limits=self.limits,
            running=running,
            answering=frozenset(self.records.prunings.answering(self.old)),
        )

    def _prune_trainings(self, runs: Sequence[Past]) -> Pruning:
        said = self._said(TRAININGS, 0, 0, None)
        if not runs:
            return said
        registry, on_record = ModelRegistry(self.settings, self.records.locks), self._begun(said)
        for run in runs:
            size = erasing.measure(self.settings, run.run_id)
            with self.records.locks.hold("champion", self.use_case):  # nobody goes back to it now
                finished = self.records.trainings.all(self.use_case)
                if not self._is_old(run, finished, reach(self._roots([]))):
                    continue
                self.records.trainings.drop(self.use_case, run.run_id)
                registry.drop(self.use_case, run.run_id)
                erasing.erase(self.settings, run.run_id)
            self.records.prunings.add(on_record, 1, size, run.ended_at)
        return self.records.prunings.get(on_record.id)

    def _store(self, kept: Sequence[Finished], reached: Reached) -> tuple[Shelf, Chosen]:
        for training in kept:
            reaching.keep_training(reached, training.document)
        walks = self.records.trainings.walks(self.use_case)
        shelf = look(self.use_case, storage.of(self.settings), reached, walks)
        return shelf, choose(shelf, self.limits, self.as_of)

    def _prune_store(self, shelf: Shelf, chosen: Chosen) -> list[Pruning]:
        store, add = storage.of(self.settings), self.records.prunings.add
        begun = {one.kind: self._begun(one) for one in self._kinds(shelf, chosen)}
        whole = {thing.kind for thing in chosen.going}
        for thing in chosen.going:
            if thing.walk is not None:
                self.records.trainings.drop_walk(thing.walk)
            for path in thing.own:
                store.delete(path)
            add(begun[thing.kind], 1, shelf.bytes(thing.own), thing.at)
        for path in chosen.shared:  # last: no manifest names them any more
            store.delete(path)
            file, kind = shelf.files[path], _kind(path)
            add(begun[kind], int(kind not in whole), file.bytes, file.written)
        return [self.records.prunings.get(one.id) for one in begun.values()]

    def _old_features(self, reached: Reached) -> list[Row]:
        """Return the definitions of stored features that no model answers by any more.

        The one that was filled last stays, and what was begun within a day.
        """
        known = self.records.features.definitions(self.use_case)
        return [
            one
            for one in known[1:]
            if one["created_at"] <= self.as_of - GRACE and not reached.why(FEATURES, one["sha256"])
        ]

    def _prune_features(self, reached: Reached) -> Pruning:
        going = self._old_features(reached)
        if not going:
            return self._features(going)
        on_record = self._begun(self._features(going))
        for one in going:
            self.records.features.drop(self.use_case, one["sha256"])
            self.records.prunings.add(on_record, one["rows"], 0, one["created_at"])
        return self.records.prunings.get(on_record.id)

    def _features(self, going: Sequence[Row]) -> Pruning:
        oldest = min((one["created_at"] for one in going), default=None)
        why = "no champion that is kept has features by their definition"
        return self._said(FEATURES, sum(one["rows"] for one in going), 0, oldest, why)

    def _kinds(self, shelf: Shelf, chosen: Chosen) -> list[Pruning]:
        kinds = dict.fromkeys([*(t.kind for t in chosen.going), *map(_kind, chosen.shared)])
        return [self._kind(kind, shelf, chosen) for kind in kinds]

    def _kind(self, kind: str, shelf: Shelf, chosen: Chosen) -> Pruning:
        going = [thing for thing in chosen.going if thing.kind == kind]
        shared = [path for path in chosen.shared if _kind(path) == kind]
        size = shelf.bytes([*(path for thing in going for path in thing.own), *shared])
        return self._said(kind, len(going) or len(shared), size, _first(going, shelf, shared))

    def _begun(self, planned: Pruning) -> Pruning:
        """Put on record that things begin to go; each is added when it went."""
        return self.records.prunings.record(replace(planned, things=0, bytes=0, oldest=None))

    def _said(
        self, kind: str, things: int, size: int, oldest: datetime | None, why: str = ""
    ) -> Pruning:
        large = TOO_LARGE.format(self.limits.bytes) if self.limits.bytes else ""
        return Pruning(
            use_case=self.use_case,
            kind=kind,
            things=things,
            bytes=size,
            oldest=oldest,
            why=why or NOTHING_LEADS.format(f"{self.limits.ages[kind].days} days") + large,
            as_of=self.as_of,
            actor=self.actor,
        )


def sentence(pruned: Sequence[Pruning], *, applied: bool) -> str:
    """Say in one sentence what went, or would go."""
    total = f"{sum(one.bytes for one in pruned):,} bytes"
    kinds = dict.fromkeys(one.kind for one in pruned)
    counts = [(sum(one.things for one in pruned if one.kind == kind), kind) for kind in kinds]
    told = ", ".join(f"{count:,} {kind}" for count, kind in counts) or "nothing is old"
    if applied:
        return f"Gone, and on record: {told}; {total}."
    return f"Nothing was deleted. What would go: {told}; {total}."


def _oldest(runs: Iterable[Past]) -> datetime | None:
    return min((run.ended_at for run in runs if run.ended_at), default=None)


def _first(going: Sequence[Thing], shelf: Shelf, shared: Sequence[str]) -> datetime | None:
    moments = [thing.at for thing in going] + [shelf.files[path].written for path in shared]
    return min(moments, default=None)


def _kind(path: str) -> str:
    """Return the kind of a file that is shared, or that nothing holds: its folder."""
    return path.partition("/")[0]


def _renew_index(settings: Settings) -> None:
    from evergreen.quality import data_docs  # not above: it loads Great Expectations

    data_docs.publish_index(storage.of(settings, storage.DATA_DOCS))

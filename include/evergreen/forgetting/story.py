"""The story of an erasure: look, put it on record, erase what tells of rows, then the rows; look.

Snapshots go last, as they alone tell which rows of others (golden rows, answers) are the subject's,
and which values nobody else has. Whatever was interrupted, the same words do the rest.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from evergreen.catalog import Catalog
from evergreen.data import extraction
from evergreen.errors import ChampionBusy, NotForgotten
from evergreen.forgetting import naming, outside, waiting
from evergreen.forgetting.golden import Beside
from evergreen.forgetting.papers import Papers
from evergreen.forgetting.rows import Rows, Surveyed
from evergreen.forgetting.subject import Subject
from evergreen.learning import erasing
from evergreen.records import Erasure, Pruning, Records
from evergreen.refs import Ref
from evergreen.retention.limits import PREDICTIONS
from evergreen.retention.pruning import LEASE, WAIT
from evergreen.settings import Settings
from evergreen.spec import UseCase

WHY = "a subject was forgotten"


@dataclass(frozen=True, kw_only=True)
class Place(Ref):
    """Where a subject was, or is."""

    name: str
    things: int


@dataclass(frozen=True, kw_only=True)
class Forgotten(Ref):
    """What became of the rows of a subject."""

    use_case: str
    applied: bool
    places: tuple[Place, ...]
    """What holds it, or held it."""
    versions: tuple[int, ...]
    """That learned from its rows; they stay as they are."""
    taught: tuple[int, ...]
    """Of these, versions whose bytes hold one of its values, as a category: retire them."""
    in_source: int
    """Rows of the source that are its own: while there are any, nothing can be forgotten."""
    elsewhere: tuple[str, ...]
    """Where it may be that is not ours to write, each with what to do."""
    left: tuple[Place, ...] = ()
    """What still holds it, after all."""


def forget(
    use_case: str,
    key: Sequence[str],
    *,
    apply: bool,
    reason: str,
    actor: str,
    as_of: datetime,
    catalog: Catalog,
    records: Records,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> Forgotten:
    """Forget a subject, or tell what holds it.

    Args:
        use_case: its name; it need not be declared any more, if it has had a champion.
        key: `column=value`, of one or more columns of the key.
        apply: do it; else nothing changes.
        reason: why, for the record; never who.
        actor: who asks.
        as_of: when it was asked for.
        catalog: the use cases: what is declared of the source.
        records: what is on record.
        settings: where everything else is.
        tell: hears what is being done.

    Raises:
        DeclarationError: the key is none of this use case.
        NotForgotten: the source still has its rows, or something cannot be written anew.
        ChampionBusy: somebody trains, extracts, scores or prunes.
        SnapshotCorrupt: a snapshot cannot be read: mend it first.
    """
    declared = catalog.use_cases.get(use_case)
    work = _Work(use_case, tuple(key), reason, actor, as_of, declared, records, settings, tell)
    if not apply:
        return work.look()
    with (
        records.leases.hold(LEASE, use_case, wait=WAIT),
        records.locks.hold(extraction.LOCK, use_case),
    ):
        return work.do()


@dataclass
class _Work:
    use_case: str
    key: tuple[str, ...]
    reason: str
    actor: str
    as_of: datetime
    declared: UseCase | None
    records: Records
    settings: Settings
    tell: Callable[[str], None]

    @cached_property
    def named(self) -> Subject:
        """The subject, by its key alone."""
        return naming.named(
            self.use_case, self.key, self.declared, records=self.records, settings=self.settings
        )

    def look(self) -> Forgotten:
        """Tell what holds it."""
        found = self._survey()
        subject = self.named.with_marks(found.personal)
        places = dict(self._places(subject, found, apply=False))
        return self._told(subject, found, places, applied=False)

    def do(self) -> Forgotten:
        """Let it be forgotten.

        Raises:
            NotForgotten, ChampionBusy: see `forget`.
        """
        self._refuse()
        self.tell("looking")
        found = self._survey()
        subject = self.named.with_marks(found.personal)
        places = dict(self._places(subject, found, apply=False))
        began = self._began(subject, any(places.values()))
        if began is None:
            return self._told(subject, found, places, applied=True)
        versions = self.records.erasures.learned(began.id, self._versions(found))
        counts = {name: count for name, count in places.items() if count}
        self.records.erasures.count(began.id, counts)
        taught = self._beside(subject, found).taught(versions)
        for name, count in self._places(subject, found, apply=True):
            self.tell(f"{name}: {count}")
        Rows(subject, self.records, self.settings).forget(found, began.id)
        left = self._left(subject)
        if not left:
            self.records.erasures.finish(began.id, counts)
        return Forgotten(
            use_case=self.use_case, applied=True, places=_held(places), versions=versions,
            taught=tuple(taught), in_source=0, left=left,
            elsewhere=tuple(self._elsewhere(subject, found)),
        )  # fmt: skip

    def _refuse(self) -> None:
        """Refuse what would come back, or be half done.

        Raises:
            NotForgotten: the next training would take the rows again.
            ChampionBusy: a training or a scoring has them in its memory.
        """
        if rows := self._in_source():
            raise NotForgotten(
                f"the source of {self.use_case} still has {rows} rows of it, which the next"
                " training would take: delete them there first, then ask again"
            )
        scorings = self.records.subjects.scorings_under_way(self.use_case)
        if running := self._trainings() + scorings:
            raise ChampionBusy(
                f"{running} trainings, fits or scorings of {self.use_case} are under way, with rows"
                " in their memory: ask again when they have ended (a training that a crash left,"
                " when its run in MLflow is ended there)"
            )

    def _trainings(self) -> int:
        runs = erasing.trainings(self.settings, self.use_case)
        fits = self.records.subjects.fits_under_way(self.use_case)
        return fits + sum(run.ended_at is None for run in runs)

    def _survey(self) -> Surveyed:
        personal = self.declared.source.personal if self.declared else ()
        return Rows(self.named, self.records, self.settings).survey(personal)

    def _places(
        self, subject: Subject, found: Surveyed, *, apply: bool
    ) -> Iterator[tuple[str, int]]:
        """Erase from one place after the other, and yield how many things held it there."""
        rows = Rows(subject, self.records, self.settings)
        if not apply:
            yield "answers to its rows", sum(1 for _ in rows.answers(found.features))
            yield "snapshots of features", len(found.features)
            yield "snapshots", len(found.raw)
            yield "chunks that no snapshot names", rows.loose()
        yield "predictions", self._predictions(subject, apply=apply)
        yield "stored features", self._stored(subject, apply=apply)
        yield (
            "rows in quarantine",
            self.records.subjects.quarantined(self.use_case, subject.records, apply=apply),
        )
        yield (
            "decisions, alerts and other words",
            self.records.subjects.rewrite(
                self.use_case, subject.needles, subject.scrub, apply=apply
            ),
        )
        yield (
            "answers on the service's disk",
            waiting.forget(self.settings.home / "spool", subject, apply=apply)[0],
        )
        papers = Papers(subject, self.settings)
        yield "Data Docs", papers.data_docs(apply=apply)
        yield "pages of reports and drift", papers.pages(apply=apply)
        yield "logs", papers.logs(self.as_of, apply=apply)[0]
        beside = self._beside(subject, found)
        yield "golden rows of versions", beside.versions(apply=apply)
        yield "files in MLflow", beside.runs(apply=apply)
        if found.raw or found.features:
            yield "profiles of champions", papers.profiles(found.digests, apply=apply)
            yield "memories of fits", papers.memories(self.records, apply=apply)
        scored = outside.scored(self.declared, subject, self.settings, apply=apply)
        yield "rows of the scored table", scored

    def _predictions(self, subject: Subject, *, apply: bool) -> int:
        count = self.records.subjects.predictions(self.use_case, subject.records)
        if count and apply:
            gone = Pruning(
                use_case=self.use_case, kind=PREDICTIONS, things=0, bytes=0, oldest=None, why=WHY,
                as_of=self.as_of, actor=self.actor,
            )  # fmt: skip
            on_record = self.records.prunings.record(gone)
            while self.records.subjects.forget_predictions(
                self.use_case, subject.records, on_record
            ):
                pass
        return count

    def _stored(self, subject: Subject, *, apply: bool) -> int:
        count = self.records.features.about(self.use_case, subject.records)
        if count and apply:
            self.records.features.forget(self.use_case, subject.records)
        return count

    def _began(self, subject: Subject, is_known: bool) -> Erasure | None:
        """Go on with what was interrupted, or put a new erasure on record; None: nothing to do."""
        for one in self.records.erasures.unfinished(self.use_case):
            if subject.digest(one.salt) == one.key_digest:
                return one
        if not is_known:
            return None
        salt = secrets.token_hex(16)
        return self.records.erasures.begin(
            self.use_case, salt=salt, key_digest=subject.digest(salt), reason=self.reason,
            actor=self.actor, as_of=self.as_of,
        )  # fmt: skip

    def _versions(self, found: Surveyed) -> tuple[int, ...]:
        """Return the versions whose rows held it."""
        dossiers = self.records.subjects.dossiers(self.use_case)
        return tuple(
            version
            for version, document in sorted(dossiers.items())
            if document["learned"]["snapshot"]["sha256"] in found.digests
        )

    def _told(
        self,
        subject: Subject,
        found: Surveyed,
        places: dict[str, int],
        *,
        applied: bool,
    ) -> Forgotten:
        versions = self._versions(found)
        return Forgotten(
            use_case=self.use_case,
            applied=applied,
            places=_held(places),
            versions=versions,
            taught=tuple(self._beside(subject, found).taught(versions)),
            in_source=self._in_source(),
            elsewhere=tuple(self._elsewhere(subject, found)),
        )

    def _beside(self, subject: Subject, found: Surveyed) -> Beside:
        values = partial(Rows(self.named, self.records, self.settings).own, found.raw)
        return Beside(subject, values, self.records, self.settings)

    def _elsewhere(self, subject: Subject, found: Surveyed) -> Iterator[str]:
        columns = subject.columns
        if found.without:
            yield (
                f"{found.without} snapshots without a column {' or '.join(columns)}: nobody knows"
                " whose their rows are; `evergreen prune` lets go of old ones"
            )
        if unkeyed := self.records.subjects.unkeyed(self.use_case, columns):
            yield (
                f"{unkeyed} predictions that were asked for without {', '.join(columns)}: nobody"
                " knows whose they are; `evergreen prune` lets go of old ones"
            )
        _, held = waiting.forget(self.settings.home / "spool", subject, apply=False)
        if held:
            yield f"{held} lines on the disk of a service that runs: stop it, and ask again"
        papers = Papers(subject, self.settings)
        if named := papers.evidence():
            yield (
                f"{named} evidences of gates (reports/…/evidence.json, and in MLflow): their"
                " digests are on record; prune them, and mend what of yours tells single values"
            )
        _, open_logs = papers.logs(self.as_of, apply=False)
        if open_logs:
            yield f"{open_logs} logs that are still written to: ask again in some minutes"
        yield from outside.told(self.declared, subject, self.settings)

    def _in_source(self) -> int:
        if self.declared is None:
            return 0
        return outside.in_source(self.declared, self.named, self.settings)

    def _left(self, subject: Subject) -> tuple[Place, ...]:
        """Look again: what is left, and whether a training began meanwhile."""
        found = self._survey()
        places = dict(self._places(subject, found, apply=False))
        return _held(places | {"trainings that began meanwhile": self._trainings()})


def sentence(done: Forgotten) -> str:
    """Say in one sentence what became of it."""
    told = ", ".join(f"{place.things:,} {place.name}" for place in done.places)
    versions = ", ".join(map(str, done.versions))
    learned = f" Versions that learned from it: {versions}." if versions else ""
    if not done.places:
        return f"Nothing of ours holds it.{learned}"
    if not done.applied:
        return f"Nothing was changed. What holds it: {told}.{learned}"
    if done.left:
        left = ", ".join(f"{place.things:,} {place.name}" for place in done.left)
        return f"Not all is gone: {left} are left; ask again.{learned}"
    return f"Gone, and on record: {told}.{learned}"


def _held(places: dict[str, int]) -> tuple[Place, ...]:
    return tuple(Place(name=name, things=count) for name, count in places.items() if count)

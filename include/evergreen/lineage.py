"""Where an answer comes from, and where a row went.

back = of_prediction("churn", id, records=records, settings=settings)
back.version, back.snapshot, back.commit, back.decision     # and what is not known any more
ahead = of_row("churn", ["customer=17"], declared, records=records, settings=settings)
ahead.snapshots, ahead.versions                             # each with its predictions
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evergreen import dossier
from evergreen.data import snapshots
from evergreen.dossier import Dossier
from evergreen.errors import DeclarationError, SnapshotCorrupt, Unreachable
from evergreen.forgetting.naming import named
from evergreen.forgetting.rows import Held, Rows
from evergreen.learning import tracking
from evergreen.records import Promotion, Records
from evergreen.records.predictions import Stored
from evergreen.refs import Ref
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.words import counted

NAMED = 20
"""So many versions are named, in a sentence about many."""


@dataclass(frozen=True, kw_only=True)
class Back(Ref):
    """What an answer rests on."""

    use_case: str
    id: str
    answered_at: datetime
    variant: str
    version: int
    run_id: str
    sha256: str
    """Of the model's bytes."""
    service_commit: str
    snapshot: str
    """Digest of the rows that the model learned from."""
    snapshot_uri: str = ""
    """Empty: it is not in the store any more."""
    rows: int | None = None
    """Of the snapshot."""
    as_of: datetime | None = None
    commit: str = ""
    """Of the code that trained it."""
    decision_id: str = ""
    decision: str = ""
    """In one sentence."""
    promoted_at: datetime | None = None
    """When the version became champion, the first time; None: it never did."""
    champion: bool = False
    """It is champion now."""
    unknown: tuple[str, ...] = ()
    """What cannot be told, and why."""


@dataclass(frozen=True, kw_only=True)
class Holding(Ref):
    """A snapshot that holds the row."""

    sha256: str
    uri: str
    rows: int
    """So many of its rows have that key."""


@dataclass(frozen=True, kw_only=True)
class Resting(Ref):
    """A version that learned from the row."""

    version: int
    snapshot: str
    champion: bool
    """It is in service."""
    predictions: int
    """That it made, and that are on record."""


@dataclass(frozen=True, kw_only=True)
class Ahead(Ref):
    """What rests on a row."""

    use_case: str
    snapshots: tuple[Holding, ...]
    versions: tuple[Resting, ...]
    unknown: tuple[str, ...] = ()

    @property
    def predictions(self) -> int:
        """How many there are of all these versions."""
        return sum(one.predictions for one in self.versions)

    @property
    def sentence(self) -> str:
        """What rests on it, in one sentence."""
        if not self.snapshots:
            if self.unknown:
                return "No snapshot that is kept, and can be asked, holds it."
            return "No snapshot holds it, so that no version has learned from it."
        return (
            f"Held by {counted(len(self.snapshots), 'snapshot')}, learned from by"
            f" {counted(len(self.versions), 'version')}, with"
            f" {counted(self.predictions, 'prediction')} on record."
        )


def of_prediction(use_case: str, id: str, *, records: Records, settings: Settings) -> Back:
    """Follow a prediction back to version, rows, commits and decision.

    Raises:
        DeclarationError: it is no id, or there is no such prediction of this use case.
    """
    found = records.predictions.find(use_case, _number(id))
    if found is None:
        allowed = f"the id of a prediction of {use_case} that is on record (it may be pruned)"
        raise DeclarationError("PREDICTION", id, allowed)
    own = dossier.find(records.dossiers, use_case, found.by.version)
    rows = [r for r in records.promotions.of(use_case) if r.version == found.by.version]
    return _Back(found, own, rows, records, settings).told()


def of_row(
    use_case: str,
    key: Sequence[str],
    declared: UseCase | None,
    *,
    records: Records,
    settings: Settings,
) -> Ahead:
    """Follow a row to every snapshot, version and prediction that rests on it.

    Args:
        use_case: whose.
        key: `column=value`, of one or more columns of the key.
        declared: its declaration; None: its file is gone.
        records: what is on record.
        settings: where the snapshots are.

    Raises:
        DeclarationError: the key is none of this use case.
        SnapshotCorrupt: a snapshot cannot be read.
    """
    subject = named(use_case, key, declared, records=records, settings=settings)
    found = Rows(subject, records, settings).survey()
    learned = _learned(use_case, records)
    lost = _lost(use_case, learned, settings)
    lacking = {
        f"{found.without} snapshots lack a column of the key: nobody knows whose rows they hold":
            found.without,
        f"the snapshots of {lost} are not in the store any more: nobody knows whether they held it":
            lost,
    }  # fmt: skip
    return Ahead(
        use_case=use_case,
        snapshots=tuple(_holding(held) for held in found.raw),
        versions=tuple(_resting(use_case, found.digests, learned, records)),
        unknown=tuple(what for what, lacks in lacking.items() if lacks),
    )


def _number(id: str) -> str:
    try:
        return str(UUID(id))
    except ValueError:
        raise DeclarationError("PREDICTION", id, "the id of an answer, a UUID") from None


@dataclass(frozen=True)
class _Back:
    found: Stored
    own: Dossier | None
    promotions: Sequence[Promotion]
    records: Records
    settings: Settings

    def told(self) -> Back:
        by, learned = self.found.by, self.own.learned.snapshot if self.own else None
        decision_id = self._decision_id()
        decision = self.records.decisions.get(decision_id) if decision_id else None
        uri = _uri(by.use_case, by.snapshot_sha256, self.settings)
        commit, reason = self._commit()
        champion = self.records.promotions.champion(by.use_case)
        lacking = {
            f"version {by.version} has no dossier": self.own is None,
            f"the snapshot {by.snapshot_sha256[:16]} is not in the store any more": not uri,
            reason: not commit,
            "no decision on this version is on record": decision is None,
        }
        return Back(
            use_case=by.use_case, id=self.found.id, answered_at=self.found.time,
            variant=self.found.variant, version=by.version, run_id=by.run_id, sha256=by.sha256,
            service_commit=self.found.code, snapshot=by.snapshot_sha256, snapshot_uri=uri,
            rows=learned.rows if learned else None, as_of=learned.as_of if learned else None,
            commit=commit, decision_id=decision_id,
            decision=decision.sentence if decision else "",
            promoted_at=self.promotions[-1].created_at if self.promotions else None,
            champion=champion is not None and champion.version == by.version,
            unknown=tuple(what for what, lacks in lacking.items() if lacks),
        )  # fmt: skip

    def _decision_id(self) -> str:
        if self.promotions:
            return self.promotions[-1].decision_id  # of the first time
        return self.own.proof.decision_id if self.own else ""

    def _commit(self) -> tuple[str, str]:
        """Return the commit, and what is to be said if there is none."""
        run_id = self.found.by.run_id
        try:
            run = tracking.find_run(self.settings, run_id)
        except Unreachable:
            return "", f"MLflow does not answer now: the commit of its run {run_id} is not known"
        commit = run.data.tags.get(tracking.COMMIT, "") if run else ""
        return str(commit), f"the MLflow run {run_id} is gone, or names no commit"


def _uri(use_case: str, digest: str, settings: Settings) -> str:
    """Return where a snapshot is; empty: it is not in the store any more."""
    with suppress(SnapshotCorrupt):
        return snapshots.of(settings).find(use_case, digest)
    return ""


def _holding(held: Held) -> Holding:
    return Holding(sha256=held.digests[-1], uri=held.uri, rows=int(held.gone.sum()))


def _learned(use_case: str, records: Records) -> dict[int, str]:
    """Return the snapshot that each version learned from, by version."""
    return {
        version: str(document["learned"]["snapshot"]["sha256"])
        for version, document in sorted(records.subjects.dossiers(use_case).items())
    }


def _lost(use_case: str, learned: Mapping[int, str], settings: Settings) -> str:
    """Return the versions whose snapshot was pruned, in words; empty: there are none."""
    gone = {digest for digest in set(learned.values()) if not _uri(use_case, digest, settings)}
    versions = [str(version) for version, digest in learned.items() if digest in gone]
    few = versions[:NAMED] + ["…"] * (len(versions) > NAMED)
    return f"version {', '.join(few)}" if versions else ""


def _resting(
    use_case: str, digests: set[str], learned: Mapping[int, str], records: Records
) -> list[Resting]:
    champion, made = records.promotions.champion(use_case), records.predictions.by_version(use_case)
    return [
        Resting(
            version=version, snapshot=digest, predictions=made.get(version, 0),
            champion=champion is not None and champion.version == version,
        )
        for version, digest in learned.items() if digest in digests
    ]  # fmt: skip

"""What can go wrong, told so that a reader can mend it.

EvergreenError
├── DeclarationError      a use case is declared wrongly: which field, what it got, what is allowed
├── UnknownUseCase        no use case of that name (near misses are suggested)
├── Unconfirmed           it is a draft: nothing of it goes live until a person says so
├── NoChampion            nothing answers for the use case yet: no training has passed its gate
├── Retired               a person has ended the use case; who, when and why
├── SettingError          an environment variable is missing or has a value that is not allowed
├── SuiteError            an expectation suite is missing, unreadable or lacks a mandatory check
├── DataRefused           the data is not fit to train on; the champion stays
├── SnapshotCorrupt       the bytes of a snapshot do not match its manifest
├── ModelRefused          a model file is not what was gated, or holds types that we do not trust
├── EvidenceCorrupt       the evidence of an evaluation is not what evaluate wrote
├── StalePromotion        somebody else promoted first: the expected champion is no longer there
├── ChampionBusy          somebody else has been moving the champion for too long
├── NotForgotten          a subject cannot be forgotten, or not yet: what must be done first
├── LeaseLost             another try of the same task has taken over; this one writes no more
├── SchemaOutdated        our tables are older than the code, and what renews them is not here
├── NotOurs               MLflow holds something of that name which we did not make
├── DossierMissing        nobody wrote down what belongs to a version, so nobody knows what it reads
├── DeclarationChanged    the declaration was edited while its run was under way
├── ReferenceMissing      what the champion learned from cannot be had, so nothing can be compared
├── AlreadyAnswered       nothing waits for a person's word, or somebody else has given it
├── NothingToRollBackTo   the ledger holds no earlier champion (or not the version asked for)
└── StackError            a part of the local stack does not start or does not answer
    ├── NoRoom            the disk is full, or too full for the next step
    ├── ComputeAway       the cluster that makes fits does not answer, or lost one
    ├── WorkerLost        one of the workers that make a fit together is gone
    └── SourceAway        an API or a table that rows come from does not answer, or not now
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches


class EvergreenError(Exception):
    """Base of every error that Evergreen raises on purpose."""


class DeclarationError(EvergreenError):
    """A declaration (use case, source, gate ...) holds a value that is not allowed."""

    def __init__(self, field: str, got: object, allowed: str) -> None:
        self.field, self.got, self.allowed = field, got, allowed
        super().__init__(f"{field} is {got!r}; allowed: {allowed}")


class UnknownUseCase(EvergreenError):
    """No use case has that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"no use case is called {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"
        )


class Unconfirmed(EvergreenError):
    """A draft was to go live, and no person has confirmed it yet."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is a draft, and nothing of it goes live: read its file, then"
            f" `evergreen activate {name}`"
        )


class NoChampion(EvergreenError):
    """Nothing answers for the use case yet."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no champion yet: `evergreen run {name}`")


class Retired(EvergreenError):
    """The use case is retired: nothing trains, watches or serves it."""


class SettingError(EvergreenError):
    """A setting is missing or has a value that is not allowed; the message names the variable."""


class SuiteError(EvergreenError):
    """An expectation suite is missing, unreadable, empty or lacks a mandatory check."""


class DataRefused(EvergreenError):
    """The data is not fit to train on. Nothing was trained and the champion stays."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(self.reasons))

    @property
    def sentence(self) -> str:
        """The refusal in one sentence."""
        return f"Refused the data: {self}"


class SnapshotCorrupt(EvergreenError):
    """The bytes of a snapshot do not match its manifest."""


class ModelRefused(EvergreenError):
    """A model file is not what was gated, or holds types that we do not trust."""


class EvidenceCorrupt(EvergreenError):
    """The evidence of an evaluation is not what evaluate wrote."""


class StalePromotion(EvergreenError):
    """The champion is no longer the one that the challenger was compared with."""


class ChampionBusy(EvergreenError):
    """Somebody else has been moving the champion (or registering a version) for too long."""


class NotForgotten(EvergreenError):
    """A subject cannot be forgotten, or not yet: it says what must be done first."""


class LeaseLost(EvergreenError):
    """Another try of the same task has taken over, so that this one must not write."""


class SchemaOutdated(EvergreenError):
    """Our tables are older than the code, and Alembic, which renews them, is not installed here."""


class NotOurs(EvergreenError):
    """MLflow holds something of that name which we did not make, and so do not touch."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is there already, and Evergreen did not make it; choose another prefix"
            " (EVERGREEN_MODEL_PREFIX), or rename it"
        )


class DossierMissing(EvergreenError):
    """What belongs to a version was not written down, so that nobody knows what it reads."""


class DeclarationChanged(EvergreenError):
    """A task found another declaration than the one that its run began with."""


class ReferenceMissing(EvergreenError):
    """What the champion learned from cannot be had, so that nothing can be compared with it."""


class AlreadyAnswered(EvergreenError):
    """Nothing waits for a person's word, or somebody else has given it."""


class NothingToRollBackTo(EvergreenError):
    """The ledger holds no earlier champion, or not the version that was asked for."""


class StackError(EvergreenError):
    """A part of the local stack does not start or does not answer."""


class NoRoom(StackError):
    """The disk is full, or too full for the next step. Another try may find room."""


class SourceAway(StackError):
    """An API or a table that rows come from does not answer. Another try may be luckier."""


class ComputeAway(StackError):
    """The cluster that makes fits does not answer, or lost a fit. Another try may be luckier."""

    def __init__(self, setting: str, why: object) -> None:
        lines = str(why).strip().splitlines()
        told = lines[-1:] if "Traceback (most recent call last):" in str(why) else lines
        cluster, advice = f"the cluster of Ray that EVERGREEN_COMPUTE ({setting}) names", ""
        if setting == "local":
            cluster = "this machine (EVERGREEN_COMPUTE=local)"
        else:
            advice = " (EVERGREEN_COMPUTE=local needs none)"
        super().__init__(f"{cluster} cannot be used: {' '.join(' '.join(told).split())}{advice}")


class WorkerLost(StackError):
    """One of the workers that make a fit together is gone. The fit can be made again."""


class Unreachable(StackError):
    """A server does not answer; the message names the setting that says where it is."""

    def __init__(self, what: str, setting: str, why: object) -> None:
        advice = f"is it up (`make up`), and is {setting} right?"
        super().__init__(f"{what} does not answer; {advice} {' '.join(str(why).split())}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name, as ` (did you mean 'weather'?)`, or nothing."""
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


class BackupFailed(StackError):
    """A backup could not be made, or not be put back."""


class BackupDamaged(EvergreenError):
    """A file of a backup is gone, or its bytes are others."""


class NoSuchBackup(EvergreenError):
    """There is no backup of that name."""


class NotEmpty(EvergreenError):
    """What is to be restored would take the place of records."""


def origins(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

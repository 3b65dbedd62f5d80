"""Follow the ledger: who is champion, who is on trial; load and swap.

A thread listens to PostgreSQL and also looks by itself each second. The ledger says who answers,
and each dossier what is read: no declaration is asked. A model that cannot be loaded never replaces
one that answers; `problems` says why, in words.
"""

import logging
import select
import socket
import threading
import time

from evergreen import dossier
from evergreen.dossier import Dossier
from evergreen.errors import EvergreenError, SchemaOutdated
from evergreen.records import Connection, Records, TrialRow
from evergreen.records.errors import DatabaseError
from evergreen.refs import PAPER
from evergreen.serving import releases
from evergreen.serving.artifacts import Artifacts
from evergreen.serving.declared import Declared
from evergreen.serving.desk import Desk, Served, Trial, serve
from evergreen.serving.keys import KeyRing
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings

log = logging.getLogger(__name__)
RETRY = 5.0
"""Seconds until a model that was refused is tried again."""


class Watcher:
    """The desks of all use cases, kept in step with the ledger by a thread."""

    def __init__(self, records: Records, settings: Settings, artifacts: Artifacts) -> None:
        self.desks: dict[str, Desk] = {}
        """Replaced entry by entry; a reader takes an entry once."""
        self.papers: dict[str, Desk] = {}
        """Who answers on paper, where there is no champion."""
        self.problems: dict[str, str] = {}
        """What is wrong, by use case (or `ledger`)."""
        self.unfit: set[str] = set()
        """Use cases whose model is here as it was gated, and cannot be loaded: the image lacks
        something."""
        self.retired: dict[str, str] = {}
        """What a person has ended, with who, when and why, by use case."""
        self.looked = threading.Event()
        """The ledger has been asked once, with or without success."""
        self.declared = Declared(settings.use_cases_dir)
        self.keys = KeyRing(settings.api_keys)
        """Who may ask; the ledger's keys are taken over as champions are."""
        self._records, self._settings, self._artifacts = records, settings, artifacts
        self._stop, self._seen, self._tried = threading.Event(), "", 0.0
        self._ended: dict[int, str] = {}
        self._connection: Connection | None = None
        self._mutex = threading.Lock()
        self._bell, self._ear = socket.socketpair()  # wakes the thread at the end
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the use cases, declared or with a champion, that are not retired."""
        served = {*self.desks, *self.papers, *self.problems} - {"ledger"}
        return tuple(sorted((served | self.declared.names) - self.retired.keys()))

    def knows(self, name: str) -> bool:
        """Tell whether there is such a use case, declared or with a champion."""
        known = (self.desks, self.papers, self.declared.names, self.problems, self.retired)
        return any(name in names for names in known)

    @property
    def remarks(self) -> dict[str, str]:
        """What people should know of use cases whose champion may well answer: of their files."""
        gone = self.desks.keys() - self.declared.names
        told = dict.fromkeys(gone, "its file is gone; its champion goes on answering")
        return told | self.declared.broken

    @property
    def unserved(self) -> dict[str, str]:
        """Why nobody answers for a use case that has a champion, or somebody on paper."""
        answering = {*self.desks, *self.papers, "ledger"}
        return {name: why for name, why in self.problems.items() if name not in answering}

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._bell.send(b"x")
        if self._thread.is_alive():
            self._thread.join(10)
        self._disconnect()
        self._bell.close()
        self._ear.close()

    def end_trial(self, use_case: str, trial: Trial, outcome: str) -> None:
        """Take a trial off its desk at once; the database learns it as soon as it is there."""
        with self._mutex:
            self._ended[trial.id] = outcome
            desk = self.desks.get(use_case)
            if desk is not None and desk.trial is not None and desk.trial.id == trial.id:
                self.desks[use_case] = Desk(desk.champion)
        log.warning("the %s of %s is stopped: %s", trial.strategy, use_case, outcome)

    def refresh(self) -> None:
        """Look at the ledger once and load what is new.

        Raises:
            DatabaseError: the database is away; nothing changes.
        """
        self.keys.renew(self._records.api_keys.all())
        self._record_ends()
        trials = {trial.use_case: trial for trial in self._records.trials.running()}
        self._retire()
        on_paper = {name for name, trial in trials.items() if trial.strategy == PAPER}
        for name in self.papers.keys() - (on_paper - self.retired.keys()):
            del self.papers[name]
        answering = dict.fromkeys([*self._records.promotions.use_cases(), *on_paper])
        for name in self.problems.keys() - {*answering, "ledger"}:  # no longer on paper
            del self.problems[name]
            self.unfit.discard(name)
        for name in answering.keys() - self.retired.keys():
            try:
                self._follow(name, trials.get(name))
                self.problems.pop(name, None)
                self.unfit.discard(name)
            except EvergreenError as error:
                self.problems[name] = str(error)
                log.warning("%s: %s", name, error)
            except DatabaseError:
                raise
            except Exception as error:  # whatever a model's own code raises: the old one stays
                self.problems[name] = f"{type(error).__name__}: {error}"
                log.exception("%s: a model cannot be made ready", name)

    def _retire(self) -> None:
        """Take what a person has ended off its desk."""
        found = self._records.retirements.all()
        self.retired = {name: retirement.sentence for name, retirement in found.items()}
        with self._mutex:
            for name in self.retired:
                self.desks.pop(name, None)
                self.problems.pop(name, None)

    def _follow(self, name: str, release: TrialRow | None) -> None:
        champion = self._records.promotions.champion(name)
        if champion is None:
            if release:
                self.papers[name] = self._paper(release, self.papers.get(name))
            return
        self.papers.pop(name, None)
        release = None if release and release.strategy == PAPER else release
        old = self.desks.get(name)
        found = dossier.read(self._records.dossiers, name, champion.version)
        ref = ModelRef.of(found, champion)
        same = old and (old.champion.ref, old.champion.dossier) == (ref, found)
        served = old.champion if old and same else self._serve(found, ref)
        with self._mutex:
            trial = self.desks[name].trial if old else None
            kept = trial if release and trial and _goes_on(trial, release, found) else None
            self.desks[name] = Desk(served, kept)
        if release and kept is None and release.id not in self._ended:
            trial = self._trial(served, release)
            with self._mutex:
                self.desks[name] = Desk(served, trial)

    def _paper(self, release: TrialRow, old: Desk | None) -> Desk:
        version = releases.challenger_of(release).version
        found = dossier.read(self._records.dossiers, release.use_case, version)
        if old and old.paper == release.id and old.champion.dossier == found:
            return old
        return Desk(self._serve(found, ModelRef.of(found)), paper=release.id)

    def _trial(self, champion: Served, release: TrialRow) -> Trial:
        """Load the challenger of a trial.

        Raises:
            ModelRefused: it reads what requests to the champion do not hold.
        """
        version = releases.challenger_of(release).version
        found = dossier.read(self._records.dossiers, release.use_case, version)
        releases.check_answerable(champion.dossier, found)
        challenger = self._serve(found, ModelRef.of(found))
        return Trial(release.id, release.strategy, release.share, challenger)

    def _serve(self, found: Dossier, ref: ModelRef) -> Served:
        started = time.perf_counter()
        try:
            served = serve(found, ref, self._artifacts, self._settings.expectations_dir)
        except Exception:
            if self._artifacts.holds(ref):
                self.unfit.add(ref.use_case)
            raise
        log.info(
            "%s version %d is ready (%s, %.2f s)",
            ref.use_case, ref.version, served.engine.name, time.perf_counter() - started,
        )  # fmt: skip
        return served

    def _record_ends(self) -> None:
        for release_id, outcome in list(self._ended.items()):
            try:
                self._records.trials.stop(release_id, outcome)
            except EvergreenError as error:  # of a ledger that was put back to a day before it
                log.warning("an end cannot be put on record: %s", error)
            del self._ended[release_id]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
                self.problems.pop("ledger", None)
            except (DatabaseError, SchemaOutdated, OSError) as error:
                self._lost(str(error))
            except Exception as error:  # without this thread nobody is followed any more
                if "ledger" not in self.problems:
                    log.exception("the ledger cannot be followed")
                self._lost(f"{type(error).__name__}: {error}")
            self.looked.set()

    def _lost(self, reason: str) -> None:
        self._disconnect()
        self.problems["ledger"] = f"the ledger cannot be read: {' '.join(reason.split())[:300]}"
        self._stop.wait(1)

    def _look(self) -> None:
        self.declared.look()
        opened = self._listening()
        seen = self._records.position()
        retry = bool(self.problems) and time.monotonic() - self._tried > RETRY
        if seen != self._seen or self._ended or retry:
            self._tried = time.monotonic()
            self.refresh()
            self._seen = seen
        self.looked.set()
        self._sleep(opened)
        opened.poll()
        opened.notifies.clear()

    def _sleep(self, opened: Connection) -> None:
        """Wait for news or the end, for a second at most (`select` takes 1,024 open files only)."""
        waiting = select.poll()
        waiting.register(opened, select.POLLIN)
        waiting.register(self._ear, select.POLLIN)
        waiting.poll(1000)

    def _listening(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._records.listen()
            self._seen = ""
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _goes_on(trial: Trial, release: TrialRow, champion: Dossier) -> bool:
    """Tell whether it is this trial, and the champion's requests hold what the challenger reads."""
    reads = trial.challenger.dossier.inputs
    return trial.id == release.id and not reads.beyond(champion.inputs)

"""The undisturbed twin: the same rows at the same moment, in databases and folders of its own.

Usage::

    with twin.of(use_case, settings) as calm:
        calm.train(as_of)                  # an Outcome: what is due of the run that is disturbed

It begins without a past, as does a fresh stack: from then on both see the same rows in the same
order, so that each training has the same champion before it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evergreen import cycle, records
from evergreen.data.warehouse import connect, quoted, reading
from evergreen.errors import StackError
from evergreen.records import Records
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen_workshop.chaos.judge import Outcome, anonymous
from evergreen_workshop.rehearsal.scratch import apart, copied, database

ANY_LATENCY = 3_600_000.0
"""Milliseconds."""
JUDGED = ("gate", "fit", "validation")


@dataclass(frozen=True)
class Twin:
    """The same use case where nothing happens to it."""

    use_case: UseCase
    settings: Settings
    """Of the world that is disturbed, whose rows it copies."""
    here: Settings
    records: Records

    def train(self, as_of: datetime) -> Outcome:
        """Train on the rows as they are now; return what came of it."""
        self._copy()
        key = f"chaos/{as_of.isoformat()}"
        run = Run(as_of=as_of, asked_at=as_of, key=key, actor="chaos")
        before = len(self.records.promotions.of(self.use_case.name))
        cycle.run(self.use_case, run, records=self.records, settings=self.here)
        return outcome(self.records, self.use_case.name, as_of, before)

    def begin(self, others: Records) -> None:
        """Train what the other world has trained last.

        Raises:
            StackError: the champions differ: there, something went before that is not in the rows.
        """
        there = others.promotions.champion(self.use_case.name)
        if there is None:
            raise StackError(f"{self.use_case.name} has no champion yet; `make up` trains one")
        found = self.train(datetime.now(UTC).replace(microsecond=0))
        if found.digests != {"snapshot": there.snapshot_sha256, "fit": there.sha256}:
            raise StackError(
                f"version {there.version} of {self.use_case.name} is not what its rows give anew;"
                f" `evergreen run {self.use_case.name}` trains on them, `make clean` begins anew"
            )

    def _copy(self) -> None:
        """Make the table anew, with the rows of the other world."""
        table = str(self.use_case.source.table)
        with reading(self.settings.warehouse_url) as moment:
            columns = moment.columns(table)
            rows = copied(moment, columns, quoted(table))
        typed = ", ".join(f"{column.identifier} {column.type}" for column in columns)
        with connect(self.here.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
            cursor.execute(f"CREATE TABLE {quoted(table)} ({typed})")
            cursor.copy_expert(f"COPY {quoted(table)} FROM STDIN", rows)


def unhurried(use_case: UseCase) -> UseCase:
    """Return it without a limit of latency: this machine, kept busy by a fault, may be slow."""
    return replace(use_case, gate=replace(use_case.gate, max_latency_ms=ANY_LATENCY))


@contextlib.contextmanager
def of(use_case: UseCase, settings: Settings) -> Iterator[Twin]:
    """Make a twin, and drop it afterwards.

    Raises:
        EvergreenError: no database can be created.
    """
    home = Path(tempfile.mkdtemp(prefix="evergreen-chaos-"))
    name = f"chaos_{use_case.name[:30]}_{os.getpid()}"
    try:
        with (
            database(settings.warehouse_url, name) as url,
            database(settings.warehouse_url, f"{name}_runs") as tracking,
        ):
            here = apart(settings, home, url, tracking)
            with records.open(here) as kept:
                yield Twin(unhurried(use_case), settings, here, kept)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def outcome(kept: Records, use_case: str, as_of: datetime, before: int) -> Outcome:
    """Return what trainings as of a moment left on record; there were so many promotions before."""
    decisions = [
        one for one in kept.decisions.newest(use_case, limit=200)
        if one.as_of == as_of and one.kind in JUDGED
    ]  # fmt: skip
    promotions = kept.promotions.of(use_case)
    digests = {}
    if promotions:
        digests = {"snapshot": promotions[0].snapshot_sha256, "fit": promotions[0].sha256}
    return Outcome(
        sentences=tuple(sorted({_told(one.kind, one.outcome, one.sentence) for one in decisions})),
        digests=digests,
        added=len(promotions) - before,
    )


def _told(kind: str, outcome: str, sentence: str) -> str:
    """Return a decision in words; of a fit's, whose sentence tells its latency, the outcome."""
    return f"{kind} {outcome}" + (f": {anonymous(sentence)}" if kind == "gate" else "")

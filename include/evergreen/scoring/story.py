"""The story of one run of scoring.

    done = score(churn, asked(churn, interval), run, records=records, settings=settings)
    done.sentence

The champion is taken once, at the start: whoever is promoted meanwhile scores the next run. Rows
are read, asked about and staged chunk by chunk; what is written appears at the end, or not at all.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from evergreen import dossier
from evergreen.errors import DataRefused, NoChampion
from evergreen.learning import provenance
from evergreen.records import Decision, Records, Scored, decision_id
from evergreen.scoring import columns, raw, sinks
from evergreen.scoring.asking import Asking
from evergreen.scoring.chunks import Chunks
from evergreen.scoring.columns import Told
from evergreen.scoring.orders import Asked
from evergreen.scoring.raw import Raw
from evergreen.scoring.sample import Sample
from evergreen.scoring.sinks import Sink
from evergreen.serving.artifacts import Artifacts, Fetch, from_mlflow
from evergreen.serving.desk import Served, serve
from evergreen.serving.left_out import LeftOut
from evergreen.serving.model_ref import ModelRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run

LONGEST = 6 * 3600.0
"""Seconds to wait for somebody else who scores into the same place."""
Progress = Callable[[int, float], None]
"""Is told rows and seconds so far."""


def score(
    use_case: UseCase,
    asked: Asked,
    run: Run,
    *,
    records: Records,
    settings: Settings,
    fetch: Fetch | None = None,
    tell: Progress = lambda rows, seconds: None,  # noqa: ARG005
) -> Scored:
    """Score the rows that are asked for, and put on record what was done, or refused.

    The same again gives the same rows. `fetch` brings model files from elsewhere than MLflow.

    Raises:
        DataRefused: the rows cannot be read, too few or too many of them are fit to be asked, a key
            repeats, or the table has other columns; nothing was written.
        NoChampion, Retired, Unconfirmed: nothing answers for the use case.
        ModelRefused: the champion's bytes are not those that were gated, or cannot be had.
    """
    use_case.check_confirmed()
    records.retirements.check(use_case.name)
    served = champion(use_case.name, records, settings, fetch)
    with (
        _refusals_on_record(use_case, run, records),
        records.leases.hold("scoring", f"{use_case.name}/{asked.destination}", wait=LONGEST),
    ):
        left_out = LeftOut(use_case.name, served.dossier.inputs, records.quarantine)
        scoring = _Scoring(served, asked, run, settings, tell, left_out)
        return records.scorings.keep(scoring.done(), scoring.sample.lines)


def champion(name: str, records: Records, settings: Settings, fetch: Fetch | None = None) -> Served:
    """Load the champion of a use case as the service does.

    Raises:
        NoChampion: there is none.
        ModelRefused: its bytes are not those that were gated, or cannot be had.
    """
    present = records.promotions.champion(name)
    if present is None:
        raise NoChampion(name)
    own = dossier.read(records.dossiers, name, present.version)
    artifacts = Artifacts(settings.home / "models", fetch or from_mlflow(settings))
    return serve(own, ModelRef.of(own, present), artifacts, settings.expectations_dir)


class _Scoring:
    """One run, by one champion."""

    def __init__(
        self,
        served: Served,
        asked: Asked,
        run: Run,
        settings: Settings,
        tell: Progress,
        left_out: LeftOut,
    ) -> None:
        self._served, self._asked, self._run = served, asked, run
        self._settings, self._tell, self._left_out = settings, tell, left_out
        self._code = provenance.commit(settings)
        limit = asked.limits.logged if asked.watched else 0
        self.sample = Sample(served, asked.interval, limit, asked_at=run.asked_at, code=self._code)

    def done(self) -> Scored:
        """Score and write everything, and say what was done."""
        started = time.perf_counter()
        with self._raw() as found:
            inputs, within = self._served.dossier.inputs, self._asked.within
            chunks = Chunks(inputs, found, within, self._left_out)
            asking = Asking(self._served, chunks.admission)
            with self._sink(found) as sink:
                rows = self._write(chunks, asking, sink, started)
                self._check(chunks)
        return self._scored(chunks, asking, rows, time.perf_counter() - started)

    def _write(self, chunks: Chunks, asking: Asking, sink: Sink, started: float) -> int:
        schema, rows = self._schema(chunks.raw), 0
        for chunk in chunks:
            begun = time.perf_counter()
            for answered in asking.about(chunk):
                self.sample.add(answered, (time.perf_counter() - begun) * 1000)
                sink.write(columns.table(answered, schema))
                rows += len(answered.rows)
            self._tell(rows, time.perf_counter() - started)
        return rows

    def _check(self, chunks: Chunks) -> None:
        """Refuse the run when it has too few rows, or too many that are refused."""
        refused, limits = chunks.admission.refused, self._asked.limits
        count = sum(refused.values())
        if chunks.rows < limits.min_rows:
            raise DataRefused([
                f"there are {chunks.rows:,} rows to score, and scoring.min_rows is"
                f" {limits.min_rows:,}"
            ])  # fmt: skip
        if count > limits.max_refused * chunks.rows:
            raise DataRefused(
                [
                    f"{count:,} of {chunks.rows:,} rows cannot be scored"
                    f" (scoring.max_refused allows {limits.max_refused:.1%})",
                    *(f"{reason}: {rows:,}" for reason, rows in refused.items()),
                ]
            )

    def _scored(self, chunks: Chunks, asking: Asking, rows: int, seconds: float) -> Scored:
        ref, asked, run = self._served.ref, self._asked, self._run
        return Scored(
            use_case=ref.use_case, version=ref.version, run_id=ref.run_id, sha256=ref.sha256,
            snapshot_sha256=ref.snapshot_sha256, code=self._code,
            interval_start=asked.interval.start, interval_end=asked.interval.end,
            source=asked.source, destination=asked.destination, rows=rows,
            refused=sum(chunks.admission.refused.values()), reasons=chunks.admission.refused,
            watched=asked.watched, seconds=round(seconds, 3), as_of=run.as_of,
            asked_at=run.asked_at, run_key=run.key, actor=run.actor,
            notes=tuple(self._notes(chunks, asking)),
        )  # fmt: skip

    def _notes(self, chunks: Chunks, asking: Asking) -> Iterator[str]:
        if chunks.first and chunks.target:
            told = self._served.contract.short_of_history(chunks.first, chunks.target)
            yield from [told] * bool(told)
        for column, count in asking.unseen.items():
            yield f"{column}: {count:,} values never seen in training"

    def _schema(self, found: Raw) -> pa.Schema:
        own = self._served.dossier
        return columns.own(own.inputs, found.schema, own.answers)

    def _raw(self) -> contextlib.AbstractContextManager[Raw]:
        inputs, asked = self._served.dossier.inputs, self._asked
        if asked.file:
            return raw.of_file(asked.file, inputs)
        return raw.of_query(self._settings.warehouse_url, asked.query, inputs, asked.interval)

    def _sink(self, found: Raw) -> contextlib.AbstractContextManager[Sink]:
        asked, schema = self._asked, self._schema(found)
        told = Told(self._served.ref, asked.interval, self._run.as_of)
        if asked.to:
            return sinks.into_file(asked.to, schema, told)
        key = [column.name for column in self._served.dossier.inputs.key]
        return sinks.into_table(self._settings.warehouse_url, asked.into, schema, key, told)


@contextlib.contextmanager
def _refusals_on_record(use_case: UseCase, run: Run, records: Records) -> Iterator[None]:
    try:
        yield
    except DataRefused as refusal:
        about = f"{run.key}/{refusal}"  # said again, a run may be refused for another reason
        records.decisions.record(
            Decision(
                id=decision_id(use_case.name, "scoring", about), use_case=use_case.name,
                kind="scoring", outcome="refused", sentence=f"Scored nothing: {refusal}",
                evidence={}, as_of=run.as_of, run_key=run.key, actor=run.actor,
            )
        )  # fmt: skip
        raise

"""Walk a recipe forward: each block of rows is answered by the fit that could have served it.

    walked = walk(recipe, rows, folds.judging, memory)
    joined([block.output for block in walked.blocks])      # none of the rows was seen by its fit

A fit is named by recipe, rows and package versions. Answers of a block whose fit was made before,
for the very same rows, are taken from the walk before: tomorrow's walk fits only what is new.

Answers are of all classes, whichever the fits had met: a recipe that learns from a short window is
measured as the others are.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evergreen.data.splits import Fold, stretch
from evergreen.learning import answers
from evergreen.learning.computing import LOCAL, Compute, Fit, Made
from evergreen.learning.models import Output
from evergreen.learning.recipes import Recipe
from evergreen.learning.rows import Rows
from evergreen.learning.weighing import weights
from evergreen.refs import Effort

Array = NDArray[Any]

LIMIT = 2_000_000
"""The most answers of other fits that are kept of a recipe, the newest."""


@dataclass(frozen=True)
class Answered:
    """One block, and what its fit said of it."""

    fold: Fold
    fit: str
    """Digest of recipe, training rows and package versions."""
    names: "NDArray[np.uint64]"
    """Of the rows that were answered (see `Rows.names`)."""
    labels: Array
    probabilities: Array | None
    classes: Array | None

    @property
    def output(self) -> Output:
        """Return the answers as a model gives them."""
        return Output(self.labels, self.probabilities, self.classes)


@dataclass(frozen=True)
class Walked:
    """A recipe's answers to rows that its fits had not seen."""

    blocks: Sequence[Answered]
    effort: Effort

    @property
    def fitted(self) -> int:
        """How many fits this walk made; the others were known."""
        return self.effort.fits


class Memory(Protocol):
    """What earlier walks answered, by recipe."""

    def recall(self, recipe: str) -> "Known | None":
        """Return the answers that are kept of the recipe of that digest."""

    def keep(self, recipe: str, known: "Known") -> None:
        """Keep answers in place of those that were kept."""


@dataclass(frozen=True)
class Job:
    """A recipe, what it is to walk over, and what it is remembered by."""

    recipe: Recipe
    folds: Sequence[Fold]
    memory: Memory


def walk(
    recipe: Recipe,
    rows: Rows,
    folds: Sequence[Fold],
    memory: Memory,
    compute: Compute = LOCAL,
) -> Walked:
    """Answer every fold's test rows by a fit of those of its training rows that the window holds.

    Whatever the estimator raises passes through.
    """
    return next(walks([Job(recipe, folds, memory)], rows, compute))


def walks(jobs: Sequence[Job], rows: Rows, compute: Compute) -> Iterator[Walked]:
    """Yield the walk of each job, in their order; the fits of all of them may be made side by side.

    No two jobs may be of the same recipe and memory.
    """
    planned = [_Planned.of(job, rows) for job in jobs]
    made = compute.run([fit for one in planned for fit in one.fits], rows)
    for one in planned:
        yield one.walked(made)


@dataclass(frozen=True)
class _Planned:
    """A job, and which of its fits are known."""

    job: Job
    before: "Known | None"
    blocks: Sequence[Answered | Fit]
    """A fit: it is to be made."""
    names: Sequence[tuple[str, "NDArray[np.uint64]"]]
    """Of each block: of the fit, and of the rows that it answers."""
    rows: Rows

    @classmethod
    def of(cls, job: Job, rows: Rows) -> "_Planned":
        """Look up what is known."""
        folds = [one.within(job.recipe.window, rows.times) for one in job.folds]
        names = [(fit_digest(job.recipe, rows, one.train), rows.names[one.test]) for one in folds]
        before = job.memory.recall(job.recipe.digest)
        said = [before.answers(*name) if before else None for name in names]
        blocks = [
            Fit(job.recipe, fold) if known is None else _answered(fold, name, known, rows)
            for fold, name, known in zip(folds, names, said, strict=True)
        ]
        return cls(job, before, blocks, names, rows)

    @property
    def fits(self) -> list[Fit]:
        """Return the fits that are to be made."""
        return [block for block in self.blocks if isinstance(block, Fit)]

    def walked(self, made: Iterator[Made]) -> Walked:
        """Take what its fits answered, and keep it."""
        blocks, seconds = [], 0.0
        for block, name in zip(self.blocks, self.names, strict=True):
            if isinstance(block, Fit):
                answer = next(made)
                seconds += answer.seconds
                blocks.append(_answered(block.fold, name, answer.output, self.rows))
            else:
                blocks.append(block)
        walked = Walked(blocks, self._effort(seconds))
        if self.fits:
            self.job.memory.keep(self.job.recipe.digest, Known.of(walked).beside(self.before))
        return walked

    def _effort(self, seconds: float) -> Effort:
        rows = sum(len(fit.fold.train) for fit in self.fits)
        known = len(self.blocks) - len(self.fits)
        return Effort(fits=len(self.fits), kept=known, rows=rows, seconds=seconds)


def _answered(
    fold: Fold, name: tuple[str, "NDArray[np.uint64]"], said: Output, rows: Rows
) -> Answered:
    said = said.over(rows.classes)
    return Answered(fold, *name, said.labels, said.probabilities, said.classes)


def fit_digest(recipe: Recipe, rows: Rows, train: Array) -> str:
    """Return the name of a fit: what it learned, by which recipe, with which packages."""
    about = hashlib.sha256(json.dumps([recipe.digest, recipe.environment], sort_keys=True).encode())
    learned = stretch(train)
    about.update(np.ascontiguousarray(rows.names[learned]).data)
    if recipe.half_life:  # the names of rows say nothing of their times
        faded = weights(rows, learned, recipe.half_life)
        about.update(b"" if faded is None else np.ascontiguousarray(faded).data)
    return about.hexdigest()


def joined(outputs: Sequence[Output]) -> Output:
    """Return the answers of several folds, one after another.

    The classes are those of all folds; a fit that had not met a class gives it no probability.
    """
    labels = np.concatenate([output.labels for output in outputs])
    widths = _widths(outputs)
    known = [output.classes for output in outputs if output.classes is not None]
    if not known:
        return Output(labels, half_width=widths)
    classes = np.unique(np.concatenate(known))
    chances = [output.over(classes).probabilities for output in outputs]
    given = [one for one in chances if one is not None]
    whole = len(given) == len(chances)
    return Output(labels, np.concatenate(given) if whole else None, classes)


def _widths(outputs: Sequence[Output]) -> Array | None:
    widths = [one.half_width for one in outputs if one.half_width is not None]
    if len(widths) < len(outputs):
        return None
    pairs = zip(widths, outputs, strict=True)
    return np.concatenate([np.broadcast_to(width, len(one)) for width, one in pairs])


@dataclass(frozen=True)
class Known:
    """The answers of an earlier walk of the same recipe."""

    table: pa.Table
    """As `answers.table` has them, with `fit` and `row` (see `Rows.names`)."""

    @classmethod
    def of(cls, walked: Walked) -> "Known":
        """Keep the answers of a walk."""
        said = answers.table(joined([block.output for block in walked.blocks]))
        fits = [pa.repeat(one.fit, len(one.names)) for one in walked.blocks]
        rows = np.concatenate([one.names for one in walked.blocks])
        said = said.append_column("fit", pa.concat_arrays(fits))
        return cls(said.append_column("row", pa.array(rows)))

    @classmethod
    def unpacked(cls, content: bytes) -> "Known":
        """Read what `packed` wrote.

        Raises:
            pyarrow.ArrowException: the bytes are not a Parquet file.
        """
        return cls(pq.read_table(io.BytesIO(content)))

    def packed(self) -> bytes:
        """Return the answers as a Parquet file; the same answers are the same bytes."""
        content = io.BytesIO()
        pq.write_table(self.table, content, compression="zstd")
        return content.getvalue()

    def beside(self, before: "Known | None") -> "Known":
        """Return these answers with the others that were kept: of the choice beside the judged."""
        if before is None or before.table.schema != self.table.schema:
            return self
        mine = pc.is_in(before.table["fit"], value_set=pc.unique(self.table["fit"]))
        others = before.table.filter(pc.invert(mine))
        return Known(pa.concat_tables([others.slice(max(0, len(others) - LIMIT)), self.table]))

    def answers(self, fit: str, names: "NDArray[np.uint64]") -> Output | None:
        """Return the answers of that fit for those rows; None: not all of them are known."""
        rows = self.table.filter(pc.equal(self.table["fit"], fit))
        kept = rows["row"].to_numpy()
        if not len(kept):
            return None
        order = np.argsort(kept, kind="stable")
        found = order[np.searchsorted(kept, names, sorter=order).clip(max=len(kept) - 1)]
        if not np.array_equal(kept[found], names):
            return None
        return answers.output(rows.take(found))

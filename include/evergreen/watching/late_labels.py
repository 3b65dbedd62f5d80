"""Labels that nobody brings over HTTP: asked for by query before the live quality is looked at.

    given = collect(use_case, dossier, window, records=records, settings=settings)
    given.stored, given.conflicts, given.problem

Each answer keeps its first label. What is stored is known from the end of the window on.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pydantic_core import to_json

from evergreen.data.extraction import UNREADABLE
from evergreen.data.selection import between, enclosed
from evergreen.data.warehouse import Reading, reading
from evergreen.dossier import Answers, Dossier
from evergreen.errors import did_you_mean
from evergreen.records import Given, Records
from evergreen.records.errors import DatabaseError
from evergreen.refs import Window
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.watching.facts import GivenFacts

PREDICTION_ID = "prediction_id"


def collect(
    use_case: UseCase, own: Dossier, window: Window, *, records: Records, settings: Settings
) -> GivenFacts | None:
    """Store what the query of the labels gives for answers of the window; None: none is declared.

    A query that fails is told by the `problem`: the window is then watched without its labels.
    """
    if use_case.labels is None:
        return None
    facts = GivenFacts()
    try:
        with reading(settings.warehouse_url) as moment:
            sql = enclosed(between(use_case.labels.query, window.start, window.end))
            for rows in _read(moment, sql, own):
                fit = [one for one in rows if not own.answers.problem_of(one.label)]
                told = records.labels.give_many(use_case.name, fit, window.end)
                facts = facts.plus(told, odd=len(rows) - len(fit))
    except (DatabaseError, *UNREADABLE, LookupError) as error:
        reason = " ".join(str(error).split())
        return GivenFacts(problem=f"the labels cannot be read (labels.query): {reason}")
    return facts


def _read(moment: Reading, sql: str, own: Dossier) -> Iterator[list[Given]]:
    """Yield labels that have come, with what names their answers.

    Raises:
        LookupError: a column is missing.
        DatabaseError: the query cannot be read.
    """
    columns = {column.name: column for column in moment.columns(sql)}
    key = [column.name for column in own.inputs.key]
    named = [PREDICTION_ID] if PREDICTION_ID in columns else key
    wanted = [*named, own.answers.target]
    for name in wanted:
        if name not in columns:
            raise LookupError(f"it gives no column {name}{did_you_mean(name, columns)}")
    chosen = ", ".join(columns[name].expression for name in wanted)
    known = columns[own.answers.target].identifier
    _, batches = moment.stream(f"SELECT {chosen} FROM {sql} AS labels WHERE {known} IS NOT NULL")
    for batch in batches:
        yield _given(batch, named, own.answers)


def _given(batch: pa.RecordBatch, named: Sequence[str], answers: Answers) -> list[Given]:
    labels = list(map(answers.as_class, batch[answers.target].to_pylist()))
    if list(named) == [PREDICTION_ID]:
        ids = batch[PREDICTION_ID].to_pylist()
        return [Given(id=str(id), label=label) for id, label in zip(ids, labels, strict=True)]
    keys: list[dict[str, Any]] = batch.select(list(named)).to_pylist()
    return [
        Given(key=to_json(key).decode(), label=label)
        for key, label in zip(keys, labels, strict=True)
    ]

"""Validate a snapshot against the suite of its use case. It blocks: nothing unproved passes.

Usage::

    result = validate(snapshot, use_case, settings=settings)
    result.passed, [failure.reason for failure in result.failed], result.docs
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from evergreen.data import snapshots
from evergreen.errors import SuiteError
from evergreen.quality import data_docs, hiding, portions, quarantine, reasons, suites
from evergreen.quality.gx import ExpectationSuite, ExpectationSuiteValidationResult
from evergreen.quality.portions import Portions
from evergreen.quality.quarantine import QuarantineLog, noting
from evergreen.refs import FailedExpectation, SnapshotRef, ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

SOME = {"result_format": "SUMMARY", "partial_unexpected_count": reasons.SAMPLE}
EVERY = {"result_format": "COMPLETE"}
"""How much GX tells of the rows that fail."""
NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""Types that pandas would change for a column that holds nulls."""


@dataclass(frozen=True)
class _Looked:
    """What the suite said of some rows."""

    snapshot: SnapshotRef
    rows: Portions
    result: ExpectationSuiteValidationResult
    checks: list[reasons.Checked]
    failed: tuple[FailedExpectation, ...]

    @property
    def passed(self) -> bool:
        met = bool(self.result.success) and all(check.passed for check in self.checks)
        return met and not self.failed


def validate(
    snapshot: SnapshotRef,
    use_case: UseCase,
    *,
    kept: QuarantineLog | None = None,
    settings: Settings,
) -> ValidationRef:
    """Check the bytes of a snapshot, and publish the Data Docs page, passed or failed.

    Where `source.quarantine` allows it, rows that break an expectation about rows are put apart:
    the snapshot that is returned lacks them, and has met every expectation without them.

    Args:
        snapshot: what was extracted.
        use_case: its declaration.
        kept: where rows in quarantine are put on record; None: no row is put apart.
        settings: where snapshots, suites and pages are.

    Raises:
        SuiteError: the suite is missing, unreadable or lacks a mandatory check.
        SnapshotCorrupt: the bytes are not those of the reference.
    """
    suite = suites.load(settings.expectations_dir, use_case.name)
    if problems := suites.check_suite(suite, use_case):
        raise SuiteError(f"the suite of {use_case.name!r} is refused: {'; '.join(problems)}")
    with data_docs.opened(settings) as docs:
        looked = _look(docs, suite, snapshot, use_case, settings)
        if kept is not None and use_case.source.quarantine and not looked.passed:
            looked = _without_bad_rows(docs, suite, looked, use_case, kept, settings)
        elif kept is not None and use_case.source.quarantine:
            kept.put(use_case.name, snapshot.sha256, snapshot.as_of, ())
        columns = looked.rows.column_names
        page = docs.publish(looked.result, looked.snapshot, columns, looked.checks, looked.failed)
    return ValidationRef(
        snapshot=looked.snapshot,
        passed=looked.passed,
        checked=len(looked.checks),
        failed=looked.failed,
        docs=page,
    )


def _look(
    docs: data_docs.DataDocs,
    suite: ExpectationSuite,
    snapshot: SnapshotRef,
    use_case: UseCase,
    settings: Settings,
) -> _Looked:
    rows, source = Portions(snapshots.of(settings), snapshot), use_case.source
    result = _run(docs, suite, rows, snapshot, use_case, SOME)
    hiding.hide(result.results, source.personal)
    checks = reasons.pair(suite, result.results, rows, source.key, source.personal)
    failed = reasons.failures(checks, rows.column_names, use_case, snapshot.notes)
    return _Looked(snapshot, rows, result, checks, failed)


def _without_bad_rows(
    docs: data_docs.DataDocs,
    suite: ExpectationSuite,
    looked: _Looked,
    use_case: UseCase,
    kept: QuarantineLog,
    settings: Settings,
) -> _Looked:
    """Look again without the rows that broke expectations, if these are few, and record them."""
    broken = quarantine.broken(suite, looked.checks)
    if broken is None:
        return looked
    every = _run(docs, broken, looked.rows, looked.snapshot, use_case, EVERY)
    bad = quarantine.rows(broken, every.results, looked.rows, use_case.source)
    if told := quarantine.too_many(bad, looked.snapshot.rows, use_case.source.quarantine):
        return replace(looked, snapshot=noting(looked.snapshot, told))
    clean = quarantine.put_apart(looked.snapshot, bad, settings)
    again = _look(docs, suite, clean, use_case, settings)
    if not again.passed:
        return replace(again, snapshot=noting(clean, quarantine.in_vain(bad)))
    kept.put(use_case.name, looked.snapshot.sha256, looked.snapshot.as_of, bad)
    return replace(again, snapshot=quarantine.recorded(clean, bad))


def _run(
    docs: data_docs.DataDocs,
    suite: ExpectationSuite,
    rows: Portions,
    snapshot: SnapshotRef,
    use_case: UseCase,
    result_format: dict[str, Any],
) -> ExpectationSuiteValidationResult:
    """Run the suite, portion by portion where the rows are many."""
    given = parameters(rows.schema, snapshot, use_case)
    found = []
    for some, columns in rows.cut(suite):
        source = docs.context.data_sources.add_or_update_pandas("snapshot")
        asset = source.add_dataframe_asset(use_case.name)
        definition = asset.add_batch_definition_whole_dataframe(snapshot.sha256[:12])
        frame = to_pandas(rows.table(columns))
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        looked = batch.validate(some, result_format=result_format, expectation_parameters=given)
        _settle(looked)
        found.append(looked)
    return portions.joined(suite, found)


def _settle(found: ExpectationSuiteValidationResult) -> None:
    """Make Python's truth of numpy's, which some expectations answer with and no JSON holds."""
    for result in found.results:
        if result.success is not None:
            result.success = bool(result.success)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Convert a table so that each column keeps its type, with nulls or without."""
    columns = {
        name: column.to_pandas(types_mapper=NULLABLE.get if column.null_count else None)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def parameters(schema: pa.Schema, snapshot: SnapshotRef, use_case: UseCase) -> dict[str, Any]:
    """Return what `{"$PARAMETER": …}` may name in a suite: `as_of`, as the timestamp's type."""
    timestamp = use_case.source.timestamp
    if timestamp not in schema.names:
        return {"as_of": snapshot.as_of}
    return {"as_of": _like(schema.field(timestamp).type, snapshot.as_of)}


def _like(column: pa.DataType, moment: datetime) -> date | datetime:
    """Write a moment as values of the column are, because Python compares no others with it."""
    moment = moment.astimezone(UTC)
    if pa.types.is_date(column):
        return moment.date()
    if pa.types.is_timestamp(column) and column.tz is None:
        return moment.replace(tzinfo=None)
    return moment

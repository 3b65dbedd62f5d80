"""Validate a snapshot against the suite of its use case. It blocks: nothing unproved passes.

Usage::

    result = validate(snapshot, use_case, settings=settings)
    result.passed, [failure.reason for failure in result.failed], result.docs
"""

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from evergreen.data import snapshots
from evergreen.errors import SuiteError
from evergreen.quality import data_docs, hiding, reasons, suites
from evergreen.quality.gx import ExpectationSuite, ExpectationSuiteValidationResult
from evergreen.refs import SnapshotRef, ValidationRef
from evergreen.settings import Settings
from evergreen.spec import UseCase

NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""Types that pandas would change for a column that holds nulls."""


def validate(snapshot: SnapshotRef, use_case: UseCase, *, settings: Settings) -> ValidationRef:
    """Check the bytes of a snapshot, and publish the Data Docs page, passed or failed.

    Raises:
        SuiteError: the suite is missing, unreadable or lacks a mandatory check.
        SnapshotCorrupt: the bytes are not those of the reference.
    """
    suite = suites.load(settings.expectations_dir, use_case.name)
    if problems := suites.check_suite(suite, use_case):
        raise SuiteError(f"the suite of {use_case.name!r} is refused: {'; '.join(problems)}")
    table = snapshots.of(settings).table(snapshot.uri, snapshot.sha256)
    with data_docs.opened(settings) as docs:
        source, result = use_case.source, _run(docs, suite, table, snapshot, use_case)
        hiding.hide(result.results, source.personal)
        checks = reasons.pair(suite, result.results, table, source.key, source.personal)
        failed = reasons.failures(checks, table.column_names, use_case, snapshot.notes)
        page = docs.publish(result, snapshot, table.column_names, checks, failed)
    return ValidationRef(
        snapshot=snapshot,
        passed=not failed and bool(result.success) and all(check.passed for check in checks),
        checked=len(checks),
        failed=failed,
        docs=page,
    )


def _run(
    docs: data_docs.DataDocs,
    suite: ExpectationSuite,
    table: pa.Table,
    snapshot: SnapshotRef,
    use_case: UseCase,
) -> ExpectationSuiteValidationResult:
    asset = docs.context.data_sources.add_pandas("snapshot").add_dataframe_asset(use_case.name)
    definition = asset.add_batch_definition_whole_dataframe(snapshot.sha256[:12])
    batch = definition.get_batch(batch_parameters={"dataframe": to_pandas(table)})
    result_format = {"result_format": "SUMMARY", "partial_unexpected_count": reasons.SAMPLE}
    given = parameters(table, snapshot, use_case)
    return batch.validate(suite, result_format=result_format, expectation_parameters=given)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Convert a table so that each column keeps its type, with nulls or without."""
    columns = {
        name: column.to_pandas(types_mapper=NULLABLE.get if column.null_count else None)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def parameters(table: pa.Table, snapshot: SnapshotRef, use_case: UseCase) -> dict[str, Any]:
    """Return what `{"$PARAMETER": …}` may name in a suite: `as_of`, as the timestamp's type."""
    timestamp = use_case.source.timestamp
    if timestamp not in table.column_names:
        return {"as_of": snapshot.as_of}
    return {"as_of": _like(table.schema.field(timestamp).type, snapshot.as_of)}


def _like(column: pa.DataType, moment: datetime) -> date | datetime:
    """Write a moment as values of the column are, because Python compares no others with it."""
    moment = moment.astimezone(UTC)
    if pa.types.is_date(column):
        return moment.date()
    if pa.types.is_timestamp(column) and column.tz is None:
        return moment.replace(tzinfo=None)
    return moment

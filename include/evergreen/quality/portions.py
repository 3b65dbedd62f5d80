"""The rows of a snapshot in portions for GX, which holds what it checks whole, and masks beside it.

    rows = Portions(store, snapshot)
    for some, columns in rows.cut(suite):     # expectations, and the columns that they are about
        rows.table(columns)
    result = joined(suite, results)           # as if GX had seen all columns at once

Of many rows, a portion is all rows of a few columns. What looks at the shape of a table alone gets
columns of nothing; what may look at any column (one's own class, a query, a condition on rows) gets
all of them, and takes as much memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from evergreen.data.picking import Picked
from evergreen.data.snapshots import SnapshotStore
from evergreen.quality import own
from evergreen.quality.gx import (
    ExpectationConfiguration,
    ExpectationSuite,
    ExpectationSuiteValidationResult,
    UnexpectedRowsExpectation,
    calc_validation_statistics,
    get_expectation_impl,
)
from evergreen.quality.hiding import mentioned
from evergreen.refs import Json, SnapshotRef

CELLS = 30_000_000
"""Rows times columns that are checked at once, unless a single expectation is about more."""
SHAPE = frozenset({
    "expect_table_column_count_to_be_between", "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list", "expect_table_columns_to_match_set",
    "expect_table_row_count_to_be_between", "expect_table_row_count_to_equal",
})  # fmt: skip
"""Expectations about how many rows and which columns there are."""
Columns = tuple[str, ...]


@dataclass(frozen=True)
class Portions:
    """The rows of a snapshot; nothing of them is held."""

    store: SnapshotStore
    snapshot: SnapshotRef

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, with their Arrow types."""
        return self.store.schema(self.snapshot.uri)

    @property
    def column_names(self) -> list[str]:
        """The columns."""
        return list(self.schema.names)

    def table(self, columns: Columns | None) -> pa.Table:
        """Return columns of all rows; none: as many rows of columns of nothing; None: all.

        Raises:
            SnapshotCorrupt: the manifest or a chunk is missing, or other bytes.
        """
        uri, sha256 = self.snapshot.uri, self.snapshot.sha256
        if columns == ():
            nothing = pa.array(np.zeros(self.snapshot.rows, dtype=np.int8))
            return pa.table(dict.fromkeys(self.column_names, nothing))
        return self.store.table(uri, sha256, columns)

    def look_up(self, columns: Sequence[str], positions: Sequence[int]) -> list[Json]:
        """Return columns of some rows, in the order that is asked for."""
        if not columns:
            return [{} for _ in positions]
        rows = Picked(self.store, self.snapshot.uri, self.snapshot.sha256, columns)
        return rows.look_up(positions)

    def cut(self, suite: ExpectationSuite) -> list[tuple[ExpectationSuite, Columns | None]]:
        """Cut a suite into parts, each with the columns that it is about; None: all."""
        every = suite.expectation_configurations
        if self.snapshot.rows * len(self.column_names) <= CELLS:
            return [(suite, None)]
        found: dict[Columns | None, list[ExpectationConfiguration]] = {}
        for columns in self._bundles(every):
            found[columns] = [one for one in every if self._fits(one, columns)]
        left = {one.id: one for one in every}
        parts = []
        for columns, some in found.items():
            mine = [one for one in some if left.pop(one.id, None) is not None]
            parts.append((ExpectationSuite(name=suite.name, expectations=mine), columns))
        return [(some, columns) for some, columns in parts if some.expectations]

    def _bundles(self, every: Sequence[ExpectationConfiguration]) -> Iterator[Columns | None]:
        """Yield sets of columns; each expectation is about a part of one of them."""
        most = max(1, CELLS // self.snapshot.rows)
        asked = dict.fromkeys(self._about(one) for one in every)
        bundle: Columns = ()
        for columns in sorted((one for one in asked if one), key=self._place):
            both = tuple(dict.fromkeys((*bundle, *columns)))
            if bundle and len(both) > most:
                yield bundle
                both = columns
            bundle = both
        if bundle:
            yield bundle
        yield from (one for one in ((), None) if one in asked)

    def _fits(self, one: ExpectationConfiguration, columns: Columns | None) -> bool:
        about = self._about(one)
        if not about or not columns:
            return about == columns
        return set(about) <= set(columns)

    def _about(self, one: ExpectationConfiguration) -> Columns | None:
        """Return the columns that an expectation looks at; None: it may look at any."""
        if one.type in SHAPE:
            return ()
        named = mentioned(one.kwargs)
        asks = issubclass(get_expectation_impl(one.type), UnexpectedRowsExpectation)
        strange = asks or own.is_own(one.type) or one.kwargs.get("row_condition")
        if strange or not named or not named <= set(self.column_names):
            return None
        return tuple(name for name in self.column_names if name in named)

    def _place(self, columns: Columns) -> int:
        return self.column_names.index(columns[0])


def joined(
    suite: ExpectationSuite, found: Sequence[ExpectationSuiteValidationResult]
) -> ExpectationSuiteValidationResult:
    """Return the results of all portions as one, in the order of the suite."""
    first, *others = found
    if not others:
        return first
    results = [result for one in found for result in one.results]
    by_id = {r.expectation_config.id: r for r in results if r.expectation_config is not None}
    first.results = [by_id[one.id] for one in suite.expectation_configurations if one.id in by_id]
    statistics = calc_validation_statistics(first.results)
    first.success = statistics.success
    first.statistics = {
        "evaluated_expectations": statistics.evaluated_expectations,
        "successful_expectations": statistics.successful_expectations,
        "unsuccessful_expectations": statistics.unsuccessful_expectations,
        "success_percent": statistics.success_percent,
    }
    return first

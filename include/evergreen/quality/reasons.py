"""From GX results to reasons: one sentence for each failure, with its figure and its rows.

A check that raised, or gave no result, has failed. What follows from a missing or retyped column
is told once, by the reason that explains it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Protocol

from evergreen.personal import masked
from evergreen.plain import plain
from evergreen.quality import phrases
from evergreen.quality.gx import (
    ExpectationConfiguration,
    ExpectationSuite,
    ExpectationValidationResult,
    UnexpectedRowsExpectation,
    get_expectation_impl,
)
from evergreen.refs import FailedExpectation, Json
from evergreen.spec import UseCase

COLUMN_SET = "expect_table_columns_to_match_set"
OF_TYPE = "expect_column_values_to_be_of_type"
SAMPLE = 10
"""Failing rows that are kept of each expectation."""


class Looked(Protocol):
    """The rows that were checked."""

    @property
    def column_names(self) -> list[str]:
        """Their columns."""

    def look_up(self, columns: Sequence[str], positions: Sequence[int]) -> list[Json]:
        """Return columns of some rows, in the order that is asked for."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An expectation of the suite beside its result; None: GX gave none."""

    expectation: ExpectationConfiguration
    result: ExpectationValidationResult | None
    rows: tuple[Json, ...] = ()
    """Some of the failing rows, in plain JSON: the key, and the values that failed."""

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments, with the suite's parameters filled in."""
        source = self.expectation if self.result is None else self.result.expectation_config
        return {k: v for k, v in (source or self.expectation).kwargs.items() if k != "batch_id"}

    @property
    def requires(self) -> str:
        """What it requires of the data, in words."""
        return self._phrase.requires(self.kwargs)

    @property
    def breaks(self) -> str:
        """What the values that fail it do, in words."""
        return self._phrase.breaks(self.kwargs)

    @property
    def _phrase(self) -> phrases.Phrase:
        told = self.expectation.description or self.expectation.to_domain_obj().description
        return phrases.of(self.expectation.type, told or "")

    @property
    def passed(self) -> bool:
        """Tell whether it ran and was met."""
        return self.result is not None and self.result.success is True and not self.error

    @property
    def error(self) -> str:
        """What it raised inside GX, or why there is no result."""
        if self.result is None:
            return "it did not run"
        info = self.result.exception_info or {}
        raised = [info] if "raised_exception" in info else list(info.values())
        messages = [str(e["exception_message"]) for e in raised if e.get("raised_exception")]
        return " ".join(messages[0].split()) if messages else ""

    @property
    def figures(self) -> dict[str, Any]:
        """GX's figures: counts, observed value, sample of the unexpected."""
        return {} if self.result is None else dict(self.result.result)


def pair(
    suite: ExpectationSuite,
    results: Iterable[ExpectationValidationResult],
    table: Looked,
    key: Sequence[str],
    personal: Collection[str] = (),
) -> list[Checked]:
    """Put each expectation of the suite beside its result, in the order of the suite."""
    by_id = {r.expectation_config.id: r for r in results if r.expectation_config is not None}
    checks = (
        Checked(expectation=expectation, result=by_id.get(expectation.id))
        for expectation in suite.expectation_configurations
    )
    return [replace(check, rows=_rows(check, table, key, personal)) for check in checks]


def _rows(
    check: Checked, table: Looked, key: Sequence[str], personal: Collection[str]
) -> tuple[Json, ...]:
    """Look up the rows at the positions that GX gives.

    GX can add the key by itself, but walks over every failing row for it: 100 s for a million.
    """
    positions = check.figures.get("partial_unexpected_index_list") or []
    columns = [c for c in dict.fromkeys((*key, *_about(check))) if c in table.column_names]
    rows = table.look_up(columns, positions[:SAMPLE]) if positions else []
    found = ({name: plain(cell) for name, cell in row.items()} for row in rows)
    return tuple(masked(row, personal) for row in found)


def failures(
    checks: Sequence[Checked], columns: Sequence[str], use_case: UseCase, notes: Sequence[str]
) -> tuple[FailedExpectation, ...]:
    """Return the reasons, those that explain others first.

    `columns` are those of the snapshot; `notes` are told with the reasons that they explain.
    """
    failed = [check for check in checks if not check.passed]
    missing, retyped = _missing(failed, columns), _retyped(failed)
    told = [check for check in failed if not _follows(check, missing | retyped)]
    followers = [_about(check) for check in failed if _follows(check, missing | retyped)]
    untold = list(dict.fromkeys(notes))
    reasons = [_failure(check, columns, use_case, untold) for check in told]
    reasons = [_counting(reason, followers, missing) for reason in reasons]
    return tuple(sorted(reasons, key=lambda r: (r.expectation != COLUMN_SET, r.column is not None)))


def _missing(failed: Sequence[Checked], columns: Sequence[str]) -> set[str]:
    sets = [check.kwargs["column_set"] for check in failed if check.expectation.type == COLUMN_SET]
    return {column for expected in sets for column in expected} - set(columns)


def _retyped(failed: Sequence[Checked]) -> set[str]:
    return {c.kwargs["column"] for c in failed if c.expectation.type == OF_TYPE and not c.error}


def _about(check: Checked) -> tuple[str, ...]:
    kwargs = check.kwargs
    named = (kwargs.get(name) for name in ("column", "column_A", "column_B"))
    return tuple(column for column in (*named, *kwargs.get("column_list", ())) if column)


def _follows(check: Checked, broken: set[str]) -> bool:
    """Tell whether the check raised only because of a column that another reason is about."""
    return bool(check.error) and not broken.isdisjoint(_about(check))


def _counting(
    reason: FailedExpectation, followers: Sequence[tuple[str, ...]], missing: set[str]
) -> FailedExpectation:
    """Add how many other checks could not run for the same reason."""
    if reason.expectation == COLUMN_SET:
        silent = sum(not missing.isdisjoint(about) for about in followers)
    elif reason.expectation == OF_TYPE:
        silent = sum(reason.column in about and missing.isdisjoint(about) for about in followers)
    else:
        silent = 0
    if not silent:
        return reason
    checks = "1 other check" if silent == 1 else f"{silent} other checks"
    return replace(reason, reason=f"{reason.reason} ({checks} could not run because of it)")


def _failure(
    check: Checked, columns: Sequence[str], use_case: UseCase, untold: list[str]
) -> FailedExpectation:
    """Write the reason; the notes that explain it are told with it, and taken from `untold`."""
    column = check.kwargs.get("column")
    explained = [note for note in untold if _explains(note, check, columns, use_case)]
    untold[:] = [note for note in untold if note not in explained]
    return FailedExpectation(
        expectation=check.expectation.type,
        column=column,
        reason="; ".join([_sentence(check, columns, use_case), *explained]),
        rows=check.rows,
    )


def _explains(note: str, check: Checked, columns: Sequence[str], use_case: UseCase) -> bool:
    """Tell whether a note of extract names what the check found wrong."""
    if check.expectation.type == COLUMN_SET:
        return any(repr(c) in note for c in set(check.kwargs["column_set"]) - set(columns))
    source = use_case.source
    column = check.kwargs.get("column")
    return column in {*source.key, source.timestamp, source.target} and repr(column) in note


def _sentence(check: Checked, columns: Sequence[str], use_case: UseCase) -> str:
    kind, kwargs, figures = check.expectation.type, check.kwargs, check.figures
    about = phrases.subject(kwargs)
    if check.error:
        return f"{about}: “{check.requires}” could not be checked: {check.error}"
    if kind == COLUMN_SET:
        return _columns_changed(kwargs["column_set"], columns)
    if kind == "expect_table_row_count_to_be_between":
        count = figures.get("observed_value") or "no"
        return f"the snapshot has {count} rows; {check.breaks}"
    if kind == "expect_column_distinct_values_to_equal_set":
        return f"{about}: {_classes(figures)}"
    if "unexpected_count" in figures and figures.get("element_count"):
        return f"{about}: {_counted(check, use_case)}"
    observed = phrases.bare(figures.get("observed_value"))
    if kind == OF_TYPE:
        return f"{about}: the type is {observed}; expected {kwargs['type_']}"
    if issubclass(get_expectation_impl(kind), UnexpectedRowsExpectation):
        return f"{about}: {observed} of its rows {check.breaks}"
    return f"{about}: observed {observed}; {check.breaks}"


def _counted(check: Checked, use_case: UseCase) -> str:
    figures = check.figures
    share = phrases.share(figures["unexpected_count"], figures["element_count"])
    text = f"{share} {check.breaks}"
    example = _example(check.rows[0], check.kwargs, use_case) if check.rows else ""
    return f"{text}, e.g. {example}" if example else text


def _example(row: Json, kwargs: dict[str, Any], use_case: UseCase) -> str:
    where = " ".join(f"{key}={row[key]}" for key in use_case.source.key if key in row)
    columns = [kwargs.get(name) for name in ("column", "column_A", "column_B")]
    shown = [c for c in columns if c in row and c not in use_case.source.key]
    told = [str(row[c]) for c in shown if row[c] is not None]
    return " at ".join(part for part in (" and ".join(told), where) if part)


def _columns_changed(expected: Sequence[str], columns: Sequence[str]) -> str:
    missing = [column for column in expected if column not in columns]
    surplus = [column for column in columns if column not in expected]
    renamed = _renamed(missing, surplus)
    parts = [f"column {column} is missing" for column in missing]
    for column in surplus:
        hint = " (renamed?)" if column in renamed else ""
        parts.append(f"unexpected column {column}{hint}")
    return "; ".join(parts)


def _renamed(missing: Sequence[str], surplus: Sequence[str]) -> set[str]:
    if len(missing) == len(surplus) == 1:
        return set(surplus)
    return {near for column in missing for near in get_close_matches(column, surplus, n=1)}


def _classes(figures: dict[str, Any]) -> str:
    missing = sorted(figures.get("partial_missing_list") or [], key=str)
    unexpected = sorted(figures.get("partial_unexpected_list") or [], key=str)
    parts = [f"no row has {phrases.several(map(phrases.value, missing))}"] if missing else []
    if unexpected:
        parts.append(f"unexpected {phrases.several(map(phrases.value, unexpected))}")
    return "; ".join(parts) or f"observed {phrases.value(figures.get('observed_value'))}"


def observed(check: Checked, columns: Sequence[str]) -> str:
    """Write what a check found, for the table of all checks."""
    figures = check.figures
    if gone := [column for column in _about(check) if column not in columns]:
        return f"there is no column {', '.join(gone)}"
    if check.error:
        return f"could not be checked: {check.error}"
    if figures.get("element_count") is not None:
        count = figures.get("unexpected_count", 0)
        return f"{count} of {figures['element_count']} values fail"
    if figures.get("observed_value") is None:
        return "as expected" if check.passed else _classes(figures)
    found = figures["observed_value"]
    return phrases.several(found, 99) if isinstance(found, list) else phrases.bare(found)

"""What is to be predicted of a table: its kind, and which of two classes is the positive one.

label(profile, "outcome", "bad")     # Label(name="outcome_is_bad", sql="\"outcome\" = 'bad'", ...)
label(profile, "churned", None)      # a boolean, or 0 and 1, says itself which is positive
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from evergreen.data.warehouse import Reading, identifier, quoted
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.quality import profiling
from evergreen.quality.profiling import ColumnProfile, TableProfile
from evergreen.spec import Kind
from evergreen.spec.data import LONGEST


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is to be predicted, in SQL over the table."""

    name: str
    sql: str
    kind: Kind
    column: str
    """The column that it is read from."""

    @property
    def computed(self) -> bool:
        """Tell whether it is another column than the table's own."""
        return self.name != self.column


def label(moment: Reading, profile: TableProfile, target: str, positive: str | None) -> Label:
    """Return what is to be predicted; of two classes that are neither booleans nor 0 and 1 the
    rarer is positive, unless `positive` names it.

    Raises:
        DeclarationError: `positive` is no value of the column, or there are not two.
        EvergreenError: the column has one value only, or many that are no numbers.
    """
    column = profile.columns[target]
    plain = Label(name=target, sql=quoted(target), kind=_kind(column), column=target)
    if plain.kind is not Kind.BINARY:
        _refuse_positive(positive, column)
        return plain
    values = {str(value): value for value in column.values or ()}
    if positive is None and set(column.values or ()) in ({0, 1}, {False, True}):
        return plain
    if positive is not None and positive not in values:
        raise DeclarationError("positive", positive, f"one of {', '.join(values)}")
    chosen = values[positive] if positive is not None else _rarer(moment, profile, target)
    name = f"{target}_is_{re.sub(r'[^a-z0-9]+', '_', str(chosen).lower()).strip('_') or 'positive'}"
    name = name.encode()[:LONGEST].decode(errors="ignore")
    if name in profile.columns:
        raise DeclarationError("target", target, f"a table without a column {name}")
    return replace(plain, name=name, sql=f"{quoted(target)} = {_literal(chosen)}")


def with_label(profile: TableProfile, label: Label) -> TableProfile:
    """Return the profile of the rows as they are read: with a label that is computed."""
    if not label.computed:
        return profile
    nulls = profile.columns[label.column].nulls
    found = ColumnProfile(name=label.name, type="bool", nulls=nulls, values=(False, True))
    return replace(profile, columns={**profile.columns, label.name: found})


def _kind(target: ColumnProfile) -> Kind:
    if target.is_empty or (target.values is not None and len(target.values) < 2):
        raise EvergreenError(f"{target.name} has one value only: there is nothing to learn")
    if target.is_time or (target.values is None and not target.is_number):
        raise EvergreenError(
            f"{target.name} is {target.type} with many values; allowed: a number, or at most"
            f" {profiling.CLASSES} classes"
        )
    if target.values is not None and len(target.values) == 2:
        return Kind.BINARY
    classes = target.values is not None and not target.type.startswith("float")
    return Kind.MULTICLASS if classes else Kind.REGRESSION


def _refuse_positive(positive: str | None, column: ColumnProfile) -> None:
    if positive is not None:
        many = "many" if column.values is None else len(column.values)
        raise DeclarationError("positive", positive, f"nothing: {column.name} has {many} values")


def _rarer(moment: Reading, profile: TableProfile, target: str) -> Any:
    """Return the value that fewer rows have; of equals the one that sorts last."""
    name = quoted(target)
    [(value,)] = moment.query(
        f"SELECT {name} FROM {identifier(profile.table)} WHERE {name} IS NOT NULL"
        f" GROUP BY 1 ORDER BY count(*), 1 DESC LIMIT 1"
    )
    return value


def _literal(value: Any) -> str:
    """Write a value in SQL."""
    if not isinstance(value, str):
        return str(value)
    text = value.replace("'", "''")
    return f"E'{text.replace(chr(92), chr(92) * 2)}'" if chr(92) in text else f"'{text}'"

"""Which columns of a table a draft learns from, and why the others are left out.

chosen = choose(moment, profile, label, key=("id",), time="day", personal=())
chosen.features.numeric            # ("income", "debt")
chosen.sentences                   # ["Not used, as they look like ids: customer_id. ..."]
chosen.suspects                    # what alone tells the label, and is a feature nevertheless

Where nothing else is left, what is left out on a guess goes in: no draft goes live by itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evergreen import suspicion
from evergreen.data.warehouse import Reading, identifier, quoted
from evergreen.errors import EvergreenError
from evergreen.labelling import Label
from evergreen.learning.features import PART
from evergreen.quality.profiling import ColumnProfile, TableProfile
from evergreen.spec import Features
from evergreen.suspicion import Suspect

ID = re.compile(r"(^|[^a-z0-9])(id|uuid|guid|key)$", re.IGNORECASE)
"""Names of ids, of rows or of what rows are about."""
NUMBERED = re.compile(
    r"(^|[^a-z0-9])(nr|no|num|number)\.?$|(nummer|nr)$|^id[^a-z0-9]", re.IGNORECASE
)
HUMPED = re.compile(r"[a-z](Id|ID|Uuid|UUID|Nr|No|Number|Key)$")
"""Names that an id may have, and another number as well: what is the same in many rows is none."""
MOSTLY = 0.9
"""Of the values of an id so many are different."""
PERSONAL_NAME = re.compile(
    r"(^|_)(e_?mail|phone|telephone|mobile|fax|(first|last|full|middle|maiden|sur|user|customer)_?name"
    r"|name|surname|address|street|birth(_?(day|date))?|dob|date_of_birth|ssn|iban|passport|ip"
    r"|ip_address)(_|$)",
    re.IGNORECASE,
)
NUMBER = (
    r"^\s*[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+"
    r"|[0-9]{1,3}([., '\u2019\u00a0\u202f][0-9]{3})+([.,][0-9]+)?)([eE][+-]?[0-9]+)?\s*$"
)
"""As people write one: 6836.66, 6836,66, 6.836,66, 6,836.66, 6 836,66, 6'836.66."""
CODE = r"^\s*0[0-9]"
"""No number begins so, a postcode does."""
NUMBERS = 0.9
"""A text is numbers when so many of its values are."""
ROWS_OF_CATEGORY, WORDS_OF_SENTENCE = 10, 3
ENOUGH = 5
"""So many rows without a label tell what is filled in with it."""
SHOWN = 5
"""So many names stand in a sentence."""

EMPTY, OURS = "hold no value at all", "have a name that is ours"
IDS, AFTERWARDS = "look like ids", "have values only where the label is known"
PERSONAL, MANY = "are personal by their name", "have too many values"
TEXT = "are text that is numbers"
LEAKS = "alone tell the label, as if known only with it"
BACK = {
    IDS: "One that measures something goes back into features by its name.",
    AFTERWARDS: "One that is known in time goes back into features by its name.",
    TEXT: "`evergreen db import` can read them as numbers.",
    LEAKS: (
        "One that is known in time goes back into features by its name, with a higher"
        " gate.max_single_feature."
    ),
}
"""The way back, where there is one."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a draft learns from, and what it does not."""

    features: Features
    left_out: Mapping[str, Sequence[str]]
    """Names by why."""
    leaks: tuple[Suspect, ...] = ()
    """What alone tells the label, left out or not."""
    doubtful: tuple[str, ...] = ()
    """Features that are left out otherwise: nothing else is left."""

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """Those leaks that are features: nothing else is left."""
        return tuple(leak for leak in self.leaks if leak.name in self.features.columns)

    @property
    def sentences(self) -> list[str]:
        """Say what is left out, why, and the way back."""
        return _sentences(self.left_out)


def choose(
    moment: Reading, profile: TableProfile, label: Label, *,
    key: Sequence[str], time: str | None, personal: Sequence[str],
) -> Chosen:  # fmt: skip
    """Return what a model of the label may learn from.

    Raises:
        EvergreenError: no column of the table can be a feature; it says what becomes of each.
    """
    used = {label.column, time, *key}
    columns = [c for c in profile.columns.values() if c.name not in {*used, *personal}]
    left_out = _unfit(moment, profile, columns, label)
    left_out[PERSONAL] = [name for name in personal if name not in used]
    unfit = {name for names in left_out.values() for name in names}
    features = _features(moment, profile, [c for c in columns if c.name not in unfit])
    read = {*unfit, *(features.columns if features else ())}
    left_out |= _unread(moment, profile, [c for c in columns if c.name not in read])
    doubtful: tuple[str, ...] = ()
    if features is None:
        doubted = {*left_out[IDS], *left_out[AFTERWARDS]}
        features = _features(moment, profile, [c for c in columns if c.name in doubted])
        doubtful = features.columns if features else ()
    if features is None:
        raise EvergreenError(
            f"{profile.table} has no column to learn from besides {sorted(filter(None, used))}."
            f" {' '.join(_sentences(left_out)) or 'Read them from a view that joins some'}"
        )
    leaks = suspicion.leaks(moment, profile.table, key, label, features, time)
    return _without(leaks, features, left_out, doubtful)


def personal(columns: Sequence[str], told: Sequence[str | None]) -> tuple[str, ...]:
    """Return the columns that are personal by their name, but for those that reports tell."""
    return tuple(name for name in columns if PERSONAL_NAME.search(name) and name not in told)


def numbers_in_text(moment: Reading, table: str, name: str) -> tuple[int, int]:
    """Return how many values a text has, and how many are numbers; none if some are codes."""
    text = f"{quoted(name)}::text"
    [(values, numbers, codes)] = moment.query(
        f"SELECT count({text}), count(*) FILTER (WHERE {text} ~ {_pattern(NUMBER)}),"
        f" count(*) FILTER (WHERE {text} ~ {_pattern(CODE)}) FROM {identifier(table)}"
    )
    return values, 0 if codes else numbers


def numbers_each_row(moment: Reading, profile: TableProfile, column: ColumnProfile) -> bool:
    """Tell whether whole numbers are another one in each row."""
    if not column.type.startswith("int") or column.values is not None:
        return False
    rows = profile.rows - column.nulls
    if column.high - column.low + 1 < rows:
        return False
    return _different(moment, profile.table, column) == rows


def _sentences(left_out: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"Not used, as they {why}: {_some(names)}" + (f". {BACK[why]}" if why in BACK else "")
        for why, names in left_out.items()
        if names
    ]


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _pattern(expression: str) -> str:
    """Write an expression in SQL."""
    return "'" + expression.replace("'", "''") + "'"


def _without(
    leaks: Sequence[Suspect],
    features: Features,
    left_out: Mapping[str, Sequence[str]],
    doubtful: tuple[str, ...],
) -> Chosen:
    """Leave out what alone tells the label, unless nothing were left."""
    told = {leak.name for leak in leaks}
    if told >= set(features.columns):
        told = set()
    kept = Features(
        numeric=tuple(name for name in features.numeric if name not in told),
        categorical=tuple(name for name in features.categorical if name not in told),
        text=features.text,
        dates=tuple(name for name in features.dates if name not in told),
    )
    gone = [name for name in features.columns if name in told]
    out = {why: [n for n in names if n not in doubtful] for why, names in left_out.items()}
    return Chosen(
        features=kept,
        left_out={**out, LEAKS: gone},
        leaks=tuple(leaks),
        doubtful=tuple(name for name in doubtful if name not in told),
    )


def _unfit(
    moment: Reading, profile: TableProfile, columns: Sequence[ColumnProfile], label: Label
) -> dict[str, Sequence[str]]:
    """Return the columns that are better left out, by the reason."""
    relation = identifier(profile.table)
    return {
        EMPTY: [c.name for c in columns if c.is_empty],
        OURS: [c.name for c in columns if c.name == PART],
        IDS: [c.name for c in columns if _is_id(moment, profile, c)],
        AFTERWARDS: [c.name for c in columns if _is_afterwards(moment, relation, label, c)],
    }


def _unread(
    moment: Reading, profile: TableProfile, columns: Sequence[ColumnProfile]
) -> dict[str, Sequence[str]]:
    """Return by the reason what is neither number, category, sentence nor date."""
    numbers = [c.name for c in columns if _is_numbers(moment, profile.table, c)]
    return {TEXT: numbers, MANY: [c.name for c in columns if c.name not in numbers]}


def _is_numbers(moment: Reading, table: str, column: ColumnProfile) -> bool:
    values, numbers = numbers_in_text(moment, table, column.name)
    return bool(values and numbers >= NUMBERS * values)


def _features(
    moment: Reading, profile: TableProfile, columns: Sequence[ColumnProfile]
) -> Features | None:
    many, text = _texts(moment, profile.table, columns)
    numeric = tuple(c.name for c in columns if c.is_number)
    named = [c for c in columns if c.type in {"str", "bool"}]
    categorical = tuple(c.name for c in named if c.values or c.name in many)
    dates = tuple(c.name for c in columns if c.is_time and c.values != ())
    if not (numeric or categorical or text or dates):
        return None
    return Features(numeric=numeric, categorical=categorical, text=tuple(text), dates=dates)


def _texts(
    moment: Reading, table: str, columns: Sequence[ColumnProfile]
) -> tuple[list[str], list[str]]:
    """Return the text columns of many values that are categories, and those that are sentences.

    Categories have ten rows each on average, sentences three words; what is neither is left out.
    """
    categories, sentences = [], []
    for column in columns:
        if column.type != "str" or column.values is not None:
            continue
        name = quoted(column.name)
        words = rf"array_length(regexp_split_to_array(btrim({name}::text), '\s+'), 1)"
        [(rows, different, length)] = moment.query(
            f"SELECT count({name}), count(DISTINCT {name}::text), avg({words})"
            f" FROM {identifier(table)}"
        )
        if length is not None and length >= WORDS_OF_SENTENCE:
            sentences.append(column.name)
        elif rows >= ROWS_OF_CATEGORY * different:
            categories.append(column.name)
    return categories, sentences


def _is_id(moment: Reading, profile: TableProfile, column: ColumnProfile) -> bool:
    """Tell whether it is named like an id, or numbers the rows."""
    if column.values is not None or not (column.is_number or column.type == "str"):
        return False
    if ID.search(column.name) and not column.type.startswith("float"):
        return True
    if any(known.search(column.name) for known in (ID, NUMBERED, HUMPED)):
        return _is_mostly_different(moment, profile, column)
    within = column.type.startswith("int") and column.high - column.low < 2 * profile.rows
    return within and not column.nulls and numbers_each_row(moment, profile, column)


def _is_mostly_different(moment: Reading, profile: TableProfile, column: ColumnProfile) -> bool:
    """Tell whether it is another text or whole number in most rows."""
    if column.type.startswith("float") and not _is_whole(moment, profile.table, column):
        return False
    rows = profile.rows - column.nulls
    return _different(moment, profile.table, column) >= MOSTLY * rows


def _is_whole(moment: Reading, table: str, column: ColumnProfile) -> bool:
    number = f"{quoted(column.name)}::numeric"
    [(whole,)] = moment.query(
        f"SELECT bool_and({number} = trunc({number})) FROM {identifier(table)}"
    )
    return bool(whole)


def _different(moment: Reading, table: str, column: ColumnProfile) -> int:
    [(different,)] = moment.query(
        f"SELECT count(DISTINCT {quoted(column.name)}::text) FROM {identifier(table)}"
    )
    return int(different)


def _is_afterwards(moment: Reading, relation: str, label: Label, column: ColumnProfile) -> bool:
    if not column.nulls:
        return False
    [(unlabelled, before)] = moment.query(
        f"SELECT count(*), count({quoted(column.name)}) FROM {relation} WHERE ({label.sql}) IS NULL"
    )
    return bool(unlabelled >= ENOUGH and not before and column.values != ())

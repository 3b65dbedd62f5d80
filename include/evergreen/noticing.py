"""What a person should know of a table before a model learns from it: `evergreen new` says so.

unfit(moment, profile, columns, label)      # {"look like ids": ["customer_id"], ...}
leaks(moment, table, key, label, features)  # columns that alone tell the label
remarks("loans", moment, profile, ...)      # sentences: labels that are late, a rare class ...
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import pandas as pd

from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.data.warehouse import Reading, identifier, quoted
from evergreen.judging import single_feature
from evergreen.labelling import Label
from evergreen.learning.features import PART, labels_of
from evergreen.quality.profiling import ColumnProfile, TableProfile
from evergreen.spec import Features, Gate, Kind

ID = re.compile(r"(^|_)(id|uuid|guid|key)$", re.IGNORECASE)
PERSONAL = re.compile(
    r"(^|_)(e_?mail|phone|telephone|mobile|fax|(first|last|full|middle|maiden|sur|user|customer)_?name"
    r"|name|surname|address|street|birth(_?(day|date))?|dob|date_of_birth|ssn|iban|passport|ip"
    r"|ip_address)(_|$)",
    re.IGNORECASE,
)
NUMBER = r"^\s*[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*$"
SAMPLE = 20_000
"""So many rows are looked at for leaks."""
ROWS_OF_CATEGORY, WORDS_OF_SENTENCE = 10, 3
ENOUGH = 5
"""So many rows without a label tell what is filled in with it."""
FEW, RARE = 50, 0.01
"""A class is rare below so many rows, or below this share of them."""


def personal(columns: Sequence[str], told: Sequence[str | None]) -> tuple[str, ...]:
    """Return the columns that are personal by their name, but for those that reports tell."""
    return tuple(name for name in columns if PERSONAL.search(name) and name not in told)


def unfit(
    moment: Reading, profile: TableProfile, columns: Sequence[ColumnProfile], label: Label
) -> dict[str, list[str]]:
    """Return the columns that are better left out, by the reason."""
    relation = identifier(profile.table)
    return {
        "hold no value at all": [c.name for c in columns if c.values == ()],
        "have a name that is ours": [c.name for c in columns if c.name == PART],
        "look like ids": [c.name for c in columns if _is_id(moment, relation, profile.rows, c)],
        "have values only where the label is known": [
            c.name for c in columns if _is_afterwards(moment, relation, label, c)
        ],
    }


def leaks(
    moment: Reading, table: str, key: Sequence[str], label: Label, features: Features
) -> list[str]:
    """Return the columns that alone tell the label: better than the gate would let pass."""
    if not features.numeric + features.categorical + features.dates:
        return []  # sentences alone
    frame = _sample(moment, table, key, label, features)
    most = Gate.max_single_feature
    found = single_feature.scores(label.kind, label.name, features, frame)
    told = [one.feature for one in found if most is not None and one.score > most]
    return list(dict.fromkeys(told))


def remarks(
    name: str,
    moment: Reading,
    profile: TableProfile,
    label: Label,
    *,
    time: str | None,
    today: date | None,
    unread: Sequence[str],
) -> list[str]:
    """Return in sentences what else is to be known; `unread` are texts of too many values."""
    relation = identifier(profile.table)
    return [
        *_late_labels(moment, relation, profile.rows, label),
        *_rare_class(moment, relation, label),
        *_history(name, profile, time, today),
        *(said for name in unread if (said := _numbers_in_text(moment, relation, name))),
    ]


def texts(
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


def delay(moment: Reading, table: str, label: Label, time: str | None) -> timedelta:
    """Return for how long the newest rows have no label yet, in whole days."""
    if time is None:
        return timedelta(0)
    [(newest, labelled)] = moment.query(
        f"SELECT max({quoted(time)})::timestamp, max({quoted(time)}) FILTER"
        f" (WHERE ({label.sql}) IS NOT NULL)::timestamp FROM {identifier(table)}"
    )
    waits = (newest - labelled) if newest and labelled else timedelta(0)
    return timedelta(days=math.ceil(waits / timedelta(days=1)))


def _is_id(moment: Reading, relation: str, rows: int, column: ColumnProfile) -> bool:
    """Tell whether it is named like an id, or numbers the rows."""
    if column.values is not None or not column.type.startswith(("int", "str")):
        return False
    if ID.search(column.name):
        return True
    if column.type == "str" or column.high - column.low >= 2 * rows:
        return False
    [(different,)] = moment.query(f"SELECT count(DISTINCT {quoted(column.name)}) FROM {relation}")
    return bool(different == rows)


def _is_afterwards(moment: Reading, relation: str, label: Label, column: ColumnProfile) -> bool:
    if not column.nulls:
        return False
    [(unlabelled, before)] = moment.query(
        f"SELECT count(*), count({quoted(column.name)}) FROM {relation} WHERE ({label.sql}) IS NULL"
    )
    return bool(unlabelled >= ENOUGH and not before and column.values != ())


def _sample(
    moment: Reading, table: str, key: Sequence[str], label: Label, features: Features
) -> pd.DataFrame:
    """Return some rows, the same each time; half of them judge."""
    order = ", ".join(f"{quoted(name)}::text" for name in key)
    columns = [f"nullif({quoted(name)}::numeric::float8, 'NaN')" for name in features.numeric]
    columns += [f"{quoted(name)}::text" for name in features.categorical]
    columns += [f"extract(epoch FROM {quoted(name)})::float8" for name in features.dates]
    rows = moment.query(
        f"SELECT ({label.sql}), {', '.join(columns)} FROM {identifier(table)}"
        f" WHERE ({label.sql}) IS NOT NULL ORDER BY md5(concat_ws('/', {order})) LIMIT {SAMPLE}"
    )
    numeric = [*features.numeric, *features.dates]
    names = [*features.numeric, *features.categorical, *features.dates]
    frame = pd.DataFrame(rows, columns=[label.name, *names])
    frame[numeric] = frame[numeric].astype(float).replace([math.inf, -math.inf], math.nan)
    frame[label.name] = labels_of(label.kind, frame[label.name])
    return frame.assign(**{PART: [TRAINING if n % 2 else HOLDOUT for n in range(len(frame))]})


def _late_labels(moment: Reading, relation: str, rows: int, label: Label) -> Iterator[str]:
    [(missing,)] = moment.query(f"SELECT count(*) FROM {relation} WHERE ({label.sql}) IS NULL")
    if missing:
        yield (
            f"{missing:,} of {rows:,} rows have no label yet; that is no error: each is left out"
            " until it has come."
        )


def _rare_class(moment: Reading, relation: str, label: Label) -> Iterator[str]:
    if label.kind is Kind.REGRESSION:
        return
    classes = moment.query(
        f"SELECT ({label.sql})::text, count(*) FROM {relation} WHERE ({label.sql}) IS NOT NULL"
        " GROUP BY 1 ORDER BY 2"
    )
    rarest, rows = classes[0][1], sum(count for _, count in classes)
    if rarest < FEW or rarest < RARE * rows:
        yield (
            f"Only {rarest:,} of {rows:,} labels are {classes[0][0]}: few of them are held out, so"
            " what a model is worth on them is known roughly."
        )


def _history(
    name: str, profile: TableProfile, time: str | None, today: date | None
) -> Iterator[str]:
    if time is None or today is None:
        return
    column = profile.columns[time]
    newest = column.high.date() if isinstance(column.high, datetime) else column.high
    oldest = column.low.date() if isinstance(column.low, datetime) else column.low
    if today - newest > max((newest - oldest) / 5, timedelta(days=2)):
        after = newest + timedelta(days=1)
        yield (
            f"The newest row is of {newest}. If no more come, train as of then (`evergreen run"
            f" {name} --as-of {after}`), and say schedule=None."
        )


def _numbers_in_text(moment: Reading, relation: str, name: str) -> str:
    text = f"{quoted(name)}::text"
    [(values, numbers)] = moment.query(
        f"SELECT count({text}), count(*) FILTER (WHERE {text} ~ '{NUMBER}') FROM {relation}"
    )
    if not values or numbers < 0.9 * values:
        return ""
    return (
        f"{name} is text, but {numbers:,} of {values:,} values are numbers; `evergreen db import"
        " --null TEXT` reads what is none as NULL."
    )

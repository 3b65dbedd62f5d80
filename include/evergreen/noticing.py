"""What a person should know of a table before a model learns from it: `evergreen new` says so.

remarks("loans", moment, profile, label, chosen, ...)  # labels that are late, a rare class ...
"""

import math
import shlex
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from evergreen import choosing
from evergreen.choosing import Chosen
from evergreen.data.warehouse import Reading, identifier, quoted
from evergreen.judging.units import FEWEST
from evergreen.labelling import Label
from evergreen.quality.profiling import TableProfile
from evergreen.spec import Gate, Kind
from evergreen.suspicion import Suspect

FEW, RARE = 50, 0.1
"""A class is rare below so many rows, or below this share of them (of several classes: divided by
how many others there are)."""

BY_TIME, BY_KEY = 1 / 5, 1 / 4
"""The share of the rows that is held out: the newest, or by their key."""
POSITIVE = {"true", "1"}
"""The positive of two classes, as PostgreSQL writes it."""


def remarks(
    name: str,
    moment: Reading,
    profile: TableProfile,
    label: Label,
    chosen: Chosen,
    *,
    time: str | None,
    today: date | None,
) -> list[str]:
    """Return in sentences what else is to be known, what matters most first."""
    relation = identifier(profile.table)
    return [
        *_suspects(label, chosen),
        *_past(label, chosen),
        *_doubtful(chosen),
        *_late_labels(moment, relation, profile.rows, label),
        *_rare_class(moment, relation, label, BY_KEY if time is None else BY_TIME),
        *_history(name, profile, time, today),
        *_time(profile, chosen, time),
        *_other_in_each_row(moment, profile, chosen),
        *_numbers_in_text(moment, profile, chosen),
    ]


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


def _suspects(label: Label, chosen: Chosen) -> Iterator[str]:
    if chosen.suspects:
        yield (
            f"LOOK AT THIS FIRST: {_scored(chosen.suspects)} alone tells {label.name}, as a column"
            " does that is filled in together with it. It is a feature only because nothing else is"
            " left. If it is known in time, raise gate.max_single_feature"
            f" ({Gate.max_single_feature} unless declared; None: no limit), how well one feature"
            " alone may tell the label: as it is, the gate refuses every model. If it is not, take"
            " it out, and bring in columns that are."
        )


def _scored(suspects: Sequence[Suspect]) -> str:
    return ", ".join(f"{one.name} ({one.metric} {one.score:.4g})" for one in suspects)


def _past(label: Label, chosen: Chosen) -> Iterator[str]:
    for one in chosen.leaks:
        if one.rows_before:
            yield (
                f"{one.name} is {label.name} of {one.rows_before} rows before: its own past, which"
                " is no leak where it is known in time. To repeat it is what a model must beat."
            )


def _doubtful(chosen: Chosen) -> Iterator[str]:
    if chosen.doubtful:
        yield (
            f"LOOK AT THIS FIRST: {', '.join(chosen.doubtful)} would be left out, as an id is, or"
            " what is filled in only when the label is known. Nothing else is left to learn from."
        )


def _late_labels(moment: Reading, relation: str, rows: int, label: Label) -> Iterator[str]:
    [(missing,)] = moment.query(f"SELECT count(*) FROM {relation} WHERE ({label.sql}) IS NULL")
    if missing:
        yield (
            f"{missing:,} of {rows:,} rows have no label yet; that is no error: each is left out"
            " until it has come."
        )


def _rare_class(moment: Reading, relation: str, label: Label, held_out: float) -> Iterator[str]:
    if (found := rarest(moment, relation, label)) is None:
        return
    name, count, rows = found
    yield (
        f"Only {count:,} of {rows:,} labels ({count / rows:.1%}) are {name}: few of them are held"
        " out, so what a model is worth on them is known roughly."
    )
    if label.kind is Kind.BINARY and count * held_out < FEWEST:
        yield (
            f"LOOK AT THIS FIRST: about {int(count * held_out)} of them will be held out, and of"
            f" fewer than {FEWEST} the gate cannot tell whether a model is better than a baseline:"
            " it lets none pass. Hold out more (windows.holdout), wait for more of them, or let a"
            " person decide (`evergreen promote NAME --force --reason ...`)."
        )
    if label.kind is Kind.BINARY and name not in POSITIVE:
        yield "It is the negative class: --positive names the other, if the rare one is asked for."
    elif label.kind is Kind.BINARY:
        yield (
            "A floor on roc_auc alone does not say how many of the rare are found, nor how many"
            " alarms are false: look at average_precision (guessing gives their share), recall and"
            ' precision, weigh classes (class_weight="balanced"), and choose the threshold by what'
            " errors cost (business=Business(..., choose_threshold=True))."
        )


def rare_positive(moment: Reading, table: str, label: Label) -> float | None:
    """Return the share of the positive class, if it is rare."""
    found = rarest(moment, identifier(table), label) if label.kind is Kind.BINARY else None
    return found[1] / found[2] if found and found[0] in POSITIVE else None


def rarest(moment: Reading, relation: str, label: Label) -> tuple[str, int, int] | None:
    """Return the rarest class, its labels and all labels; None: it is not rare, or no class."""
    if label.kind is Kind.REGRESSION:
        return None
    classes = moment.query(
        f"SELECT ({label.sql})::text, count(*) FROM {relation} WHERE ({label.sql}) IS NOT NULL"
        " GROUP BY 1 ORDER BY 2, 1"
    )
    (name, count), rows = classes[0], sum(each for _, each in classes)
    if count >= FEW and count >= RARE * rows / max(1, len(classes) - 1):
        return None
    return name, count, rows


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


def _time(profile: TableProfile, chosen: Chosen, time: str | None) -> Iterator[str]:
    """Name what may be the time of a row: a date that each row has, and that is not personal."""
    dates = [profile.columns[name] for name in chosen.features.dates]
    found = [shlex.quote(c.name) for c in dates if c.values is None and not c.nulls]
    if time is None and found:
        yield (
            f"This may be your --time: {' or '.join(f'`--time {name}`' for name in found)}. With it"
            " the newest rows judge what older ones taught, as in service; without it, a share of"
            " the keys does, and the future may tell of the past."
        )


def _other_in_each_row(moment: Reading, profile: TableProfile, chosen: Chosen) -> Iterator[str]:
    for name in chosen.features.numeric:
        if name not in chosen.doubtful and choosing.numbers_each_row(
            moment, profile, profile.columns[name]
        ):
            yield (
                f"{name} is another whole number in each row. If it is an id, take it out of"
                " features.numeric: it tells nothing of rows to come."
            )


def _numbers_in_text(moment: Reading, profile: TableProfile, chosen: Chosen) -> Iterator[str]:
    for name in chosen.left_out.get(choosing.TEXT, ()):
        values, numbers = choosing.numbers_in_text(moment, profile.table, name)
        yield (
            f"{name} is text, but {numbers:,} of {values:,} values are numbers; `evergreen db"
            " import` reads them with how they are written (--decimal, --thousands), and what is"
            " none as NULL (--null TEXT)."
        )

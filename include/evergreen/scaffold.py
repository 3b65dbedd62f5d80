"""Propose a use case and its suite from a table: what `evergreen new` writes.

new("churn", table="customers", target="churned", settings=settings)
# include/use_cases/churn.py and expectations/churn.json: read them, and put them right
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from evergreen import choosing, drafting, labelling, noticing, panels, suspicion
from evergreen.data.warehouse import Reading, exists, identifier, quoted, reading
from evergreen.errors import DeclarationError, EvergreenError, did_you_mean
from evergreen.labelling import Label
from evergreen.quality import profiling
from evergreen.quality.profiling import TableProfile
from evergreen.settings import Settings
from evergreen.spec import TABLE, Kind
from evergreen.spec.names import check_use_case


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the person asked for."""

    name: str
    table: str
    target: str
    time: str | None
    key: tuple[str, ...]
    owner: str
    today: date | None


class Written(NamedTuple):
    """What `new` wrote, and what it has to say of it."""

    module: Path
    suite: Path
    said: tuple[str, ...]
    """What is to be known of the table, and what was left out: the same as in the module."""


def new(
    name: str,
    *,
    table: str,
    target: str,
    time: str | None = None,
    key: Sequence[str] | None = None,
    positive: str | None = None,
    settings: Settings,
    owner: str = "me",
    today: date | None = None,
) -> Written:
    """Write the use case and its suite. Nothing is ever overwritten.

    `key` may be left out when the table has a primary key. Of two classes `positive` names the one
    that a probability is given of: 1 or true, or else the rarer, if it is left out. As of `today`
    the newest row is old, or not.

    Raises:
        DeclarationError: a name that cannot be used, or an unknown table or column.
        EvergreenError: a file of that name is there, or the table is not fit to learn from.
    """
    check_use_case("name", name)
    if not TABLE.fullmatch(table):
        raise DeclarationError("table", table, "name or schema.name in [a-z0-9_]")
    paths = (settings.use_cases_dir / f"{name}.py", settings.expectations_dir / f"{name}.json")
    _refuse_overwriting(paths)
    with reading(settings.warehouse_url) as moment:
        profile = _profile(moment, table)
        asked = Request(name=name, table=table, target=target, time=time, owner=owner,
                        today=today, key=tuple(key or profile.primary_key))  # fmt: skip
        _check_request(moment, profile, asked)
        label = labelling.label(moment, profile, target, positive)
        values = _proposal(moment, profile, asked, label)
    texts = (drafting.render(values), _suite(labelling.with_label(profile, label), asked, label))
    for path, text in zip(paths, texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Written(*paths, (*values["remarks"], *values["left_out"]))


def _refuse_overwriting(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists():
            raise EvergreenError(f"{path} is there already; choose another name or delete it")


def _profile(moment: Reading, table: str) -> TableProfile:
    if not exists(moment, table):
        known = moment.tables()
        raise DeclarationError("table", table, _known(table, known))
    return profiling.profile(moment, table)


def _known(name: str, known: Iterable[str]) -> str:
    known = list(known)
    return f"one of {', '.join(known) or '(there is none)'}{did_you_mean(name, known)}"


def _check_request(moment: Reading, profile: TableProfile, asked: Request) -> None:
    named = {"target": asked.target, "time": asked.time}
    for field, column in [*named.items(), *(("key", each) for each in asked.key)]:
        if column is not None and column not in profile.columns:
            raise DeclarationError(field, column, _known(column, profile.columns))
    if not profile.rows:
        raise EvergreenError(f"the table {asked.table} is empty; load rows, then profile them")
    if asked.time is not None and not profile.columns[asked.time].is_time:
        raise DeclarationError("time", asked.time, "a date, timestamp or timestamptz column")
    for column in {*asked.key, *([asked.time] if asked.time else [])}:
        if nulls := profile.columns[column].nulls:
            raise EvergreenError(
                f"{column}: {nulls} of {profile.rows} rows are NULL; fill them, or read the rows"
                " that have it from a view"
            )
    _check_key(moment, profile, asked)


def _check_key(moment: Reading, profile: TableProfile, asked: Request) -> None:
    if not asked.key:
        raise EvergreenError(
            f"the table {asked.table} has no primary key; name the columns that identify a row"
            f" with --key (columns: {', '.join(profile.columns)})"
        )
    columns = ", ".join(quoted(column) for column in asked.key)
    relation = identifier(asked.table)
    [(distinct,)] = moment.query(
        f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {relation}) AS keys"
    )
    if distinct != profile.rows:
        raise EvergreenError(
            f"key {asked.key}: {profile.rows} rows, but {distinct} different keys;"
            " name columns that identify a row"
        )


def _proposal(
    moment: Reading, profile: TableProfile, asked: Request, label: Label
) -> dict[str, Any]:
    chosen = choosing.choose(
        moment, profile, label, key=asked.key, time=asked.time,
        personal=_personal(profile, asked, label),
    )  # fmt: skip
    features = chosen.features
    holdout, unit = _holdout(profile, asked.time)
    panel = panels.find(moment, asked.table, asked.key, asked.time, features.numeric)
    remarks = noticing.remarks(
        asked.name, moment, profile, label, chosen, time=asked.time, today=asked.today
    )
    return {
        "asked": asked,
        "label": label,
        "kind": label.kind,
        "panel": panel,
        "panel_inputs": [asked.time, *panel.entity, *features.columns] if panel else [],
        "numeric": list(features.numeric),
        "categorical": list(features.categorical),
        "text": list(features.text),
        "dates": [*features.dates, *filter(None, [asked.time])] if features.dates else [],
        "left_out": chosen.sentences,
        "suspects": [one.name for one in chosen.suspects],
        "personal": list(_personal(profile, asked, label)),
        "remarks": remarks,
        "delay": noticing.delay(moment, asked.table, label, asked.time).days,
        "holdout": holdout,
        "unit": unit,
        "min_rows": max(1, min(50, profile.rows // 8)),
        **_gate(moment, label, asked),
    }


def _personal(profile: TableProfile, asked: Request, label: Label) -> tuple[str, ...]:
    return choosing.personal(
        list(profile.columns), (label.name, label.column, asked.target, asked.time)
    )


def _holdout(profile: TableProfile, time: str | None) -> tuple[float, str]:
    """Propose a fifth of the history, or a quarter of the keys."""
    if time is None:
        return noticing.BY_KEY, ""
    column = profile.columns[time]
    seconds = (column.high - column.low).total_seconds()
    if seconds <= 0:
        raise EvergreenError(f"{time} is {column.low} in every row; a holdout by time needs more")
    for unit, length in (("days", 86_400), ("hours", 3_600), ("seconds", 1)):
        if seconds >= 10 * length:
            return round(seconds / length * noticing.BY_TIME), unit
    return 1, "seconds"


def _gate(moment: Reading, label: Label, asked: Request) -> dict[str, Any]:
    """Propose floors that a model which learnt nothing does not reach."""
    kind = label.kind
    target, relation = quoted(asked.target), identifier(asked.table)
    if kind is Kind.REGRESSION:
        number = suspicion.numbers(moment, asked.table)[asked.target]
        known = f"(SELECT {number} AS y FROM {relation} WHERE {number} IS NOT NULL) AS known"
        [(error,)] = moment.query(
            f"SELECT avg(abs(y - median)) FROM {known}, (SELECT percentile_cont(0.5)"
            f" WITHIN GROUP (ORDER BY y) AS median FROM {known}) AS middle"
        )
        return {"metric": "mae", "floors": {"mae": float(f"{error:.3g}"), "r2": 0.1}}
    if kind is Kind.BINARY:
        share = noticing.rare_positive(moment, asked.table, label)
        rare = {} if share is None else {"average_precision": float(f"{1.5 * share:.2g}")}
        return {"metric": "roc_auc", "floors": {"roc_auc": 0.6, **rare}}
    [(share,)] = moment.query(
        f"SELECT max(n)::float8 / sum(n) FROM"
        f" (SELECT count({target}) AS n FROM {relation} GROUP BY {target}) AS classes"
    )
    return {"metric": "f1", "floors": {"accuracy": min(0.99, math.ceil(share * 100 + 5) / 100)}}


def _suite(profile: TableProfile, asked: Request, label: Label) -> str:
    document = profiling.suite(
        asked.name,
        profile,
        key=asked.key,
        time=asked.time,
        target=label.name,
        classes=label.kind is not Kind.REGRESSION,
        personal=_personal(profile, asked, label),
    )
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"

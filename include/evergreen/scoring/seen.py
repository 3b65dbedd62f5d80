"""What the champion sees of a row of the source: its features, by its own code.

    seen("weather", {"date": "2026-11-20"}, records=records, settings=settings).features

Nothing is answered and nothing goes on record. The row is read as the service reads it: with the
rows that features look back at, or else the newest of the key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from evergreen.dossier import Dossier, Inputs, RawColumn
from evergreen.errors import DeclarationError, EvergreenError, did_you_mean
from evergreen.plain import plain
from evergreen.records import Records
from evergreen.scoring.story import champion
from evergreen.serving import history, newest, stored
from evergreen.serving.artifacts import Fetch
from evergreen.serving.contract import Contract, Refused, Row
from evergreen.serving.left_out import LeftOut
from evergreen.settings import Settings


@dataclass(frozen=True)
class Seen:
    """A row, and what it is to the champion."""

    use_case: str
    version: int
    raw: Row
    """What the model reads of the row itself."""
    features: Row
    """Before they are filled, scaled or encoded; None: missing."""
    stored: "Kept | None" = None
    """What is stored of the row by the champion's own definition; None: nothing."""


@dataclass(frozen=True)
class Kept:
    """Features as a training has stored them."""

    features: Row
    as_of: datetime
    run_key: str
    """Of the training that filled them last."""
    definition: str
    """Digest of the code and of all that it reads."""


def seen(
    name: str,
    key: Mapping[str, str],
    *,
    records: Records,
    settings: Settings,
    fetch: Fetch | None = None,
) -> Seen:
    """Compute the features of the row with this key.

    Args:
        name: of the use case.
        key: text of each column of the source's key; of the one that requests name a row by, where
            one is declared, these columns do.
        records: where the champion and its dossier are.
        settings: where its model and the source are.
        fetch: brings model files from elsewhere than MLflow.

    Raises:
        DeclarationError: the key has other columns.
        EvergreenError: the source has no such row, or it cannot be read.
        NoChampion: there is none.
    """
    served = champion(name, records, settings, fetch)
    contract = _by_key(served.dossier, key, settings)
    try:
        wanted = contract.one(json.dumps({"key": _typed(contract, key)}).encode()).keys
        raw, places = _read(contract, name, wanted, records, settings)
    except Refused as refused:
        raise EvergreenError(f"{refused.field}: {refused.reason}") from refused
    found = served.engine.model.named_steps["features"].transform(raw)
    dates, row = served.dossier.inputs.dates, int(places[0])
    return Seen(
        name,
        served.ref.version,
        {str(column): _told(raw[column].iloc[row]) for column in raw},
        {str(c): _told(found[c].iloc[row], moment=c in dates) for c in found},
        _kept(served.dossier.inputs, name, wanted[0], records),
    )


def _kept(inputs: Inputs, name: str, key: Row, records: Records) -> Kept | None:
    named = {column.name for column in inputs.key}
    if not inputs.definition or {*key} != named:
        return None
    found = records.features.find(name, inputs.definition, [stored.canonical(inputs.key, key)])
    if not found:
        return None
    values = stored.columns(inputs, found)
    told = {column: _told(of[0], moment=column in inputs.dates) for column, of in values.items()}
    return Kept(told, found[0].as_of, found[0].run_key, inputs.definition)


def _by_key(own: Dossier, key: Mapping[str, str], settings: Settings) -> Contract:
    """Return a contract that takes this key; a whole key is taken though requests may hold none."""
    inputs = own.inputs
    allowed = tuple(column.name for column in inputs.key)
    if not inputs.looks_back and {*key} == {*inputs.lookup}:
        allowed = inputs.lookup
    if {*key} != {*allowed}:
        strange = [name for name in key if name not in allowed]
        hint = did_you_mean(strange[0], allowed) if strange else ""
        raise DeclarationError("--key", ", ".join(key), f"{', '.join(allowed)}{hint}")
    lookup = () if inputs.looks_back else allowed
    suite = settings.expectations_dir / f"{own.use_case}.json"
    return Contract.of(replace(own, inputs=replace(inputs, lookup=lookup)), suite)


def _read(
    contract: Contract, name: str, wanted: Any, records: Records, settings: Settings
) -> tuple[pd.DataFrame, Any]:
    inputs, url = contract.inputs, settings.warehouse_url
    if not contract.looks_back:
        return newest.read(url, contract, wanted)[:2]
    left_out = LeftOut(name, inputs, records.quarantine)
    return history.read(url, contract, wanted, inputs.lookback, left_out)


def _typed(contract: Contract, key: Mapping[str, str]) -> Row:
    columns = {column.name: column for column in contract.inputs.key}
    return {name: _value(columns[name], text) for name, text in key.items()}


def _value(column: RawColumn, text: str) -> Any:
    """Return a text as JSON has such a value; what it cannot be is left, and refused later."""
    if column.is_number or column.type == "bool":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _told(value: Any, moment: bool = False) -> Any:
    if pd.isna(value):
        return None
    if moment:
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    return plain(value.item() if hasattr(value, "item") else value)

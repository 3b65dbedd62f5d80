"""The invariants of champions: gated, on rows they had not seen, in one chain, still working."""

from datetime import timedelta

import pandas as pd

from evergreen import storage
from evergreen.champions import knowledge
from evergreen.champions.promotion import previous
from evergreen.champions.proof import prove
from evergreen.data.splits import HOLDOUT, TRAINING
from evergreen.dossier import Dossier
from evergreen.errors import ModelRefused, SnapshotCorrupt
from evergreen.invariants.inspection import Found, Scene
from evergreen.learning import tracking
from evergreen.learning.features import PART
from evergreen.records import Promotion
from evergreen.refs import Json
from evergreen.storage import Damaged

EVERY_ERASURE = 1_000_000
TELLING = timedelta(minutes=15)
"""How long after it became too old nobody need have been told: the watchdog looks every five."""


def champion_passed_its_gate(scene: Scene) -> Found:
    """1: a passed gate stands behind each champion, and the alias names it."""
    found = Found(checked=_counted(scene))
    for name, (row, *_) in scene.chains.items():
        who = f"{name}: version {row.version}"
        if problem := _unproven(scene, row):
            found.failed.append(f"{who} {problem}")
        named = scene.registry.crowned(name)
        if named != row.version:
            alias = "nothing" if named is None else f"version {named}"
            found.failed.append(f"{who} is champion, but the alias names {alias}")
    return found


def _unproven(scene: Scene, row: Promotion) -> str:
    """Say why a champion has no right to be it; empty: it has."""
    if (own := scene.dossier_of(row)) is None:
        return "has no dossier; `evergreen check --repair` writes it"
    gate = scene.gate_of(row)
    if gate is None or gate.outcome != "passed":
        return "is champion without a gate that passed it"
    if gate.evidence["evaluation"]["challenger"]["sha256"] != row.sha256:
        return "holds other bytes than its gate judged"
    if own.model.sha256 != row.sha256:
        return "answers by other bytes than are on record"
    return _evidence_lost(scene, gate.evidence["evaluation"])


def _evidence_lost(scene: Scene, evaluation: Json) -> str:
    """Say why nobody can read any more what a gate judged; empty: it is there, byte for byte."""
    if not (digest := evaluation.get("sha256")):  # before digests of evidence were on record
        return ""
    try:
        storage.of(scene.settings, storage.REPORTS).read(evaluation["uri"], digest)
    except FileNotFoundError:
        return f"was judged by {evaluation['uri']}, which is gone; `evergreen restore` brings it"
    except Damaged:
        return (
            f"was judged by {evaluation['uri']}, which is damaged since; `evergreen restore`"
            " puts it back from a backup"
        )
    return ""


def evaluation_was_on_unseen_rows(scene: Scene) -> Found:
    """2: in the features that each champion was judged on, no held-out row is a training row."""
    found = Found(checked=_counted(scene))
    for name, (row, *_) in scene.chains.items():
        if (own := scene.dossier_of(row)) is None:
            found.unknown.append(f"{name}: version {row.version} has no dossier to check by")
            continue
        try:
            problem = _shared_rows(scene, own)
        except (SnapshotCorrupt, FileNotFoundError) as error:
            found.unknown.append(f"{name}: its features cannot be read: {error}")
            continue
        if problem:
            found.failed.append(f"{name}: version {row.version} {problem}")
    return found


def _shared_rows(scene: Scene, own: Dossier) -> str:
    key, time = [column.name for column in own.inputs.key], own.inputs.timestamp
    built = own.learned
    columns = list(dict.fromkeys([*key, *([time] if time else []), PART]))
    rows = scene.store.frame(built.uri, built.sha256, columns)
    training, holdout = (rows[rows[PART] == part] for part in (TRAINING, HOLDOUT))
    if training.empty or holdout.empty:
        return "was judged on an empty training or holdout"
    both = len(training[key].drop_duplicates().merge(holdout[key].drop_duplicates()))
    if both:
        return f"was judged on {both} rows that it was trained on"
    if time is not None and own.temporal:
        return _look_back(pd.to_datetime(training[time]), pd.to_datetime(holdout[time]))
    return ""


def _look_back(training: "pd.Series[pd.Timestamp]", holdout: "pd.Series[pd.Timestamp]") -> str:
    if training.max() < holdout.min():
        return ""
    return f"was trained until {training.max()} and judged from {holdout.min()} on"


def bytes_are_those_that_were_gated(scene: Scene) -> Found:
    """4: the model file of each champion has the digest that its gate judged.

    One that learned from rows that were forgotten since cannot be fitted again from what is left.
    """
    found = Found(checked=_counted(scene) + _not_again(scene))
    for name, (row, *_) in scene.chains.items():
        gate = scene.gate_of(row)
        gated = gate.evidence["evaluation"]["challenger"]["sha256"] if gate else row.sha256
        try:
            tracking.fetch_model(scene.settings, row.model_uri, gated)
        except ModelRefused as error:
            found.failed.append(f"{name}: version {row.version}: {error}")
        registered = scene.registry.versions(name).get(row.version)
        if registered != gated:
            found.failed.append(f"{name}: version {row.version} is another in the registry")
    return found


def _not_again(scene: Scene) -> str:
    """Tell which champions learned from rows that were forgotten since."""
    learned = {
        (one.use_case, version)
        for one in scene.records.erasures.newest(limit=EVERY_ERASURE)
        for version in one.versions
    }
    named = [
        f"{name} version {row.version}"
        for name, (row, *_) in scene.chains.items()
        if (name, row.version) in learned
    ]
    if not named:
        return ""
    return (
        f"; fitted on rows that were forgotten since, so not to be fitted again: {', '.join(named)}"
    )


def chain_has_no_gap(scene: Scene) -> Found:
    """5: each promotion names the one before it."""
    count = sum(map(len, scene.chains.values()))
    found = Found(checked=f"{count} promotions and rollbacks")
    for name, rows in scene.chains.items():
        befores: tuple[Promotion | None, ...] = (*rows[1:], None)
        for row, before in zip(rows, befores, strict=True):
            if row.predecessor_id != (before.id if before else None):
                found.failed.append(
                    f"{name}: promotion {row.id} (version {row.version}) names predecessor"
                    f" {row.predecessor_id}, before it comes {before.id if before else 'none'}"
                )
    return found


def champions_still_work(scene: Scene) -> Found:
    """10: the champion, and the one to go back to, load and reproduce their golden predictions."""
    found = Found(checked=_counted(scene))
    for name, rows in scene.chains.items():
        if problem := _off(scene, rows[0]):
            found.failed.append(f"{name}: version {rows[0].version} is not what it was: {problem}")
        before = previous(rows)
        if before and (problem := _off(scene, before)):
            found.failed.append(
                f"{name}: one cannot go back to version {before.version}: {problem}"
            )
    return found


def _off(scene: Scene, row: Promotion) -> str:
    """Say why a version does not work any more; empty: it does."""
    try:
        prove(scene.settings, row.run_id, row.model_uri, row.sha256, row.golden_sha256)
    except ModelRefused as error:
        return str(error)
    return ""


def knowledge_is_new_or_its_age_was_told(scene: Scene) -> Found:
    """15: no champion's knowledge is too old (`champions.knowledge`), or an alert says so.

    A retired one may know what it knew. What a broken declaration allows, nobody knows.
    """
    found, retired = Found(), scene.records.retirements.all()
    unread = scene.chains.keys() - scene.catalog.use_cases.keys() - retired.keys()
    found.unknown += [f"{name}: it is broken, or not declared any more" for name in sorted(unread)]
    limited = []
    for name, use_case in scene.catalog.use_cases.items():
        champion = scene.records.promotions.champion(name)
        if champion is None or knowledge.limit(use_case) is None or name in retired:
            continue
        limited.append(f"{name} version {champion.version}")
        problem = knowledge.too_old(use_case, champion, scene.now - TELLING)
        told = scene.records.incidents.newest(name, open=True, kind="knowledge", limit=1)
        if problem and not told:
            found.failed.append(f"{name}: {problem}, and nobody was told")
        elif problem:
            limited[-1] += f" (too old, as was told at {told[0].created_at:%Y-%m-%d %H:%M} UTC)"
    found.checked = ", ".join(limited) or "no champion's knowledge has a limit"
    return found


def _counted(scene: Scene) -> str:
    champions = [f"{name} version {rows[0].version}" for name, rows in scene.chains.items()]
    return ", ".join(champions) or "no use case has a champion yet"

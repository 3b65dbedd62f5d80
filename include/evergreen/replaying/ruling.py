"""What the gate would have ruled at a cut: the checks of `judging`, on answers that are looked up.

    ruling = rule(history, cut=12, present="forest", holdout=timedelta(days=28))
    ruling.recipe           # that is in charge from then on
    ruling.refused          # name of the check that kept the other out; empty: none did

Replayed are the size of the holdout, the floors (with "both below the floor") and the comparison
with the recipe in charge. Slices, fairness, business, baselines and the checks of the bytes that
are to serve need more than answers, and are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np

from evergreen.judging import checks
from evergreen.judging.differences import compare, has_fallen, promise
from evergreen.judging.evidence import Difference, Evidence, Origin, Role, ScoredModel, Subject
from evergreen.judging.facts import Rule, Unknown
from evergreen.judging.units import Units
from evergreen.learning import metrics
from evergreen.learning.models import Output
from evergreen.refs import Span
from evergreen.replaying.history import History


@dataclass(frozen=True)
class Ruling:
    """Which recipe is in charge from a cut on, and what kept another out."""

    recipe: str
    refused: str = ""


def rule(history: History, cut: int, present: str, holdout: timedelta) -> Ruling:
    """Hold all contenders against the recipe in charge on the newest rows with labels."""
    rows = history.known(cut, holdout)
    outputs = _outputs(history, rows)
    others = {name: output for name, output in outputs.items() if name != present}
    if not others or rows.start == rows.stop:
        return Ruling(present)
    found = _compare(history, rows, others, outputs[present])
    bar = history.use_case.gate.min_improvement
    first = max(found, key=lambda name: promise(found[name], bar))
    evidence = _evidence(history, cut, rows, outputs, first, present, found[first])
    refused = next(_refusals(history, evidence), "")
    return Ruling(present if refused else first, refused)


def best(history: History, cut: int, holdout: timedelta, among: tuple[str, ...] = ()) -> str:
    """Return the recipe with the best figure on the newest rows with labels; of equals the first
    that is declared.
    """
    rows = history.known(cut, holdout)
    sign = 1 if history.use_case.more_is_better else -1
    figures = {
        name: sign * figure(history, rows, output)
        for name, output in _outputs(history, rows, among).items()
    }
    return max(figures, key=lambda name: np.nan_to_num(figures[name], nan=-np.inf))


def figure(history: History, rows: slice, output: Output) -> float:
    """Return the gate's metric of the answers to some rows; NaN: it is not defined there."""
    metric, scale = history.use_case.gate.metric, history.use_case.scale
    return metrics.score(scale, history.truth[rows], output, [metric]).get(metric, np.nan)


def _outputs(history: History, rows: slice, among: tuple[str, ...] = ()) -> dict[str, Output]:
    names = among or contending(history)
    places = np.arange(rows.start, rows.stop)
    return {name: history.fresh(name).take(places) for name in names}


def contending(history: History) -> tuple[str, ...]:
    """Return the recipes that compete: those of the declaration that could be walked."""
    names = (one.name for one in history.use_case.contenders)
    return tuple(name for name in names if name in history.recipes)


def _compare(
    history: History, rows: slice, others: Mapping[str, Output], present: Output
) -> dict[str, Difference]:
    use_case, gate = history.use_case, history.use_case.gate
    units = Units.of_rows(use_case, history.raw.iloc[history.places[rows]].reset_index(drop=True))
    return compare(
        use_case.scale, gate.metric, history.truth[rows], others, present, units,
        confidence=gate.confidence, resamples=gate.resamples, seed=use_case.seed,
        bar=gate.min_improvement,
        fallen=has_fallen(use_case, history.truth[rows], present, units),
    )  # fmt: skip


def _refusals(history: History, evidence: Evidence) -> Iterator[str]:
    gate = history.use_case.gate
    rules: dict[str, Rule] = {"holdout_size": checks.holdout_size}
    rules |= {f"floor_{metric}": partial(checks.floor, metric=metric) for metric in gate.floors}
    rules["better_than_champion"] = checks.better_than_champion
    for name, check in rules.items():
        try:
            passed, _ = check(gate, evidence)
        except Unknown:
            passed = False
        if not passed:
            yield name


def _evidence(
    history: History,
    cut: int,
    rows: slice,
    outputs: Mapping[str, Output],
    first: str,
    present: str,
    found: Difference,
) -> Evidence:
    use_case = history.use_case
    models = [(first, Role.CHALLENGER), (present, Role.CHAMPION)]
    return Evidence(
        report_id="",
        subject=Subject(
            name=use_case.name, doc=use_case.doc, owner=use_case.owner, kind=use_case.kind,
            beside=use_case.scale.beside,
            metric=use_case.gate.metric, target=use_case.source.target,
        ),
        origin=Origin(
            as_of=history.period.cuts[cut], snapshot_uri="", snapshot_sha256="",
            features_sha256="", split="",
        ),
        training=Span(rows=0),
        holdout=Span(rows=rows.stop - rows.start),
        models=tuple(_scored(history, rows, name, role, outputs[name]) for name, role in models),
        champion_version=1,
        against_champion=found,
    )  # fmt: skip


def _scored(history: History, rows: slice, name: str, role: Role, output: Output) -> ScoredModel:
    found = metrics.score(history.use_case.scale, history.truth[rows], output)
    recipe = history.recipes[name].digest
    return ScoredModel(name=name, role=role, run_id="", recipe=recipe, metrics=found, slices={})

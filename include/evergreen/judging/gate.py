"""The gate: no model reaches users unless every check says so. It fails closed.

judge(use_case.gate, evidence)      # pure: thresholds and facts in, checks out
verdict(use_case, evaluation, settings=settings).sentence
# Kept champion v3: the challenger boosting is not better on roc_auc: +0.004 (95 % interval
# -0.010 to +0.018 must lie above 0).
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from evergreen import storage
from evergreen.errors import EvidenceCorrupt
from evergreen.judging import report
from evergreen.judging.checks import fit_rules, rules
from evergreen.judging.evidence import Evidence
from evergreen.judging.facts import BOTH_BEYOND, Rule, Unknown
from evergreen.judging.figures import figure, figures, interval, label, listed, signed
from evergreen.learning import tracking
from evergreen.refs import (
    CHANGE,
    PAPER,
    REFRESH,
    CandidateRef,
    Check,
    EvaluationRef,
    Status,
    Verdict,
)
from evergreen.settings import Settings
from evergreen.spec import Gate, UseCase, bound, is_worse
from evergreen.storage import Damaged, Store


def judge(gate: Gate, evidence: Evidence) -> tuple[Check, ...]:
    """Return every check of the recipes that the declaration asks for."""
    return tuple(check(name, rule, gate, evidence) for name, rule in rules(gate, evidence))


def inspect(gate: Gate, evidence: Evidence) -> tuple[Check, ...]:
    """Return every check of the fit that is to serve."""
    return tuple(check(name, rule, gate, evidence) for name, rule in fit_rules(gate, evidence))


def check(name: str, rule: Rule, gate: Gate, evidence: Evidence) -> Check:
    """Return the outcome of one rule; a rule that breaks has proved nothing."""
    try:
        ok, reason = rule(gate, evidence)
    except Unknown as unknown:
        return Check(name=name, status=Status.UNKNOWN, reason=str(unknown))
    except Exception as error:
        reason = f"the check itself broke: {type(error).__name__}: {error}"
        return Check(name=name, status=Status.UNKNOWN, reason=reason)
    return Check(name=name, status=Status.PASSED if ok else Status.FAILED, reason=reason)


def passed(checks: Sequence[Check]) -> bool:
    """Tell whether the gate is open: there are checks, and every one passed."""
    return bool(checks) and all(check.status == Status.PASSED for check in checks)


def verdict(use_case: UseCase, evaluation: EvaluationRef, *, settings: Settings) -> Verdict:
    """Judge the recipes and write the report, for people (HTML) and for programs (JSON).

    The report is kept in the store and with the challenger's run in MLflow. Doing it again
    writes the same bytes.

    Raises:
        EvidenceCorrupt: the evidence file is not the one that evaluate wrote.
    """
    store = storage.of(settings, storage.REPORTS)
    evidence = read(use_case, evaluation, store)
    checks = judge(use_case.gate, evidence)
    return _told(use_case, evaluation, evidence, checks, CHANGE, settings)


def approve(
    use_case: UseCase,
    recipes: Verdict,
    fitted: CandidateRef,
    evidence: Evidence,
    settings: Settings,
) -> Verdict:
    """Judge the fit that is to serve, and write the report again, with both decisions in it.

    Where a person forces it, only the fit is judged.
    """
    kind = evidence.fit.kind if evidence.fit else REFRESH
    named = fitted.recipe.name if fitted.recipe else fitted.name
    evaluation = replace(recipes.evaluation, challenger=replace(fitted, name=named))
    found = inspect(use_case.gate, evidence)
    store = storage.of(settings, storage.REPORTS)
    store.publish(f"{use_case.name}/{evaluation.report_id}/fit.json", evidence.to_text())
    words = serve(evidence, recipes, found)
    checks = (*(recipes.checks if kind == CHANGE else ()), *found)
    told = _told(use_case, evaluation, evidence, checks, kind, settings, words, recipes)
    fit = evidence.fit
    apart = fit.disagreement if fit and kind == REFRESH else None
    return replace(told, learned=fit.training if fit else None, disagreement=apart)


def _told(
    use_case: UseCase,
    evaluation: EvaluationRef,
    evidence: Evidence,
    checks: tuple[Check, ...],
    kind: str,
    settings: Settings,
    words: str = "",
    recipes: Verdict | None = None,
) -> Verdict:
    result = Verdict(
        evaluation=evaluation,
        passed=passed(checks),
        sentence=words or sentence(use_case.gate, evidence, checks),
        checks=checks,
        report=f"{use_case.name}/{evaluation.report_id}/report.html",
        kind=kind,
    )
    store = storage.of(settings, storage.REPORTS)
    written = report.files(use_case, evidence, result, settings, recipes)
    for name, text in written.items():
        store.publish(f"{use_case.name}/{evaluation.report_id}/{name}", text)
    tracking.log_report(
        settings, evaluation.challenger.run_id, written | {"evidence.json": evidence.to_text()}
    )
    return result


def read(use_case: UseCase, evaluation: EvaluationRef, store: Store) -> Evidence:
    """Return the evidence of an evaluation, if its bytes are those that evaluate wrote.

    Raises:
        EvidenceCorrupt: other bytes, or the evidence of another use case.
    """
    path = evaluation.uri
    try:
        evidence = Evidence.from_json(json.loads(store.read(path, evaluation.sha256)))
    except (Damaged, FileNotFoundError) as error:
        raise EvidenceCorrupt(f"{path} is not what evaluate wrote; run evaluate again") from error
    if (evidence.subject.name, evidence.report_id) != (use_case.name, evaluation.report_id):
        raise EvidenceCorrupt(f"{path} is about {evidence.subject.name} {evidence.report_id}")
    return evidence


def sentence(gate: Gate, evidence: Evidence, checks: Sequence[Check]) -> str:
    """Tell the decision, and what decided it, in one sentence."""
    if passed(checks):
        return _promote(gate, evidence, checks)
    kept, stopped = _kept(evidence), _stopped(checks)
    stopped.sort(key=lambda check: check.status != Status.FAILED)
    if not stopped:
        return f"{kept}: the gate has no checks, and without checks nothing is proved."
    first, *others = stopped
    also = (
        f"; {listed(label(check.name) for check in others)} did not pass either" if others else ""
    )
    return f"{kept}: {first.reason}{also}."


def serve(evidence: Evidence, recipes: Verdict, checks: Sequence[Check]) -> str:
    """Tell what is to serve, or why the fit that serves stays, in one sentence."""
    fit = evidence.fit
    if fit is None:
        return recipes.sentence
    if stopped := _stopped(checks):
        why = stopped[0].reason
        return f"{_kept(evidence)}: the new fit of {fit.name} was not let through: {why}."
    if recipes.passed:
        return recipes.sentence
    if fit.kind == PAPER:
        return f"On paper: {fit.name}, fitted on {fit.training.rows:,} rows. {recipes.sentence}"
    until = f" up to {fit.training.end:%Y-%m-%d}" if fit.training.end else ""
    before = f" (before: {fit.before.end:%Y-%m-%d})" if fit.before and fit.before.end else ""
    why = recipes.sentence.partition(": ")[2]
    return (
        f"Refreshed {fit.name}, the recipe in charge: it has learned from {fit.training.rows:,}"
        f" rows{until}{before}. No other recipe takes over: {why}"
    )


def _kept(evidence: Evidence) -> str:
    version = evidence.champion_version
    return "No champion yet" if version is None else f"Kept champion v{version}"


def _stopped(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.status != Status.PASSED]


def _promote(gate: Gate, evidence: Evidence, checks: Sequence[Check]) -> str:
    challenger = evidence.challenger
    facts = [_against_floor(gate, evidence)]
    if evidence.against_baseline:
        best = next(m for m in evidence.baselines if m.name == evidence.against_baseline.other)
        facts.append(f"baseline {best.name} {figure(best.metrics[gate.metric])}")
    whom = "as the first champion"
    if evidence.champion_version is not None and evidence.against_champion:
        found = evidence.against_champion
        whom = f"over champion v{evidence.champion_version}"
        facts.append(f"{signed(found.estimate)} against the champion, {interval(found)}")
    passing = f"all {len(checks)} checks passed ({', '.join(facts)})"
    return f"Promote {challenger.name} {whom}: {passing}{_beside(gate, checks)}."


def _beside(gate: Gate, checks: Sequence[Check]) -> str:
    """Name what else is beyond a limit, as the champion is; the metric that decides has its own."""
    found = [
        label(check.name.removeprefix("floor_"))
        for check in checks
        if BOTH_BEYOND in check.reason and check.name != f"floor_{gate.metric}"
    ]
    return f"; beyond a limit, as the champion: {listed(found)}" if found else ""


def _against_floor(gate: Gate, evidence: Evidence) -> str:
    """Tell the metric that decides, beside its floor; beyond it, only where the champion is too."""
    metric = gate.metric
    found, more = evidence.challenger.metrics[metric], evidence.subject.directions[metric]
    if metric not in gate.floors:
        return f"{metric} {figure(found)}"
    floor = gate.floors[metric]
    value, least = figures(found, floor)
    if is_worse(found, floor, more_is_better=more):
        side = "below" if more else "above"
        return f"{metric} {value}, {side} the {bound(more)} {least} as is the champion's"
    return f"{metric} {value} against the {bound(more)} {least}"

"""The report of a verdict: one HTML page for people, and the same facts as JSON for programs.

    for name, text in files(use_case, evidence, verdict, settings).items():
        ...                                        # report.json and report.html

The page needs nothing but itself: no script, no font, no style from elsewhere. The same verdict
gives the same bytes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import TypeAdapter

from evergreen.coded import coded
from evergreen.judging.evidence import Evidence, ScoredModel
from evergreen.judging.figures import behind, figure, label, listed, signed
from evergreen.judging.pictures import Blocks, Intervals, Standing
from evergreen.refs import CHANGE, FORCED, PAPER, REFRESH, UNGATED, Check, Json, Status, Verdict
from evergreen.settings import Settings
from evergreen.spec import Gate, UseCase
from evergreen.spec.lengths import percent

STAMPS = {
    CHANGE: "Promote", REFRESH: "Refreshed", FORCED: "Forced", PAPER: "On paper",
    Status.FAILED: "Refused", Status.UNKNOWN: "Not proved",
}  # fmt: skip
"""The word on the report: of what passed by its kind, of the rest by its outcome."""
ORDER = (Status.FAILED, Status.UNKNOWN, Status.PASSED)


def files(
    use_case: UseCase,
    evidence: Evidence,
    verdict: Verdict,
    settings: Settings,
    recipes: Verdict | None = None,
) -> dict[str, str]:
    """Return the texts of `report.json` and `report.html`.

    `recipes` is the gate's verdict, where `verdict` is about the fit that is to serve.
    """
    facts = document(use_case.gate, evidence, verdict, settings, recipes)
    text = json.dumps(facts, indent=1, allow_nan=False, ensure_ascii=False)
    page = render(use_case.gate, evidence, verdict, settings, recipes)
    return {"report.json": text + "\n", "report.html": page}


def document(
    gate: Gate,
    evidence: Evidence,
    verdict: Verdict,
    settings: Settings,
    recipes: Verdict | None = None,
) -> Json:
    """Return the report as plain JSON: decision, checks, thresholds, evidence and links."""
    return {
        "use_case": evidence.subject.name,
        "report_id": evidence.report_id,
        "as_of": evidence.origin.as_of.isoformat(),
        "decision": {
            "passed": verdict.passed,
            "kind": verdict.kind,
            "sentence": verdict.sentence,
            "challenger": evidence.challenger.name,
            "champion_version": evidence.champion_version,
        },
        "gate_decision": (recipes or verdict).sentence,
        "checks": [check.to_json() for check in verdict.checks],
        "recipe_checks": [check.to_json() for check in (recipes or verdict).checks],
        "gate": _declared(gate),
        "evidence": evidence.to_json(),
        "links": {model.name: run_url(settings, model.run_id) for model in evidence.models},
    }


def render(
    gate: Gate,
    evidence: Evidence,
    verdict: Verdict,
    settings: Settings,
    recipes: Verdict | None = None,
) -> str:
    """Return the HTML page."""
    judged = (recipes or verdict).checks
    fitted = [check for check in verdict.checks if recipes is not None and check not in judged]
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            gate=gate,
            evidence=evidence,
            subject=evidence.subject,
            verdict=verdict,
            judged=in_order(judged),
            fitted=in_order(fitted),
            counts={s: sum(c.status == s for c in verdict.checks) for s in ORDER},
            total=len(verdict.checks),
            outcome=outcome(verdict),
            stamp=STAMPS[verdict.kind if verdict.passed else outcome(verdict)],
            metrics=evidence.subject.directions,
            best={m: _best(evidence.models, m, more) for m, more in metrics_of(evidence).items()},
            intervals=Intervals.of(gate, evidence),
            standing=Standing.of(gate, evidence),
            walk=Blocks.of(gate, evidence),
            unasked=unasked(gate, evidence),
            links={model.name: run_url(settings, model.run_id) for model in evidence.models},
        )
    )


def _declared(gate: Gate) -> Json:
    document: Json = TypeAdapter(Gate).dump_python(replace(gate, checks=()), mode="json")
    return document | {"checks": [check.__name__ for check in gate.checks]}


def in_order(checks: Sequence[Check]) -> list[Check]:
    """Return the checks, failed first, then unknown, then passed."""
    return sorted(checks, key=lambda check: ORDER.index(check.status))


def outcome(verdict: Verdict) -> str:
    """Return the word of the stamp's colour: passed (if the gate let it), failed or unknown."""
    if verdict.passed:
        return Status.UNKNOWN if verdict.kind in UNGATED else Status.PASSED
    failed = any(check.status == Status.FAILED for check in verdict.checks)
    return Status.FAILED if failed else Status.UNKNOWN


def metrics_of(evidence: Evidence) -> dict[str, bool]:
    """Return the metrics of the use case's kind, and whether more is better."""
    return evidence.subject.directions


def unasked(gate: Gate, evidence: Evidence) -> str:
    """Tell which checks the declaration does not ask for."""
    absent = [] if evidence.subject.slices else ["slices (none is declared)"]
    if evidence.subject.sentences:
        absent.append("leak (only sentences are read)")
    if gate.max_calibration_error is None:
        absent.append("calibration (max_calibration_error is not set)")
    return f"Not asked for: {listed(absent)}." if absent else ""


def run_url(settings: Settings, run_id: str) -> str:
    """Return the address of a run in the MLflow UI, without credentials; empty: no server."""
    parts = urlsplit(settings.tracking_uri)
    if parts.scheme not in {"http", "https"}:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/", "", f"/runs/{run_id}"))


def _best(models: Sequence[ScoredModel], metric: str, more_is_better: bool) -> float:
    found = [model.metrics.get(metric, math.nan) for model in models]
    finite = [value for value in found if math.isfinite(value)]
    if not finite:
        return math.nan
    return max(finite) if more_is_better else min(finite)


@cache
def environment() -> Environment:
    """Return what our self-contained pages are made with; everything in them is escaped."""
    made = Environment(
        loader=PackageLoader("evergreen"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "figure": figure, "signed": signed, "label": label, "behind": behind, "coded": coded,
        "percent": percent,
    }  # fmt: skip
    return made

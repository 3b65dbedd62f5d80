"""The report: a page that needs nothing but itself, and the same facts as JSON."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

import evidences as e
from evergreen.judging import gate, report
from evergreen.judging.evidence import BlockScore, Evidence
from evergreen.judging.pictures import LEFT, RIGHT, Axis
from evergreen.refs import (
    CandidateRef,
    Check,
    Counts,
    EvaluationRef,
    FeaturesRef,
    SnapshotRef,
    Status,
    Verdict,
)
from evergreen.settings import Settings
from learning import AS_OF, WEATHER

USE_CASE = replace(WEATHER, gate=e.gate())
SERVED = Settings(
    home=Path(),
    database_url="",
    tracking_uri="http://ada:secret@mlflow:5000/base",
    artifacts_url="",
    use_cases_dir=Path(),
    expectations_dir=Path(),
)
KEPT = e.evidence(
    against_champion=e.difference("champion v3", -0.016),
    models=e.challenger(calibration_error=None),
)


def verdict(evidence: Evidence, checks: tuple[Check, ...] | None = None) -> Verdict:
    if checks is None:
        checks = gate.judge(USE_CASE.gate, evidence)
    sentence = gate.sentence(USE_CASE.gate, evidence, checks)
    return Verdict(
        evaluation=evaluation(),
        passed=gate.passed(checks),
        sentence=sentence,
        checks=checks,
        report="",
    )


def evaluation() -> EvaluationRef:
    span = e.evidence().training
    snapshot = SnapshotRef(
        use_case="weather", uri="", sha256="", rows=0, as_of=AS_OF, counts=Counts(taken=0)
    )
    features = FeaturesRef(
        snapshot=snapshot, uri="", sha256="", training=span, holdout=span, split=""
    )
    challenger = CandidateRef(
        name="", run_id="", model_uri="", sha256="", cv={}, metrics={}, seconds=0
    )
    return EvaluationRef(
        uri="", report_id="", challenger=challenger, champion=None, features=features
    )


def page(evidence: Evidence, settings: Settings = SERVED) -> str:
    return report.render(USE_CASE.gate, evidence, verdict(evidence), settings)


class Balance(HTMLParser):
    """Collects the tags that are open, and what the page would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        names = {"src", "srcset", "data"} | ({"href"} if tag == "link" else set())
        self.loads += [str(value) for name, value in attrs if name in names]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


EVIDENCE = {
    "promote": e.evidence(),
    "first": e.first(),
    "kept": KEPT,
    "champion unknown": e.evidence(
        models=e.champion(problem="gone", metrics={}, slices={}), against_champion=None
    ),
    "nothing known": e.first(
        models=e.challenger(problem="gone", metrics={}, slices={}, calibration_error=None),
        against_baseline=None,
        model_tests=(),
        schema=None,
        golden_difference=None,
        latency_ms=None,
        size_bytes=None,
    ),
}


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE.keys())
def test_the_page_is_sound_and_needs_nothing_but_itself(evidence: Evidence) -> None:
    html = page(evidence)

    found = Balance(html)
    assert found.open == []
    assert found.loads == []
    assert "<script" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_decision_comes_first_then_what_failed() -> None:
    html = page(KEPT)

    places = [
        html.index(word) for word in ("Kept champion v3", ">failed<", ">unknown<", ">passed<")
    ]
    assert places == sorted(places)
    assert 'class="decision failed"' in html
    assert "7 of 9 checks passed" in html


def test_the_badge_is_unknown_when_nothing_failed() -> None:
    assert 'class="decision unknown"' in page(
        e.evidence(models=e.challenger(calibration_error=None))
    )
    assert 'class="decision passed"' in page(e.evidence())


@pytest.mark.parametrize(("kind", "stamp"), [("paper", "On paper"), ("forced", "Forced")])
def test_what_the_gate_did_not_let_is_never_stamped_as_passed(kind: str, stamp: str) -> None:
    recipes = verdict(KEPT)
    fit = gate.inspect(USE_CASE.gate, KEPT)
    served = replace(recipes, passed=True, checks=fit, kind=kind, sentence="It answers.")

    html = report.render(USE_CASE.gate, KEPT, served, SERVED, recipes)

    assert 'class="decision unknown"' in html
    assert f"{stamp}<small>7 of 7 checks of the fit passed" in html
    assert "Promote" not in html


def test_a_verdict_without_checks_is_no_pass() -> None:
    html = report.render(USE_CASE.gate, e.evidence(), verdict(e.evidence(), ()), SERVED)

    assert "There are no checks, so nothing is proved." in html
    assert 'class="decision passed"' not in html


def test_shows_what_judged_and_what_serves_apart() -> None:
    recipes = verdict(KEPT)
    fit = gate.inspect(USE_CASE.gate, KEPT)
    served = replace(recipes, passed=True, checks=fit, kind="refresh", sentence="Refreshed it.")

    html = report.render(USE_CASE.gate, KEPT, served, SERVED, recipes)

    assert html.index("May the recipe take over?") < html.index("May this fit serve?")
    assert html.index("better than champion") < html.index("May this fit serve?")
    assert html.index(">agreement<") > html.index("May this fit serve?")
    assert "Refreshed<small>7 of 7 checks of the fit passed" in html


def test_draws_the_walk_block_by_block() -> None:
    days = [datetime(2026, 5, 24, tzinfo=UTC) + timedelta(days=45 * n) for n in range(4)]
    blocks = tuple(
        BlockScore(
            start=day, end=day + timedelta(days=45), rows=45, trained_rows=900,
            trained_until=day - timedelta(days=2), value=0.7 + n / 100,
        )
        for n, day in enumerate(days)
    )  # fmt: skip

    html = page(e.evidence(models=e.challenger(blocks=blocks)))

    assert html.count("learned from 900 up to") == 4
    assert "0.73 on 45 rows" in html


def test_what_users_write_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    subject = replace(e.evidence().subject, doc=evil, owner=evil)

    html = page(e.evidence(subject=subject, models=e.champion(problem=evil, metrics={})))

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_runs_are_linked_without_credentials() -> None:
    html = page(e.evidence())

    assert 'href="http://mlflow:5000/base/#/runs/run-boosting"' in html
    assert "secret" not in html
    assert report.run_url(replace(SERVED, tracking_uri="postgresql+psycopg2://u:p@h/db"), "r") == ""


def test_json_holds_the_same_facts() -> None:
    written = report.files(USE_CASE, KEPT, verdict(KEPT), SERVED)

    document = json.loads(written["report.json"])
    assert document["decision"] == {
        "passed": False,
        "kind": "change",
        "sentence": verdict(KEPT).sentence,
        "challenger": "boosting",
        "champion_version": 3,
    }
    assert [check["name"] for check in document["checks"]][:2] == ["holdout_size", "overlap"]
    assert {check["status"] for check in document["checks"]} == set(report.ORDER)
    assert Evidence.from_json(document["evidence"]) == KEPT
    assert document["gate"]["floors"] == {"roc_auc": 0.68, "log_loss": 0.6}
    assert "secret" not in json.dumps(document)


def test_the_same_verdict_gives_the_same_bytes() -> None:
    one, two = (report.files(USE_CASE, KEPT, verdict(KEPT), SERVED) for _ in range(2))

    assert one == two
    assert set(one) == {"report.html", "report.json"}


def test_pictures_stay_within_their_axis() -> None:
    html = page(KEPT)

    dots = [float(x) for x in re.findall(r'cx="([-\d.]+)"', html)]
    assert len(dots) == 7  # two comparisons, five models
    assert all(LEFT <= x <= RIGHT for x in dots)


@pytest.mark.parametrize(
    "values", [[0.0], [0.5, 0.5], [-1e-9, 1e-9], [1e6, 3e6], [float("nan")], []]
)
def test_an_axis_has_a_few_round_ticks(values: list[float]) -> None:
    axis = Axis.of(values)

    assert 2 <= len(axis.ticks) <= 9
    assert all(LEFT <= x <= RIGHT for x, _ in axis.ticks)
    assert len({label for _, label in axis.ticks}) == len(axis.ticks)


def test_says_what_was_not_asked_for() -> None:
    subject = replace(e.evidence().subject, slices=())

    words = report.unasked(e.gate(max_calibration_error=None), e.evidence(subject=subject))

    assert words == (
        "Not asked for: slices (none is declared) and calibration (max_calibration_error is not"
        " set)."
    )
    assert report.unasked(e.gate(), e.evidence()) == ""


def test_statuses_are_ordered_worst_first() -> None:
    assert report.ORDER == (Status.FAILED, Status.UNKNOWN, Status.PASSED)

"""A sentence never says what its numbers do not."""

import operator
import re
from collections.abc import Callable
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

import evidences as e
from evergreen.judging.evidence import Evidence, Interval, Role, SliceScore
from evergreen.judging.gate import judge, sentence
from evergreen.refs import Status
from evergreen.spec import Fairness

N = r"([-+]?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)"
ENDS = rf"interval {N} to {N}"

CLAIMS: list[tuple[str, Callable[..., bool]]] = [
    (
        rf"{N}(?: %| ms| MB| USD| apart)?(?: of [^,;]*)?, (?:less|fewer) than (?:the )?{N}",
        operator.lt,
    ),
    (rf"{N}(?: %| ms| MB| apart| on average)?, more than {N}", operator.gt),
    (rf"{N}(?: ms| MB| apart| on average)? \(at most {N}", operator.le),
    (rf"is {N} USD \(at least {N}", operator.ge),
    (rf"only {N} % of .*, at least {N} %", operator.lt),
    (rf"hold {N} % of .*, at least {N} %", operator.ge),
    (rf"below the floor on [a-z_]+: {N} against {N}", operator.lt),
    (rf"above the ceiling on [a-z_]+: {N} against {N}", operator.gt),
    (rf"is {N}, not below the floor {N}", operator.ge),
    (rf"is {N}, not above the ceiling {N}", operator.le),
    (rf"[a-z_]+ {N} against the floor {N}", operator.ge),
    (rf"[a-z_]+ {N} against the ceiling {N}", operator.le),
    (rf"[a-z_]+ {N}, below the floor {N}", operator.lt),
    (rf"[a-z_]+ {N}, above the ceiling {N}", operator.gt),
    (rf"{ENDS}", operator.le),
    (rf"{ENDS}, which includes 0", lambda low, high: low <= 0 <= high),
    (rf"{ENDS}, all of it worse", lambda low, high: low <= high < 0),
    (rf"{ENDS}, all of it below {N}", lambda _, high, bar: high < bar),
    (rf"better than champion .*{ENDS} must lie above {N}", lambda low, _, bar: low > bar),
    (rf"is not better on .*{ENDS} must lie above {N}", lambda low, _, bar: low <= bar),
    (rf"^better than the best baseline.*: {N} \({ENDS}\)$", lambda at, low, _: at > 0 < low),
    (rf"is not better than the baseline.*: {N} \(", lambda estimate: estimate <= 0),
    (rf"may be no better than .*: {N} \({ENDS}", lambda at, low, _: low <= 0 < at),
]


def broken(words: str) -> list[str]:
    """Return the parts of a sentence that its own numbers contradict."""
    return [
        found[0]
        for pattern, holds in CLAIMS
        for found in re.finditer(pattern, words)
        if not holds(*(float(number.replace(",", "")) for number in found.groups()))
    ]


def beside(value: float) -> st.SearchStrategy[float]:
    """Draw numbers, many of them so near to the value that they round to it."""
    near = st.sampled_from([0.0, 1e-9, -1e-9, 1e-7, -1e-7, 4e-4, -4e-4, 4e-3, -4e-3])
    return near.map(lambda off: value + off) | st.floats(value - 1, value + 1)


@st.composite
def evidences(draw: st.DrawFn) -> tuple[Evidence, float, float]:
    """Evidence whose figures lie about the thresholds, with min_improvement and min_business."""
    bar = draw(st.sampled_from([0.0, 0.005, -0.02]))
    low, estimate, high = sorted(draw(st.tuples(beside(bar), beside(0.0), beside(bar))))
    interval = {"low": low, "estimate": estimate, "high": high}
    worst = sorted(draw(st.tuples(beside(-0.15), beside(-0.15), beside(-0.15))))
    there = e.difference("champion v3", worst[0], estimate=worst[1], high=worst[2])
    least = draw(st.sampled_from([0.0, 5.0, 1300.0]))
    slices = {
        "season": {"summer": SliceScore(rows=90, metrics={}, against={"roc_auc": there})},
        "gender": {
            name: SliceScore(rows=90, metrics={"recall": draw(beside(recall))})
            for name, recall in {"f": 0.5, "m": 0.6}.items()
        },
    }
    models = e.challenger(
        metrics={"roc_auc": draw(beside(0.68)), "log_loss": draw(beside(0.6))},
        calibration_error=draw(beside(0.15)),
        business={"value": draw(beside(least))},
        interval=Interval(coverage=draw(beside(0.85)), half_width=1.0),
        slices=slices,
    )
    models = tuple(
        replace(m, business={"value": draw(beside(least))}) if m.role is Role.BASELINE else m
        for m in models
    )
    good = e.evidence(
        models=models,
        against_champion=e.difference("champion v3", **interval),
        against_baseline=e.difference("climatology", **interval),
        golden_difference=abs(draw(beside(1e-6))),
        latency_ms=draw(beside(100.0)),
        size_bytes=int(1e6 * draw(beside(100.0))),
    )
    subject = replace(good.subject, interval=0.9, unit="USD")
    return replace(good, subject=subject), bar, least


INCLUDES_0 = e.evidence(
    against_baseline=e.difference("climatology", -0.097, estimate=-0.06, high=-0.03)
)


@settings(max_examples=300, deadline=None)
@example((INCLUDES_0, 0.0, 0.0))
@given(evidences())
def test_no_sentence_says_what_its_numbers_do_not(given: tuple[Evidence, float, float]) -> None:
    evidence, bar, least = given
    fair = Fairness(slice="gender", rate="recall", most=0.1)
    gate = e.gate(min_improvement=bar, min_business=least, fairness=(fair,))

    checks = judge(gate, evidence)

    for words in [check.reason for check in checks] + [sentence(gate, evidence, checks)]:
        assert broken(words) == []


def test_the_claims_are_read_from_the_sentences() -> None:
    assert broken("-0.060 (95 % interval -0.097 to -0.030, which includes 0)")
    assert broken("one answer takes 100.0 ms, more than 100.0 ms")
    assert broken("challenger x is below the floor on roc_auc: 0.680 against 0.680")
    assert broken(
        "better than champion v3 on f1: +0.1 (95 % interval +0.0 to +0.2 must lie above 0)"
    )
    unread = [
        check.reason
        for check in judge(e.gate(min_business=5.0), e.evidence())
        if check.name != "slices"
        and check.status != Status.UNKNOWN
        and re.search(r"(than|most|above|below) .*[0-9]", check.reason)
        if not any(re.search(pattern, check.reason) for pattern, _ in CLAIMS)
    ]
    assert unread == []

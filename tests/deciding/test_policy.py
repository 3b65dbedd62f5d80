"""Every predicate of the trigger policy, on situations written by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergreen.deciding import policy
from evergreen.deciding.situation import Situation
from evergreen.records import Retrained
from evergreen.refs import Band, WindowRef
from evergreen.spec import Retraining

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seen(ago: int = 0, **changes: Any) -> WindowRef:
    """A calm window that ended so many hours ago."""
    end = NOW - ago * HOUR
    calm = WindowRef(
        use_case="weather", start=end - HOUR, end=end, champion=3, rows=100, outcome="calm",
        sentence="Nothing drifted.", metric="roc_auc", floor=0.68, drift_share=0.0,
    )  # fmt: skip
    return replace(calm, **changes)


def critical(ago: int = 0) -> WindowRef:
    return seen(ago, outcome="critical", drifted=("temp_max", "wind"), drift_share=0.5)


def poor(ago: int = 0, live: float = 0.5) -> WindowRef:
    said = f"roc_auc is {live:.3f} on 80 labels; the gate's floor is 0.680"
    band = Band(value=0.6, low=0.55, high=0.65)
    return seen(ago, outcome="critical", live=live, labelled=80, poor=(said,), estimate=band)


def together(ago: int = 0) -> WindowRef:
    return seen(ago, outcome="critical", together=("wind and humidity",), drift_share=0.5)


def slightly(window: WindowRef) -> WindowRef:
    """One column drifted besides, which by itself were a warning."""
    return replace(window, drifted=("wind",), drift_share=0.05, drift_critical=False)


def asked(hours_ago: float, outcome: str = "passed") -> Retrained:
    at = NOW - hours_ago * HOUR
    return Retrained(
        use_case="weather", window_end=at, champion=3, cause="drift",
        run_key=f"weather_training/{hours_ago}", asked_at=at, outcome=outcome,
    )  # fmt: skip


def situation(*recent: WindowRef, **changes: Any) -> Situation:
    recent = recent or (seen(),)
    return Situation(**{
        "now": NOW, "rules": Retraining(), "window": recent[0], "champion": 3, "recent": recent,
    } | changes)  # fmt: skip


DRIFTING = (critical(0), critical(1), seen(2))
DUE = situation(*DRIFTING)


@pytest.mark.parametrize(
    ("known", "outcome", "cause"),
    [
        (situation(), "no", ""),
        (situation(critical(), seen(1), seen(2)), "no", ""),
        (situation(critical(), seen(1), critical(2)), "retrain", "drift"),
        (situation(critical(), critical(1)), "retrain", "drift"),
        (situation(together(), critical(1)), "retrain", "drift"),
        (situation(seen(), critical(1), critical(2)), "retrain", "drift"),
        (situation(poor(), poor(1)), "retrain", "quality"),
        (situation(poor(), seen(1), seen(2)), "no", ""),
        (situation(*(slightly(poor(n)) for n in (0, 1))), "retrain", "quality"),
        (situation(seen(live=0.67), seen(1, live=0.67)), "no", ""),
        (situation(*(replace(poor(n), outcome="warning") for n in (0, 1))), "retrain", "quality"),
        (situation(seen(outcome="critical"), seen(1, outcome="critical")), "no", ""),
        (situation(seen(outcome="warning", drifted=("wind",)), seen(1)), "no", ""),
        (situation(seen(outcome="unknown")), "unknown", ""),
        (situation(unknown=("the rows are unknown",)), "unknown", ""),
        (situation(new_rows=49, rules=Retraining(new_rows=50)), "no", ""),
        (situation(new_rows=50, rules=Retraining(new_rows=50)), "retrain", "new rows"),
        (
            situation(seen(outcome="unknown"), new_rows=50, rules=Retraining(new_rows=50)),
            "retrain",
            "new rows",
        ),
        (situation(critical(), rules=Retraining(alarming=1, of_windows=1)), "retrain", "drift"),
    ],
)
def test_a_cause_makes_a_retraining(known: Situation, outcome: str, cause: str) -> None:
    judged = policy.judge(known)

    assert judged.outcome == outcome, judged.sentence
    assert [reason.name for reason in judged.causes] == ([cause] if cause else [])


@pytest.mark.parametrize(
    ("changes", "hold"),
    [
        ({"champion": 0}, "no champion"),
        ({"champion": 4}, "champion moved"),
        ({"champion": 4, "refreshes": (2, 3)}, "champion moved"),
        ({"champion": 4, "refreshes": (3, 4)}, None),
        ({"new_rows": 0}, "nothing new to learn"),
        ({"new_rows": 1}, None),
        ({"asked": (replace(asked(8), window_end=NOW),), "refreshes": (3,)}, "answered"),
        ({"asked": (replace(asked(8), window_end=NOW),), "refreshes": (4,)}, None),
        ({"waits": "a run of weather_training runs already"}, "waits"),
        ({"asked": (asked(5.9),)}, "cooldown"),
        ({"asked": (asked(6),)}, None),
        ({"asked": (asked(11, "refused"),)}, "back-off"),
        ({"asked": (asked(12, "refused"),)}, None),
        ({"asked": (asked(23, "refused"), asked(40, "failed"))}, "back-off"),
        ({"asked": (asked(7, "passed"), asked(8, "refused"), asked(9, "refused"))}, None),
        ({"asked": tuple(asked(150 + n, "refused") for n in range(6))}, "back-off"),
        ({"asked": tuple(asked(169 + n, "refused") for n in range(50))}, None),
        ({"asked": tuple(asked(20 * n + 7) for n in range(7))}, "budget"),
        ({"asked": tuple(asked(25 * n + 18.1) for n in range(7))}, None),
    ],
)
def test_a_hold_keeps_a_due_retraining_back(changes: dict[str, Any], hold: str | None) -> None:
    judged = policy.judge(replace(DUE, **changes))

    assert [reason.name for reason in judged.holds] == ([hold] if hold else [])
    assert judged.outcome == ("held back" if hold else "retrain")


def test_no_budget_means_no_retraining() -> None:
    judged = policy.judge(replace(DUE, rules=Retraining(budget=0)))

    assert judged.outcome == "held back"


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (DUE, "Retrain: temp_max, wind drifted in 2 of the last 3 windows."),
        (
            situation(poor(), poor(1)),
            "Retrain: live quality is poor in 2 of the last 2 windows:"
            " roc_auc is 0.500 on 80 labels; the gate's floor is 0.680.",
        ),
        (
            situation(poor(), seen(1)),
            "No retraining: Nothing drifted; live quality is poor in 1 of the last 2 windows, 2 are"
            " needed.",
        ),
        (
            replace(DUE, asked=(asked(1),)),
            "Retraining is due (temp_max, wind drifted in 2 of the last 3 windows), but held back:"
            " the last retraining was asked for at 2026-11-21 11:00 UTC;"
            " the next may start at 2026-11-21 17:00 UTC.",
        ),
        (
            replace(DUE, new_rows=0),
            "Retraining is due (temp_max, wind drifted in 2 of the last 3 windows), but held back:"
            " there is nothing new to learn: no labelled row has come or was put right since the"
            " snapshot of version 3.",
        ),
        (
            situation(critical(), new_rows=12, rules=Retraining(new_rows=500)),
            "No retraining: Nothing drifted; 1 of the last 1 windows drifted, 2 are needed;"
            " 12 of 500 new rows.",
        ),
        (
            situation(seen(outcome="unknown", sentence="Unknown: no rows."), unknown=("x",)),
            "Unknown whether to retrain: no rows. But x.",
        ),
    ],
)
def test_the_sentence_says_why(known: Situation, sentence: str) -> None:
    assert policy.judge(known).sentence == sentence


def test_the_situation_survives_json() -> None:
    assert Situation.from_json(DUE.to_json()) == DUE


@given(
    rules=st.builds(
        Retraining,
        cooldown=st.integers(0, 12).map(lambda hours: hours * HOUR),
        budget=st.integers(0, 5),
        backoff=st.sampled_from([1.0, 2.0, 3.0]),
        alarming=st.integers(1, 3),
    ),
    outcomes=st.lists(st.sampled_from(["passed", "refused", "failed", "asked"]), min_size=20),
)
def test_any_rules_are_kept_over_twenty_alarming_windows(
    rules: Retraining, outcomes: list[str]
) -> None:
    row: tuple[Retrained, ...] = ()
    judgements = []
    for hour in range(20):
        now = NOW + hour * HOUR
        recent = tuple(critical(ago - hour) for ago in range(min(3, hour + 1)))
        judged = policy.judge(situation(*recent, now=now, rules=rules, asked=row))
        judgements.append(judged)
        if judged.outcome == "retrain":
            row = (replace(asked(-hour), outcome=outcomes[hour]), *row)

    times = [each.asked_at for each in reversed(row)]
    assert len(row) <= rules.budget
    assert all(after - before >= rules.cooldown for before, after in pairwise(times))
    assert all(each.outcome == "no" for each in judgements[: rules.alarming - 1])
    assert all(
        each.outcome == "retrain" or (each.outcome == "held back" and each.holds)
        for each in judgements[rules.alarming - 1 :]
    )


def test_columns_that_drifted_only_together_are_named_as_such() -> None:
    judged = policy.judge(situation(together(), critical(1)))

    assert "temp_max, wind, wind and humidity (together) drifted in 2" in judged.sentence

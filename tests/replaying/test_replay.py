"""What the replay of tables with a known truth must find."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from evergreen.errors import DeclarationError
from evergreen.replaying import PolicyOutcome, Replay
from evergreen.spec import Candidate
from replays import CHANGE, CHURNING, DAYS, END, EQUAL, START, Memories, history, run, table


def of(done: Replay, name: str) -> PolicyOutcome:
    return next(one for one in done.policies if one.name == name)


def regained(done: Replay, name: str) -> float:
    """The share of the best policy's lead after the change, 45 days after it and later."""
    late = np.array([start >= CHANGE + timedelta(days=45) for start in done.starts])
    means = {
        one.name: float(np.array(one.over_time, dtype=float)[late].mean()) for one in done.policies
    }
    lost = means["never retrain"]
    return (means[name] - lost) / (max(means.values()) - lost)


def test_the_gate_regains_what_an_abrupt_change_took_within_45_days(churned: Replay) -> None:
    declared = of(churned, "as declared")

    assert regained(churned, "as declared") >= 0.8
    assert declared.recovery_days is not None
    assert declared.recovery_days <= 45


def test_who_never_retrains_does_not_recover(churned: Replay) -> None:
    never = of(churned, "never retrain")

    assert never.recovery_days is None
    assert never.trainings == 1
    assert never.difference.estimate is not None
    assert never.difference.estimate < -0.3


def test_a_short_window_is_what_cures(churned: Replay) -> None:
    assert of(churned, "window 30d").recovery_days is not None
    assert of(churned, "all history").recovery_days is None
    assert of(churned, "as declared").changes == 1


def test_quality_that_falls_trains_more_often_than_never_and_less_than_weekly(
    churned: Replay,
) -> None:
    trained = {one.name: one.trainings for one in churned.policies}

    assert trained["never retrain"] < trained["quality"] < trained["weekly"]
    assert of(churned, "quality").recovery_days is not None


def test_knowledge_ages_with_the_pause_between_trainings(churned: Replay) -> None:
    ages = {one.name: one.age_days for one in churned.policies}

    assert ages["weekly"] == pytest.approx(3.5, abs=0.2)
    assert ages["weekly"] < ages["monthly"] < ages["never retrain"]


def test_each_refusal_is_told_with_its_check_and_moment(churned: Replay) -> None:
    refused = of(churned, "as declared").refused

    assert set(refused) <= {"holdout_size", "floor_roc_auc", "better_than_champion"}
    assert sum(map(len, refused.values())) == len(churned.starts) - 1


@pytest.mark.parametrize("seed", [1, 2])
def test_equal_recipes_in_a_calm_year_hardly_change_places(seed: int) -> None:
    done = run(table(seed=seed), EQUAL, start=START + timedelta(days=DAYS - 365),
               policies=["never retrain"])  # fmt: skip

    declared = of(done, "as declared")
    assert declared.changes <= 1
    assert declared.worse_later == 0
    assert declared.recovery_days is None


def test_a_second_replay_fits_nothing_and_says_the_same() -> None:
    kept, raw = Memories(), table(CHANGE)
    first = run(raw, memories=kept)

    again = run(raw, memories=kept)

    assert first.fitted == first.fits > 0
    assert again.fitted == 0
    assert again.to_json() == first.to_json()


def test_a_replay_that_was_cut_short_goes_on_where_it_was() -> None:
    kept, raw, whole = Memories(), table(CHANGE), run(table(CHANGE))

    def stop(step: str) -> None:
        if "logistic_30d" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(raw, memories=kept, tell=stop)
    later = run(raw, memories=kept)

    assert 0 < later.fitted < whole.fitted


def test_a_longer_replay_fits_only_what_is_new() -> None:
    kept, raw = Memories(), table()
    first = run(raw, memories=kept, end=END - timedelta(days=14), policies=["no gate"])

    later = run(raw, memories=kept, policies=["no gate"])

    assert later.fitted <= first.fitted / 2


def test_no_answer_uses_rows_after_its_cut() -> None:
    """Labels that are flipped after a cut change no answer of the fits up to it."""
    raw = table()
    before = history(raw)
    cut = len(before.period.cuts) - 5
    late = raw["time"] > before.period.cuts[cut]
    after = history(raw.assign(left=np.where(late, 1 - raw["left"], raw["left"])))

    for name in before.recipes:
        for fit in range(cut + 1):
            ours, theirs = (one.fit(name, fit, far=True).output for one in (before, after))
            assert np.array_equal(ours.positive, theirs.positive), (name, fit)


def test_labels_that_come_late_are_known_late() -> None:
    delay = timedelta(days=30)
    late = replace(CHURNING, source=replace(CHURNING.source, label_delay=delay))

    done = run(table(), late, policies=["weekly"])

    assert of(done, "weekly").age_days == pytest.approx(33.5, abs=0.2)


def test_a_window_that_is_not_declared_can_be_asked_for() -> None:
    done = run(table(CHANGE), replace(CHURNING, candidates=CHURNING.candidates[:1]),
               policies=["window 45d"])  # fmt: skip

    assert [one.name for one in done.policies] == ["as declared", "window 45d"]
    assert of(done, "window 45d").recovery_days is None  # nobody was asked who never retrains


def odd() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=-1.0)


def test_a_candidate_that_fails_is_told_and_the_others_are_replayed() -> None:
    failing = replace(EQUAL, candidates=(*EQUAL.candidates, Candidate(name="odd", build=odd)))

    done = run(table(), failing, policies=["no gate"])

    assert list(done.problems) == ["odd"]
    assert len(done.policies) == 2


def test_of_personal_columns_a_candidate_that_fails_quotes_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    private = replace(EQUAL.source, personal=("id",))
    failing = replace(EQUAL, candidates=(*EQUAL.candidates, Candidate(name="odd", build=odd)))

    done = run(table(), replace(failing, source=private), policies=["no gate"])

    assert "The (personal) parameter" in done.problems["odd"]
    assert "'C'" not in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policies": ["wekly"]}, "did you mean 'weekly'"),
        ({"start": START}, "--from is '2025-01-01'"),
        ({"start": END}, "--to is"),
    ],
)
def test_what_cannot_be_replayed_is_told_with_what_can(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        run(table(), **options)


def test_the_document_of_the_command_holds_what_was_promised(churned: Replay) -> None:
    document = churned.to_json()

    assert list(document) == ["use_case", "metric", "more_is_better", "policies", "recommendation"]
    assert document["metric"] == "roc_auc"
    assert document["more_is_better"] is True
    names = [one["name"] for one in document["policies"]]
    assert {"as declared", "no gate", "newest rows", "never retrain", "weekly", "monthly",
            "quality", "window 30d", "all history"} <= set(names)  # fmt: skip
    for one in document["policies"]:
        assert list(one) == ["name", "metric", "difference", "age_days", "trainings", "seconds",
                             "changes", "worse_later", "recovery_days"]  # fmt: skip
        assert list(one["difference"]) == ["estimate", "low", "high"]


def test_a_replay_ends_with_what_is_labelled_by_then() -> None:
    month = timedelta(days=30)
    late = replace(CHURNING, source=replace(CHURNING.source, label_delay=month))
    raw = table()

    done = run(raw[raw["time"] <= END - month].reset_index(drop=True), late, policies=["no gate"])

    assert done.end == END - month
    assert done.starts[-1] < done.end
    assert of(done, "no gate").over_time[-1] is not None


def test_rows_of_one_class_have_no_figure_rather_than_a_good_one() -> None:
    raw = table()
    blank = raw.assign(left=raw["left"].where(raw["time"] < END - timedelta(days=60), 0))

    done = run(blank, policies=["no gate"])

    assert of(done, "no gate").over_time[-1] is None

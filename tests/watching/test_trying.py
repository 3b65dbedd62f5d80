"""A trial ends by itself, on labels that came since it began, and not because it was looked at."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from database import query, records_of
from evergreen import dossier
from evergreen.deciding import trying
from evergreen.errors import (
    ChampionBusy,
    EvergreenError,
    ModelRefused,
    StalePromotion,
    Unreachable,
)
from evergreen.judging.evidence import Difference
from evergreen.learning import tracking
from evergreen.records import Decision, TrialRow
from evergreen.refs import PromotionRef
from evergreen.serving.model_ref import ModelRef
from evergreen.spec import Release
from evergreen.steps import Run
from evergreen.watching.instead import effective_days
from learning import built, served
from watching.conftest import END, Shop, promoted

DAY = timedelta(days=1)
RUN = Run(as_of=END, asked_at=END, key="shop_monitoring/1", actor="schedule", purpose="monitor")
DIFFERENCE = Difference(
    other="", metric="roc_auc", estimate=0.0, low=0.0, high=0.0, confidence=0.98, resamples=0
)
Promotions = list[dict[str, Any]]


def truth(rows: pd.DataFrame) -> "np.ndarray":
    return rows["bought"].to_numpy()


@pytest.fixture
def promotions(monkeypatch: pytest.MonkeyPatch) -> Promotions:
    """What was to be promoted; nothing is."""
    asked: Promotions = []

    def promote(_: object, **said: Any) -> PromotionRef:
        asked.append(said)
        for trial in said["records"].trials.running("shop"):
            said["records"].trials.stop(trial.id, "promoted")
        return PromotionRef(promoted=True, champion=None, sentence=said["reason"])

    monkeypatch.setattr("evergreen.serving.trials.promote", promote)
    return asked


@pytest.fixture
def poisoned(shop: Shop) -> Shop:
    """The shop, served by a fit on labels that were turned round; the good one is version 1."""
    rows = shop.rows.assign(bought=1 - shop.rows["bought"])
    features = built(shop.use_case, rows, shop.settings)
    trained = served(shop.use_case, features, "logistic", shop.settings)
    champion = promoted(shop.settings, shop.use_case, features, trained, 2, "refresh")
    model = tracking.fetch_model(shop.settings, trained.model_uri, trained.sha256)
    return Shop(shop.use_case, rows, shop.settings, features, champion, model)


def begin(shop: Shop, version: int, strategy: str = "shadow", days: float = 90) -> TrialRow:
    """Put a version on trial, so many days ago."""
    kept = records_of(shop.settings)
    found = dossier.read(kept.dossiers, "shop", version)
    trial = kept.trials.start(
        "shop", strategy, 0.1, ModelRef.of(found).to_json(), reason="to see", actor="ada"
    )
    since = (END - days * DAY).isoformat()
    query(shop.url, f"UPDATE evergreen.releases SET started_at = '{since}' WHERE id = {trial.id}")
    return trial


def ask(
    shop: Shop, days: int, label: Callable[[pd.DataFrame], Any] = truth, each: int = 30
) -> None:
    """Let the service answer on each of the last days, and labels come."""
    for day in range(days):
        rows = shop.resampled(each, seed=day).assign(
            bought=lambda found: shop.rows["bought"].iloc[found.index].to_numpy()
        )
        shop.log(rows, end=END - day * DAY, label=label)


def conclude(shop: Shop, later: timedelta = timedelta(0), **release: Any) -> str:
    use_case = replace(shop.use_case, release=Release(**release))
    run = replace(RUN, as_of=END + later)
    return trying.conclude(use_case, run, records=records_of(shop.settings), settings=shop.settings)


def decided(shop: Shop) -> list[Decision]:
    return list(records_of(shop.settings).decisions.newest("shop", kind="trial"))


def refuse(*_: object, **__: object) -> None:
    raise ModelRefused("the store is away")


def turned(rows: pd.DataFrame) -> "np.ndarray":
    return 1 - truth(rows)


def test_a_challenger_that_surely_is_better_takes_over_after_two_weeks_of_labels(
    poisoned: Shop, promotions: Promotions
) -> None:
    begin(poisoned, 1)
    ask(poisoned, 13, turned)
    early = conclude(poisoned)
    ask(poisoned, 14, turned)

    told = conclude(poisoned)

    assert early == ""
    [promoted] = promotions
    assert promoted["reason"] == told
    assert promoted["actor"] == "monitoring"
    assert told.startswith("The shadow of version 1, look 1 of 3: roc_auc 0.8")
    assert told.endswith("It surely is better, and takes over.")
    assert [each.outcome for each in decided(poisoned)] == ["promoted"]


def test_one_that_surely_is_worse_is_withdrawn(
    shop: Shop, poisoned: Shop, promotions: Promotions
) -> None:
    trial = begin(shop, 2, "ab")
    ask(shop, 14)

    told = conclude(shop)

    assert told.endswith("It surely is worse, and is withdrawn.")
    assert promotions == []
    [ended] = records_of(shop.settings).trials.newest("shop")
    assert (ended.id, ended.outcome) == (trial.id, told)


def test_one_that_is_as_good_goes_on_and_is_looked_at_once_for_each_look(
    shop: Shop, promotions: Promotions
) -> None:
    begin(shop, 1)
    ask(shop, 20)

    told, again = conclude(shop), conclude(shop)

    assert told.endswith("It is not sure yet which of them is better, and the trial goes on.")
    assert again == ""
    assert len(decided(shop)) == 1
    assert len(records_of(shop.settings).trials.running("shop")) == 1


def test_after_the_last_look_it_is_withdrawn_whatever_it_is(
    shop: Shop, promotions: Promotions
) -> None:
    begin(shop, 1)
    ask(shop, 56, each=5)

    assert conclude(shop).endswith("It is not surely better, and is withdrawn.")
    assert records_of(shop.settings).trials.running("shop") == ()


def test_a_look_that_was_unknown_is_taken_again(
    poisoned: Shop, promotions: Promotions, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(poisoned, 1)
    ask(poisoned, 14, turned)
    with monkeypatch.context() as patch:
        patch.setattr("evergreen.watching.instead.hold", refuse)
        unknown = [conclude(poisoned) for _ in range(2)]

    told = conclude(poisoned)

    assert unknown[0].endswith("look 1 of 3: unknown, as the store is away.")
    assert unknown[0] == unknown[1]
    assert told.endswith("It surely is better, and takes over.")
    assert len(promotions) == 1
    assert [each.outcome for each in decided(poisoned)] == ["promoted", "unknown"]


def test_a_last_look_that_stays_unknown_for_a_week_ends_the_trial(
    shop: Shop, promotions: Promotions, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(shop, 1)
    ask(shop, 56, each=5)
    monkeypatch.setattr("evergreen.watching.instead.hold", refuse)
    trials, running = records_of(shop.settings).trials, []

    for days in (0, 6, 7):
        told = conclude(shop, days * DAY)
        running.append(len(trials.running("shop")))

    assert running == [1, 1, 0]
    assert told.endswith("the store is away. It stayed so, and is withdrawn.")
    assert trials.newest("shop")[0].outcome == told


def test_labels_from_before_the_trial_do_not_count(shop: Shop, promotions: Promotions) -> None:
    begin(shop, 1, days=3)
    ask(shop, 30)

    assert conclude(shop) == ""


def test_a_trial_that_a_person_ends_is_left_alone(poisoned: Shop, promotions: Promotions) -> None:
    begin(poisoned, 1)
    ask(poisoned, 14, turned)

    assert conclude(poisoned, by_hand=True) == ""
    assert decided(poisoned) == []


def test_what_a_crash_interrupted_is_made_up(
    poisoned: Shop, promotions: Promotions, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(poisoned, 1)
    ask(poisoned, 14, turned)
    with monkeypatch.context() as patch:
        patch.setattr(trying, "_carry_out", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            conclude(poisoned)

    conclude(poisoned)

    assert len(promotions) == len(decided(poisoned)) == 1


def test_a_champion_that_moved_meanwhile_ends_the_trial_and_says_so(
    poisoned: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*_: object, **__: object) -> None:
        raise StalePromotion("the champion is version 9 by now")

    monkeypatch.setattr("evergreen.serving.trials.promote", stale)
    begin(poisoned, 1)
    ask(poisoned, 14, turned)

    told = conclude(poisoned)

    assert told.endswith("It was not promoted: the champion is version 9 by now")
    assert records_of(poisoned.settings).trials.running("shop") == ()


@pytest.mark.parametrize(
    "error", [Unreachable("MLflow", "MLFLOW_TRACKING_URI", "refused"), ChampionBusy("locked")]
)
def test_a_registry_that_is_away_or_busy_ends_no_trial(
    poisoned: Shop, promotions: Promotions, monkeypatch: pytest.MonkeyPatch, error: EvergreenError
) -> None:
    def away(*_: object, **__: object) -> None:
        raise error

    begin(poisoned, 1)
    ask(poisoned, 14, turned)
    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr("evergreen.serving.trials.promote", away)
        conclude(poisoned)

    conclude(poisoned)

    assert len(promotions) == 1


@pytest.mark.parametrize(("rho", "least", "most"), [(0.0, 38, 57), (0.5, 12, 26), (0.9, 0.5, 8)])
def test_days_that_go_on_from_one_another_count_less(rho: float, least: float, most: float) -> None:
    draw = np.random.default_rng(0)
    found = []
    for _ in range(200):
        noise = draw.normal(size=56) * np.sqrt(1 - rho**2)
        means = [draw.normal()]
        for each in noise[1:]:
            means.append(rho * means[-1] + each)
        found.append(effective_days(np.repeat(means, 3), np.repeat(np.arange(56), 3)))

    assert least < np.median(found) < most


@pytest.mark.parametrize(
    ("low", "high", "days", "newest", "due", "outcome"),
    [
        (0.1, 0.2, 12, True, 1, trying.PROMOTED),
        (0.1, 0.2, 12, False, 1, trying.GOES_ON),
        (0.1, 0.2, 9, True, 1, trying.GOES_ON),
        (-0.2, -0.1, 9, False, 2, trying.GOES_ON),
        (-0.2, -0.1, 12, False, 2, trying.WITHDRAWN),
        (0.1, 0.2, 9, True, 3, trying.WITHDRAWN),
        (-0.1, 0.1, 50, True, 3, trying.WITHDRAWN),
    ],
)
def test_only_what_the_days_tell_ends_a_trial_early(
    low: float, high: float, days: float, newest: bool, due: int, outcome: str
) -> None:
    found = replace(DIFFERENCE, low=low, high=high)

    assert trying.outcome_of(found, days, newest=newest, due=due) == outcome

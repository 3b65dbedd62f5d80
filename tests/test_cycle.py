"""The whole cycle on real PostgreSQL, Great Expectations and MLflow, and what must never pass."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from database import records_of
from evergreen import catalog, cycle, steps
from evergreen.champions import promotion
from evergreen.cycle import Cycle
from evergreen.data import warehouse
from evergreen.errors import ModelRefused, StalePromotion
from evergreen.learning import models, tracking
from evergreen.serving import releases
from evergreen.settings import PROJECT, Settings
from evergreen.spec import CHAMPION, Candidate, UseCase
from evergreen.steps import Run
from evergreen_workshop import demo

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
CATALOG = catalog.load(PROJECT / "include" / "use_cases")


def simplified(name: str) -> UseCase:
    """The shipped use case with its fastest candidate only."""
    use_case = CATALOG.find(name)
    quick = replace(use_case.candidate("logistic"), search={})
    return replace(use_case, candidates=(quick,))


WEATHER, IRIS = simplified("weather"), simplified("iris")
OTHER = replace(
    IRIS, candidates=(replace(CATALOG.find("iris").candidate("neighbours"), search={}),)
)


@pytest.fixture
def loaded(settings: Settings) -> Settings:
    for name in ("weather", "iris"):
        demo.load(name, settings.database_url, until=AS_OF.date() - timedelta(days=1))
    return settings


def run(use_case: UseCase, settings: Settings, as_of: datetime = AS_OF, **options: Any) -> Cycle:
    purpose = options.pop("purpose", "train")
    asked = Run(
        as_of=as_of, asked_at=as_of, key=f"test/{as_of:%Y%m%d}", actor="ada", purpose=purpose
    )
    return cycle.run(use_case, asked, records=records_of(settings), settings=settings, **options)


def execute(settings: Settings, sql: str) -> None:
    with warehouse.connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("use_case", [WEATHER, IRIS], ids=lambda u: u.name)
def test_trains_and_gates_a_first_champion(use_case: UseCase, loaded: Settings) -> None:
    done = run(use_case, loaded)

    assert done.to_json()["promoted"], done.sentence
    champion = records_of(loaded).promotions.champion(use_case.name)
    assert champion is not None
    assert champion.version == 1
    assert done.snapshot is not None
    assert champion.snapshot_sha256 == done.snapshot.sha256


@pytest.mark.parametrize("use_case", [WEATHER, IRIS], ids=lambda u: u.name)
def test_the_same_as_of_twice_changes_nothing(use_case: UseCase, loaded: Settings) -> None:
    first = run(use_case, loaded)
    second = run(use_case, loaded, force=True)

    assert second.snapshot == first.snapshot
    again = [c for c in second.candidates if c.name != CHAMPION]
    assert [c.metrics for c in again] == [c.metrics for c in first.candidates]
    assert [c.answers_sha256 for c in again] == [c.answers_sha256 for c in first.candidates]
    assert second.fit is None  # nothing new to learn
    assert not second.to_json()["promoted"]
    assert len(records_of(loaded).promotions.of(use_case.name)) == 1


def test_a_champion_has_a_model_card_beside_its_run(loaded: Settings) -> None:
    run(IRIS, loaded)

    champion = records_of(loaded).promotions.champion("iris")
    assert champion is not None
    kept = tracking.client(loaded).download_artifacts(champion.run_id, "card/card.json")
    card = json.loads(Path(kept).read_text())
    assert (card["version"], card["state"], card["pinned"]) == (1, "champion", "")
    assert card["figures"][0]["metric"] == "f1"
    assert card["owner"] == IRIS.owner
    assert card["blocks"] >= 1
    assert card["history"][0]["what"] == "became champion (change)"


def test_the_same_training_asked_for_twice_at_once_is_done_once(loaded: Settings) -> None:
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/twice", actor="ada")
    snapshot = steps.extract(IRIS, asked, records=records_of(loaded), settings=loaded)
    validated = steps.validate(IRIS, snapshot, asked, records=records_of(loaded), settings=loaded)
    built = steps.build_features(
        IRIS, validated, asked, records=records_of(loaded), settings=loaded
    )

    with ThreadPoolExecutor() as pool:
        both = [
            pool.submit(
                steps.train,
                IRIS,
                built,
                "logistic",
                asked,
                records=records_of(loaded),
                settings=loaded,
            )
            for _ in "ab"
        ]
        first, second = (training.result() for training in both)

    assert first.run_id == second.run_id
    assert sorted([first.reused, second.reused]) == [False, True]


def test_a_draft_decides_and_says_how_it_would_go_live(loaded: Settings) -> None:
    draft = replace(IRIS, draft=True)

    done = run(draft, loaded, purpose=draft.purpose(dry_run=False))

    assert done.sentence.startswith("A draft, so nothing goes live until `evergreen activate iris`")
    assert "Otherwise: Promote logistic as the first champion" in done.sentence
    assert records_of(loaded).promotions.champion("iris") is None


def test_a_dry_run_decides_but_promotes_nothing(loaded: Settings) -> None:
    done = run(IRIS, loaded, purpose="dry_run")

    assert done.verdict is not None
    assert done.verdict.passed
    assert not done.to_json()["promoted"]
    assert records_of(loaded).promotions.champion("iris") is None


ON_PAPER = replace(
    IRIS,
    gate=replace(IRIS.gate, floors={"f1": 0.999}),
    release=replace(IRIS.release, on_paper=True),
)


def test_a_champion_that_was_not_walked_is_not_what_a_challenger_was_compared_with(
    loaded: Settings,
) -> None:
    run(IRIS, loaded)
    kept, month = records_of(loaded), AS_OF + timedelta(days=30)
    demo.load("iris", loaded.database_url, until=month.date() - timedelta(days=1))
    later = Run(as_of=month, asked_at=month, key="test/later", actor="ada")
    beside: Any = {"records": kept, "settings": loaded}
    validated = steps.validate(OTHER, steps.extract(OTHER, later, **beside), later, **beside)
    built = steps.build_features(OTHER, validated, later, **beside)
    trained = [steps.train(OTHER, built, name, later, **beside) for name in OTHER.trainings]

    steps.gate(OTHER, steps.evaluate(OTHER, built, trained, later, **beside), later, **beside)
    forced = steps.force(OTHER, later, reason="we know better", **beside)
    evaluation = steps.evaluate(OTHER, built, trained, later, **beside)

    assert forced.champion is not None and forced.champion.version == 2
    assert evaluation.champion is not None and evaluation.champion.version == 1
    verdict = replace(steps.gate(OTHER, evaluation, later, **beside), passed=True)
    with pytest.raises(StalePromotion, match=r"with version 1, but the champion is version 2"):
        promotion.check_expected(verdict, kept.promotions.of("iris"))


def test_what_the_gate_refuses_answers_on_paper_until_something_passes(loaded: Settings) -> None:
    kept = records_of(loaded)
    refused = run(ON_PAPER, loaded)
    again = run(ON_PAPER, loaded)

    assert refused.verdict is not None and not refused.verdict.passed
    assert refused.sentence.startswith("Version 1 answers on paper (?on_paper=true), unproven.")
    assert again.sentence == refused.sentence
    assert kept.promotions.champion("iris") is None
    [row] = kept.trials.newest("iris")
    assert (row.strategy, row.challenger["version"], row.stopped_at) == ("paper", 1, None)
    with pytest.raises(ModelRefused, match="no gate on record has passed the bytes"):
        releases.gated(kept, "iris", 1)

    passed = run(IRIS, loaded)

    assert passed.to_json()["promoted"], passed.sentence
    assert kept.trials.running("iris") == ()


def test_who_answers_on_paper_goes_on_when_a_force_is_refused(loaded: Settings) -> None:
    kept = records_of(loaded)
    run(ON_PAPER, loaded)
    slow = replace(ON_PAPER, gate=replace(ON_PAPER.gate, max_latency_ms=1e-9))
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/force", actor="ada")

    done = steps.force(slow, asked, reason="I know", records=kept, settings=loaded)

    assert not done.promoted
    assert [row.strategy for row in kept.trials.running("iris")] == ["paper"]


def test_nothing_answers_on_paper_after_a_dry_run_or_where_it_is_not_declared(
    loaded: Settings,
) -> None:
    dry = run(ON_PAPER, loaded, purpose="dry_run")
    undeclared = run(replace(ON_PAPER, release=IRIS.release), loaded)

    assert (dry.fit, undeclared.fit) == (None, None)
    assert records_of(loaded).trials.newest("iris") == ()


BREAKAGES = {
    "column dropped": ("ALTER TABLE weather DROP COLUMN wind", "wind"),
    "column renamed": ("ALTER TABLE weather RENAME COLUMN temp_max TO tmax", "temp_max"),
    "label's column renamed": ("ALTER TABLE weather RENAME precipitation TO rain", "precipitation"),
    "column retyped": ("ALTER TABLE weather ALTER temp_max TYPE text", "temp_max"),
    "class missing": ("UPDATE weather SET precipitation = 0", "rain_tomorrow"),
    "zero rows": ("TRUNCATE weather", "no rows"),
    "NaN": ("UPDATE weather SET wind = 'NaN' WHERE date = '2025-06-01'", "wind"),
    "inf": ("UPDATE weather SET wind = 'Infinity' WHERE date = '2025-06-01'", "wind"),
    "duplicated keys": (
        "ALTER TABLE weather DROP CONSTRAINT weather_pkey;"
        "INSERT INTO weather SELECT * FROM weather WHERE date = '2025-06-01'",
        "date",
    ),
    "rows from the future": (
        "INSERT INTO weather SELECT date + 3650, precipitation, temp_max, temp_min, wind, condition"
        " FROM weather WHERE date = '2025-06-01'",
        "date",
    ),
}


@pytest.mark.parametrize(("sql", "named"), BREAKAGES.values(), ids=BREAKAGES.keys())
def test_broken_data_is_refused_before_training(sql: str, named: str, loaded: Settings) -> None:
    execute(loaded, sql)

    done = run(WEATHER, loaded)

    assert done.refused, "the data was accepted"
    assert named in done.sentence
    assert done.candidates == ()
    assert records_of(loaded).promotions.champion("weather") is None
    [decision] = records_of(loaded).decisions.newest("weather", 10)
    assert (decision.kind, decision.outcome) == ("validation", "refused")
    assert named in decision.sentence
    assert named in data_docs_page(done, loaded)


def test_labels_that_have_stopped_are_refused_before_there_is_a_snapshot(loaded: Settings) -> None:
    execute(
        loaded,
        "ALTER TABLE weather ALTER precipitation DROP NOT NULL;"
        "UPDATE weather SET precipitation = NULL",
    )

    done = run(WEATHER, loaded)

    assert "rain_tomorrow: the labels of 180 of the newest 180 mature rows" in done.sentence
    assert done.snapshot is None
    [decision] = records_of(loaded).decisions.newest("weather", 10)
    assert (decision.kind, decision.outcome) == ("validation", "refused")


def test_a_day_that_has_not_come_is_told_with_the_decision(loaded: Settings) -> None:
    execute(loaded, "DELETE FROM weather WHERE date = '2026-02-28'")

    done = run(WEATHER, loaded)

    told = "Labels are late: 1 of the newest 180 mature rows have none yet"
    assert done.to_json()["promoted"], done.sentence
    assert told in done.sentence
    [decision] = records_of(loaded).decisions.newest("weather", 10, kind="gate")
    assert told in decision.sentence


def data_docs_page(done: Cycle, settings: Settings) -> str:
    if done.snapshot is None or done.snapshot.rows == 0:
        return "no rows"
    assert done.validation is not None
    return (settings.home / "data_docs" / done.validation.docs).read_text()


def test_flipped_newest_labels_are_not_promoted(loaded: Settings) -> None:
    first = run(WEATHER, loaded).to_json()["champion"]
    newest = AS_OF.date() - timedelta(days=int(0.3 * 4 * 365))
    truth = WEATHER.source.target_sql
    flipped = f"CASE WHEN date > '{newest}' THEN NOT ({truth}) ELSE ({truth}) END"

    done = run(replace(WEATHER, source=replace(WEATHER.source, target_sql=flipped)), loaded)

    assert done.verdict is not None
    assert not done.to_json()["promoted"]
    assert done.to_json()["champion"] == first


class ShuffledLabels(LogisticRegression):
    """A candidate that learns nothing: its labels are shuffled."""

    def fit(self, features: Any, truth: Any) -> "ShuffledLabels":
        super().fit(features, np.random.default_rng(0).permutation(truth))
        self.__class__ = LogisticRegression
        return self


def test_a_candidate_of_shuffled_labels_is_not_promoted(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = f"{ShuffledLabels.__module__}.{ShuffledLabels.__qualname__}"
    monkeypatch.setattr(models, "TRUSTED", (*models.TRUSTED, ours))  # until it is fitted
    shuffled = replace(WEATHER, candidates=(Candidate(name="shuffled", build=ShuffledLabels),))

    done = run(shuffled, loaded)

    assert not done.to_json()["promoted"]
    assert done.verdict is not None
    failed = {check.name for check in done.verdict.checks if check.status == "failed"}
    assert any("floor" in name for name in failed)


class Away(LogisticRegression):
    """A candidate that a server is away for, as a store would be while its rows are read."""

    def fit(self, features: Any, truth: Any) -> "Away":
        raise ConnectionResetError("the store has hung up")


def test_a_server_that_is_away_is_no_candidates_failure(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "TRUSTED", (*models.TRUSTED, f"{Away.__module__}.Away"))
    others = replace(WEATHER, candidates=(*WEATHER.candidates, Candidate(name="a", build=Away)))

    with pytest.raises(ConnectionResetError):  # which its task tries again
        run(others, loaded)

    assert records_of(loaded).decisions.newest("weather", 10, kind="gate") == ()


def test_a_stale_source_is_refused(loaded: Settings) -> None:
    done = run(WEATHER, loaded, as_of=AS_OF + timedelta(days=10))

    assert done.refused
    assert "3 days" in done.sentence
    assert str(date(2026, 2, 28)) in done.sentence

"""Every model on the same held-out rows, through real MLflow; what is unknown stays unknown."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from evergreen.data import splits
from evergreen.errors import DeclarationError, EvergreenError, EvidenceCorrupt, ModelRefused
from evergreen.judging import fitness, gate
from evergreen.judging.evaluation import digest, evaluate
from evergreen.judging.evidence import Evidence, Role
from evergreen.learning import training
from evergreen.learning.features import RawHoldout
from evergreen.learning.models import Output
from evergreen.refs import (
    CandidateRef,
    ChampionRef,
    EvaluationRef,
    FeaturesRef,
    InCharge,
    Status,
    Verdict,
)
from evergreen.settings import PROJECT, Settings
from evergreen.spec import CHAMPION, Candidate, Slice, UseCase
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from fakes import FakeTrainings
from learning import AS_OF, IRIS, built, iris_rows
from use_cases import weather


def petals(raw: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series(np.where(raw["petal_length"] > 4, "long", "short"), index=raw.index)


def close() -> Any:
    return LogisticRegression(C=0.8, max_iter=1000)


def coarse() -> Any:
    return KNeighborsClassifier(15)


USE_CASE = replace(
    IRIS,
    candidates=(
        replace(IRIS.candidate("logistic"), search={}),
        Candidate(name="close", build=close),
        Candidate(name="coarse", build=coarse),
    ),
    slices=(Slice(name="petals", by=petals),),
    gate=replace(IRIS.gate, metric="accuracy", min_slice_rows=5),
)


@dataclass(frozen=True)
class World:
    """A trained use case, and what it was trained on."""

    settings: Settings
    features: FeaturesRef
    trained: Sequence[CandidateRef]
    trainings: FakeTrainings

    def evaluate(self, champion: InCharge | None = None, **changes: Any) -> EvaluationRef:
        trained = list(changes.pop("trained", self.trained))
        if champion:
            trained.append(self.walked(champion))
        present = champion.champion if champion else None
        return evaluate(USE_CASE, self.features, trained, present, settings=self.settings)

    def walked(self, in_charge: InCharge) -> CandidateRef:
        """The recipe in charge over the same rows, or why it cannot be walked."""
        try:
            found = training.train(
                USE_CASE, self.features, CHAMPION, in_charge=in_charge,
                trainings=self.trainings, settings=self.settings,
            )  # fmt: skip
            return replace(found, reused=False)
        except Exception as error:
            return training.unwalked(CHAMPION, error)

    def champion(self, name: str = "close", **changes: Any) -> InCharge:
        """A champion by the recipe of that name."""
        ref = next(ref for ref in self.trained if ref.name == name)
        served = training.fit(USE_CASE, self.features, ref, settings=self.settings)
        facts = {
            "use_case": "iris",
            "version": 3,
            "run_id": served.run_id,
            "model_uri": served.model_uri,
            "sha256": served.sha256,
            "snapshot_sha256": self.features.snapshot.sha256,
            "training": self.features.training,
            "promotion_id": 1,
            "promoted_at": AS_OF,
        }
        assert ref.recipe is not None
        return InCharge(champion=ChampionRef(**(facts | changes)), recipe=ref.recipe)


@pytest.fixture(scope="module")
def world(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> World:
    home = tmp_path_factory.mktemp("evaluation")
    postgres.create_database("mlflow_evaluation", template=mlflow_template)
    url = postgres.url("mlflow_evaluation")
    settings = Settings(
        home=home,
        database_url=postgres.url("postgres"),
        tracking_uri=url.replace("postgresql://", "postgresql+psycopg2://"),
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=PROJECT / "expectations",
    )
    return trained_on(iris_rows(), settings)


def trained_on(rows: pd.DataFrame, settings: Settings, use_case: UseCase = USE_CASE) -> World:
    features, trainings = built(use_case, rows, settings), FakeTrainings()
    refs = [
        training.train(use_case, features, one.name, trainings=trainings, settings=settings)
        for one in use_case.contenders + use_case.baselines
    ]
    return World(settings, features, refs, trainings)


@pytest.fixture
def own(world: World, tmp_path: Path) -> World:
    """The same world with a reports folder of the test's own."""
    kept = shutil.ignore_patterns("reports")
    shutil.copytree(world.settings.home, tmp_path, ignore=kept, dirs_exist_ok=True)
    return replace(world, settings=replace(world.settings, home=tmp_path))


def evidence_of(world: World, evaluation: EvaluationRef) -> Evidence:
    return Evidence.from_json(
        json.loads((world.settings.home / "reports" / evaluation.uri).read_text())
    )


def judged(world: World, evaluation: EvaluationRef) -> Verdict:
    return gate.verdict(USE_CASE, evaluation, settings=world.settings)


def statuses(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.status for check in verdict.checks}


def test_a_good_first_challenger_passes_every_check(own: World) -> None:
    verdict = judged(own, own.evaluate())

    assert verdict.passed, verdict.sentence
    assert verdict.sentence.startswith("Promote logistic as the first champion: all ")
    folder = (own.settings.home / "reports" / verdict.report).parent
    assert {file.name for file in folder.iterdir()} == {
        "evidence.json",
        "report.json",
        "report.html",
    }


def test_the_feature_that_alone_tells_most_is_named(own: World) -> None:
    single = evidence_of(own, own.evaluate()).single

    assert single is not None
    assert single.feature.startswith("petal_")
    assert 0.9 < single.score < 1


def test_every_model_is_scored_on_the_same_rows(own: World) -> None:
    evidence = evidence_of(own, own.evaluate(own.champion()))

    names = [(model.name, model.role) for model in evidence.models]
    assert names == [
        ("logistic", Role.CHALLENGER),
        ("champion v3", Role.CHAMPION),
        ("close", Role.CANDIDATE),
        ("coarse", Role.CANDIDATE),
        ("majority", Role.BASELINE),
    ]
    scored = {model.name: model.metrics for model in evidence.models}
    assert scored["logistic"] == own.trained[0].metrics
    assert scored["champion v3"] == scored["close"] == own.trained[1].metrics
    rows = [score.rows for score in evidence.challenger.slices["petals"].values()]
    assert sum(rows) == evidence.holdout.rows
    assert evidence.against_champion is not None
    assert evidence.against_champion.estimate == pytest.approx(
        scored["logistic"]["accuracy"] - scored["close"]["accuracy"]
    )


def test_evaluating_and_judging_again_changes_nothing(own: World) -> None:
    champion = own.champion()
    first = judged(own, own.evaluate(champion))
    before = files(own)

    again = judged(own, own.evaluate(champion))

    assert again == first
    assert files(own) == before


def files(world: World) -> dict[str, bytes]:
    return {
        str(f): f.read_bytes() for f in (world.settings.home / "reports").rglob("*") if f.is_file()
    }


def test_evidence_that_was_incomplete_is_gathered_again(own: World) -> None:
    file = own.settings.home / "reports" / own.evaluate().uri
    document = json.loads(file.read_text())
    document["models"][0]["problem"] = "gone"
    file.write_text(json.dumps(document))

    evaluation = own.evaluate()

    assert evidence_of(own, evaluation).challenger.problem == ""


def test_the_recipe_in_charge_does_not_challenge_itself(own: World) -> None:
    evidence = evidence_of(own, own.evaluate(own.champion("logistic")))

    assert evidence.champion is not None
    assert evidence.challenger.recipe != evidence.champion.recipe
    assert {found.other for found in evidence.others} == {"champion v3"}


def test_alone_it_has_nobody_to_give_way_to(own: World) -> None:
    majority = own.trained[-1]

    verdict = judged(
        own, own.evaluate(own.champion("logistic"), trained=[own.trained[0], majority])
    )

    assert not verdict.passed
    assert "is the recipe in charge, and there is no other" in verdict.sentence


def test_who_challenges_is_told_by_an_interval_that_holds_for_all_that_compete(own: World) -> None:
    evidence = evidence_of(own, own.evaluate(own.champion("coarse")))

    found = [evidence.against_champion, *evidence.others]
    assert all(one is not None and one.over == 2 for one in found)
    lows = [one.low for one in found if one]
    assert lows[0] == max(lows)


def test_a_challenger_that_is_surely_better_is_promoted(own: World) -> None:
    verdict = judged(own, own.evaluate(own.champion("coarse")))

    assert verdict.passed, verdict.sentence
    assert verdict.sentence.startswith("Promote logistic over champion v3: all ")


def test_a_challenger_that_is_not_surely_better_is_not_promoted(own: World) -> None:
    verdict = judged(own, own.evaluate(own.champion()))

    assert statuses(verdict)["better_than_champion"] == Status.FAILED
    assert verdict.sentence.startswith("Kept champion v3: the challenger logistic is not better")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sha256": "0" * 64}, "has sha256"),
        ({"model_uri": "models:/m-00000000000000000000000000000000"}, "cannot be fetched"),
        ({"model_uri": "nonsense"}, "cannot be fetched"),
    ],
)
def test_a_champion_that_cannot_be_loaded_is_unknown_and_a_person_may_go_on(
    own: World, change: dict[str, str], why: str
) -> None:
    forgetful = replace(own, trainings=FakeTrainings())
    evaluation = forgetful.evaluate(own.champion(**change))

    verdict = judged(own, evaluation)

    assert not verdict.passed
    assert statuses(verdict)["better_than_champion"] == Status.UNKNOWN
    champion = evidence_of(own, evaluation).champion
    assert champion is not None
    assert why in champion.problem
    assert champion.problem in verdict.sentence
    assert "promote --force" in verdict.sentence


def test_a_candidate_that_failed_is_told_and_the_others_compete(own: World) -> None:
    failed = training.unwalked("close", ValueError("it does not converge"))
    trained = [own.trained[0], failed, *own.trained[2:]]

    evidence = evidence_of(own, own.evaluate(trained=trained))

    problems = {model.name: model.problem for model in evidence.models}
    assert problems["close"] == "ValueError: it does not converge"
    assert evidence.challenger.name == "logistic"


def test_where_every_candidate_failed_nothing_is_evaluated(own: World) -> None:
    failed = [training.unwalked(ref.name, ValueError("no")) for ref in own.trained[:3]]

    with pytest.raises(EvergreenError, match="no candidate of iris has a accuracy"):
        own.evaluate(trained=[*failed, own.trained[-1]])


def test_answers_that_were_changed_are_no_evidence(own: World) -> None:
    damaged = replace(own.trained[1], answers_sha256="0" * 64)

    evidence = evidence_of(own, own.evaluate(trained=[own.trained[0], damaged, *own.trained[2:]]))

    assert "close" in [model.name for model in evidence.models if model.problem]


def examined(world: World, champion: InCharge | None = None, **changes: Any) -> Evidence:
    evaluation = world.evaluate(champion)
    fitted = training.fit(USE_CASE, world.features, evaluation.challenger, settings=world.settings)
    return fitness.examine(
        USE_CASE, evaluation, replace(fitted, **changes), "change",
        evidence_of(world, evaluation), in_charge=champion, usual=(), settings=world.settings,
    )  # fmt: skip


def test_the_fit_that_serves_is_examined_in_its_own_bytes(own: World) -> None:
    found = examined(own, own.champion("coarse"))

    assert {c.name: c.status for c in gate.inspect(USE_CASE.gate, found)} == dict.fromkeys(
        ("schema", "golden", "model_quality", "latency", "size"), Status.PASSED
    )
    assert found.fit is not None
    assert found.fit.training.rows == 150  # every row, the held-out ones too
    assert found.fit.disagreement is not None
    assert 0 < found.fit.disagreement < 0.3


def labels_of(times: "pd.Series[pd.Timestamp]", truth: "np.ndarray") -> dict[str, Any]:
    data = SimpleNamespace(
        rows=SimpleNamespace(times=times, truth=truth), folds=SimpleNamespace(newest=times.index)
    )
    return fitness._labels(weather.USE_CASE, data)  # type: ignore[arg-type]


def test_the_mean_label_of_the_newest_stretch_has_its_error() -> None:
    times = pd.Series(pd.date_range("2026-01-01", periods=90, tz="UTC"))
    truth = np.zeros(90)
    truth[-1] = 1

    found = labels_of(times, truth)

    length = round(1 / found["label"])  # days in a stretch
    assert found["label_error"] == pytest.approx(truth[-length:].std(ddof=1) / length**0.5)
    assert found["labels"]
    assert set(found["labels"]) == {0.0}


def test_a_stretch_of_few_rows_tells_no_usual_label() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=112, tz="UTC"))  # of eight stretches
    rare = pd.Series(pd.to_datetime(["2025-12-31", "2025-11-01"], utc=True))  # cut off; in a gap
    truth = np.concatenate([np.arange(112) % 2, [1, 0]])

    found = labels_of(pd.concat([days, rare], ignore_index=True), truth)

    assert found["labels"] == (0.5,) * 7


def test_a_fit_whose_bytes_are_others_is_not_examined(own: World) -> None:
    with pytest.raises(ModelRefused, match="has sha256"):
        examined(own, sha256="0" * 64)


def test_another_models_golden_predictions_are_not_reproduced(own: World) -> None:
    other = training.fit(USE_CASE, own.features, own.trained[2], settings=own.settings)

    found = examined(own, run_id=other.run_id)

    assert {c.name: c.status for c in gate.inspect(USE_CASE.gate, found)}["golden"] == "failed"


def test_missing_baselines_are_unknown(own: World) -> None:
    verdict = judged(own, own.evaluate(trained=own.trained[:3]))

    assert statuses(verdict)["beats_baseline"] == Status.UNKNOWN
    assert not verdict.passed


def test_evidence_that_was_changed_is_refused(own: World) -> None:
    evaluation = own.evaluate()
    file = own.settings.home / "reports" / evaluation.uri
    file.write_text(file.read_text().replace('"rows": 0', '"rows": 0 '))

    with pytest.raises(EvidenceCorrupt, match="not what evaluate wrote"):
        judged(own, evaluation)


def test_labels_shuffled_in_training_are_not_promoted(settings: Settings) -> None:
    rows = relabelled(splits.TRAINING, lambda labels: np.random.default_rng(0).permutation(labels))

    verdict = first_verdict(rows, settings)

    assert not verdict.passed
    assert "below the floor" in verdict.sentence


def test_labels_flipped_in_the_holdout_are_not_promoted(settings: Settings) -> None:
    rows = relabelled(splits.HOLDOUT, lambda labels: np.roll(np.sort(labels), 15))

    verdict = first_verdict(rows, settings)

    assert not verdict.passed
    assert statuses(verdict)["floor_accuracy"] == Status.FAILED


def relabelled(part: str, change: Any) -> pd.DataFrame:
    rows = iris_rows()
    chosen = (splits.split(USE_CASE, rows, AS_OF) == part).to_numpy()
    species = rows["species"].to_numpy(dtype=object, copy=True)
    species[chosen] = change(species[chosen])
    return rows.assign(species=pd.Series(species, dtype="str"))


def first_verdict(rows: pd.DataFrame, settings: Settings) -> Verdict:
    world = trained_on(rows, settings)
    return judged(world, world.evaluate())


def test_another_constant_that_a_slice_reads_is_other_evidence(own: World, tmp_path: Path) -> None:
    file = tmp_path / "cuts.py"

    def inputs(limit: int) -> str:
        file.write_text(f"LIMIT = {limit}\n\ndef cut(raw):\n    return raw['x'] > LIMIT\n")
        names: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102
        use_case = replace(USE_CASE, slices=(Slice(name="long", by=names["cut"]),))
        return digest(use_case, own.features, own.trained, None)

    assert inputs(4) == inputs(4) != inputs(5)


def test_another_floor_or_improvement_is_other_evidence(own: World) -> None:
    def inputs(**changes: Any) -> str:
        use_case = replace(USE_CASE, gate=replace(USE_CASE.gate, **changes))
        return digest(use_case, own.features, own.trained, None)

    [metric] = list(USE_CASE.gate.floors)[:1]
    asked = [{}, {"floors": {metric: 0.123}}, {"min_improvement": 0.123}]
    assert len({inputs(**changes) for changes in asked}) == len(asked)


def test_who_cannot_be_asked_any_more_disagrees_with_nobody(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> None:
        def predict(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(fitness.tracking, "fetch_model", lambda *_: None)
        monkeypatch.setattr(fitness.models, "predict", predict)

    rows = RawHoldout(rows=pd.DataFrame(), mask=np.array([]), truth=np.array([]))
    said, champion = Output(np.array([])), own.champion()

    fails(DeclarationError("features.numeric 'zip'", "str", "numbers"))
    assert fitness._disagreement(champion, rows, said, own.settings) is None
    fails(ConnectionError("the store is away"))
    with pytest.raises(ConnectionError):
        fitness._disagreement(champion, rows, said, own.settings)

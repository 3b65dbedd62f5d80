"""Every model on the same held-out rows, through real MLflow; what is unknown stays unknown."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from evergreen.data import splits
from evergreen.errors import EvergreenError, EvidenceCorrupt
from evergreen.judging import gate
from evergreen.judging.evaluation import choose, digest, evaluate
from evergreen.judging.evidence import Evidence, Role
from evergreen.learning import training
from evergreen.refs import CandidateRef, ChampionRef, EvaluationRef, FeaturesRef, Status, Verdict
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate, Slice, UseCase
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from learning import AS_OF, IRIS, built, iris_rows


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

    def evaluate(self, champion: ChampionRef | None = None, **changes: Any) -> EvaluationRef:
        trained = changes.pop("trained", self.trained)
        settings = changes.pop("settings", self.settings)
        return evaluate(USE_CASE, self.features, trained, champion, settings=settings)

    def champion(self, name: str = "close", **changes: Any) -> ChampionRef:
        ref = next(ref for ref in self.trained if ref.name == name)
        facts = {
            "use_case": "iris",
            "version": 3,
            "run_id": ref.run_id,
            "model_uri": ref.model_uri,
            "sha256": ref.sha256,
            "snapshot_sha256": self.features.snapshot.sha256,
            "training": self.features.training,
            "promotion_id": 1,
            "promoted_at": AS_OF,
        }
        return ChampionRef(**(facts | changes))


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
    features = built(use_case, rows, settings)
    names = [one.name for one in use_case.candidates + use_case.baselines]
    refs = [training.train(use_case, features, name, settings=settings) for name in names]
    return World(settings, features, refs)


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
    first = judged(own, own.evaluate(own.champion()))
    before = files(own)

    again = judged(own, own.evaluate(own.champion()))

    assert again == first
    assert files(own) == before


def files(world: World) -> dict[str, bytes]:
    return {
        str(f): f.read_bytes() for f in (world.settings.home / "reports").rglob("*") if f.is_file()
    }


def test_evidence_that_was_incomplete_is_gathered_again(own: World) -> None:
    file = own.settings.home / "reports" / own.evaluate().uri
    document = json.loads(file.read_text()) | {"golden_difference": None}
    file.write_text(json.dumps(document))

    evaluation = own.evaluate()

    assert evidence_of(own, evaluation).golden_difference == 0


def test_the_champion_itself_is_nothing_new(own: World) -> None:
    verdict = judged(own, own.evaluate(own.champion("logistic")))

    assert not verdict.passed
    assert "is champion v3 already: nothing new to promote" in verdict.sentence


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
        ({"model_uri": "models:/m-00000000000000000000000000000000"}, "cannot be found"),
        ({"model_uri": "nonsense"}, "cannot be fetched"),
    ],
)
def test_a_champion_that_cannot_be_loaded_keeps_the_gate_shut(
    own: World, change: dict[str, str], why: str
) -> None:
    evaluation = own.evaluate(own.champion(**change))

    verdict = judged(own, evaluation)

    assert not verdict.passed
    assert statuses(verdict)["better_than_champion"] == Status.UNKNOWN
    champion = evidence_of(own, evaluation).champion
    assert champion is not None
    assert why in champion.problem
    assert champion.problem in verdict.sentence


def test_a_challenger_whose_bytes_are_others_is_not_promoted(own: World) -> None:
    corrupt = [replace(own.trained[0], sha256="0" * 64), *own.trained[1:]]

    verdict = judged(own, own.evaluate(trained=corrupt))

    assert not verdict.passed
    unknown = {name for name, status in statuses(verdict).items() if status == Status.UNKNOWN}
    assert {"floor_accuracy", "golden", "model_quality", "latency", "size"} <= unknown


def test_another_models_golden_predictions_are_not_reproduced(own: World) -> None:
    majority = own.trained[-1].run_id
    swapped = [replace(own.trained[0], run_id=majority), *own.trained[1:]]

    verdict = judged(own, own.evaluate(trained=swapped))

    assert statuses(verdict)["golden"] == Status.FAILED


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


def reference(name: str, cv: float) -> CandidateRef:
    return CandidateRef(
        name=name,
        run_id="",
        model_uri="",
        sha256="",
        cv={"accuracy": cv},
        metrics={"accuracy": 0.0},
        seconds=0,
    )


@pytest.mark.parametrize(
    ("logistic", "coarse", "chosen"),
    [(0.9, 0.8, "logistic"), (0.8, 0.9, "coarse"), (0.9, 0.9, "logistic")],
)
def test_the_best_by_cross_validation_challenges(
    logistic: float, coarse: float, chosen: str
) -> None:
    trained = [
        reference("majority", 1.0),
        reference("coarse", coarse),
        reference("logistic", logistic),
    ]

    assert choose(USE_CASE, trained).name == chosen


def test_a_candidate_without_a_figure_is_not_chosen() -> None:
    assert (
        choose(USE_CASE, [reference("logistic", math.nan), reference("coarse", 0.1)]).name
        == "coarse"
    )
    with pytest.raises(EvergreenError, match="no candidate of iris has a cross-validated accuracy"):
        choose(USE_CASE, [reference("logistic", math.nan), reference("majority", 0.9)])


def test_another_constant_that_a_slice_reads_is_other_evidence(own: World, tmp_path: Path) -> None:
    file = tmp_path / "cuts.py"

    def inputs(limit: int) -> str:
        file.write_text(f"LIMIT = {limit}\n\ndef cut(raw):\n    return raw['x'] > LIMIT\n")
        names: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102
        use_case = replace(USE_CASE, slices=(Slice(name="long", by=names["cut"]),))
        return digest(use_case, own.features, own.trained, None)

    assert inputs(4) == inputs(4) != inputs(5)

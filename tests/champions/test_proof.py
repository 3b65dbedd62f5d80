import json
from dataclasses import replace
from pathlib import Path

import pytest

from evergreen.champions.proof import prove
from evergreen.errors import ModelRefused
from evergreen.learning import tracking
from evergreen.refs import CandidateRef
from evergreen.settings import Settings
from learning import IRIS, built, iris_rows, served

IRIS_QUICK = replace(IRIS, candidates=(replace(IRIS.candidate("logistic"), search={}),))


@pytest.fixture
def trained(settings: Settings) -> CandidateRef:
    features = built(IRIS_QUICK, iris_rows(), settings)
    return served(IRIS_QUICK, features, "logistic", settings)


def proof(settings: Settings, ref: CandidateRef, golden_sha256: str | None = None) -> str:
    return prove(settings, ref.run_id, ref.model_uri, ref.sha256, golden_sha256)


def model_file(settings: Settings, ref: CandidateRef) -> Path:
    model = tracking.client(settings).get_logged_model(ref.model_uri.removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://")) / tracking.MODEL_FILE


def golden_file(settings: Settings, ref: CandidateRef) -> Path:
    run = tracking.client(settings).get_run(ref.run_id)
    return Path(run.info.artifact_uri.removeprefix("file://")) / tracking.GOLDEN_FILE


def test_a_model_that_is_what_it_was_proves_itself(settings: Settings, trained: CandidateRef):
    digest = proof(settings, trained)

    assert proof(settings, trained, digest) == digest


def test_a_model_whose_file_was_changed_is_refused(settings: Settings, trained: CandidateRef):
    file = model_file(settings, trained)
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(ModelRefused):
        proof(settings, trained)


def test_a_model_whose_file_is_gone_is_refused(settings: Settings, trained: CandidateRef):
    model_file(settings, trained).unlink()

    with pytest.raises(ModelRefused):
        proof(settings, trained)


def test_a_model_that_answers_differently_is_refused(settings: Settings, trained: CandidateRef):
    _shift(golden_file(settings, trained), 1e-4)

    with pytest.raises(ModelRefused, match=r"off its golden predictions by 0\.0001"):
        proof(settings, trained)


def test_golden_predictions_that_were_changed_are_refused(
    settings: Settings, trained: CandidateRef
):
    digest = proof(settings, trained)
    _shift(golden_file(settings, trained), 1e-9)

    with pytest.raises(ModelRefused, match="not those on record"):
        proof(settings, trained, digest)


def _shift(file: Path, by: float) -> None:
    document = json.loads(file.read_text())
    document["probabilities"][0][0] += by
    file.write_text(json.dumps(document))

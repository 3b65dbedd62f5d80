"""What follows the ledger is put right by the watchdog, which tells once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from database import records_of
from evergreen.champions.registry import ModelRegistry, Registration
from evergreen.deciding import alerts
from evergreen.dossier import find
from evergreen.learning import tracking
from evergreen.learning.names import named
from evergreen.mending import mend
from evergreen.records import Decision, Promotion, decision_id
from evergreen.refs import CandidateRef, Verdict
from evergreen.settings import Settings
from evergreen.spec import UseCase
from learning import IRIS, built, iris_rows, served
from verdicts import dossier_of, verdict_on
from webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def interrupted(settings: Settings, verdict: Verdict) -> None:
    """Leave a promotion as a crash before its alias leaves it: registered, on record, pending."""
    ledger, challenger = records_of(settings), verdict.evaluation.challenger
    gate = ledger.decisions.record(
        Decision(
            id=decision_id("iris", "fit/train", "r"), use_case="iris", kind="fit",
            outcome="passed", sentence="Better.", evidence=verdict.to_json(), as_of=None,
            run_key="r", actor="ada",
        )
    )  # fmt: skip
    about = Registration(snapshot_sha256="5" * 64, decision_id=gate.id, sentence="Better.")
    version = ModelRegistry(settings, records_of(settings).locks).register(
        "iris", challenger, about
    )
    ledger.promotions.append(
        Promotion(
            use_case="iris", version=version, run_id=challenger.run_id,
            model_uri=challenger.model_uri, sha256=challenger.sha256, snapshot_sha256="5" * 64,
            golden_sha256=None, training=verdict.evaluation.features.training,
            predecessor_id=None, decision_id=gate.id, kind="change", reason="better", actor="ada",
        )
    )  # fmt: skip


def candidate(settings: Settings) -> CandidateRef:
    run_id = tracking.client(settings).create_run("0").info.run_id
    return CandidateRef(
        name="logistic", run_id=run_id, model_uri=f"runs:/{run_id}/model", sha256="a" * 64, cv={},
        metrics={}, seconds=1,
    )  # fmt: skip


def test_an_interrupted_promotion_and_a_moved_alias_are_put_right_and_told_once(
    settings: Settings, webhook: Webhook
) -> None:
    told = replace(settings, notify_urls=(webhook.url,))
    interrupted(told, verdict_on(IRIS, candidate(told)))
    records_of(told).dossiers.put("iris", 1, dossier_of("iris", 1).to_json())

    looks = [
        alerts.of_registry(
            "iris", IRIS, NOW + timedelta(minutes=5 * n), records=records_of(told), settings=told
        )
        for n in range(3)
    ]

    assert ModelRegistry(told, records_of(told).locks).crowned("iris") == 1
    assert looks == [
        ["iris: Finished the change of version 1, which was interrupted."], [], []
    ]  # fmt: skip
    assert [message["title"] for message in webhook.messages] == [
        "Evergreen: iris is out of step in MLflow's registry",
        "Evergreen: over: iris is out of step in MLflow's registry",
    ]


def test_a_deleted_version_is_told_once_as_long_as_it_lasts(
    settings: Settings, webhook: Webhook
) -> None:
    told = replace(settings, notify_urls=(webhook.url,))
    interrupted(told, verdict_on(IRIS, candidate(told)))
    records_of(told).dossiers.put("iris", 1, dossier_of("iris", 1).to_json())
    mend("iris", IRIS, records_of(told), told)
    tracking.client(told).delete_model_version(named(told, "iris"), "1")

    for minutes in (0, 5, 10):
        alerts.of_registry(
            "iris", IRIS, NOW + timedelta(minutes=minutes), records=records_of(told), settings=told
        )

    [message] = webhook.messages
    assert "the registry does not hold it" in message["message"]


@pytest.mark.parametrize("declared", [IRIS, None], ids=["declared", "gone"])
def test_a_dossier_from_before_there_were_any_is_written_if_it_can_be(
    settings: Settings, declared: UseCase | None
) -> None:
    features = built(IRIS, iris_rows(), settings)
    trained = served(IRIS, features, "majority", settings)
    interrupted(settings, verdict_on(IRIS, trained, features=features))

    sentences = mend("iris", declared, records_of(settings), settings)[1:]

    found = find(records_of(settings).dossiers, "iris", 1)
    if declared:
        assert sentences == ["Wrote the dossier of version 1, by today's declaration."]
        assert found is not None
        assert found.inputs.names == IRIS.features.raw
        assert mend("iris", declared, records_of(settings), settings) == []
    else:
        assert "none can be written: its declaration is gone" in sentences[0]
        assert found is None

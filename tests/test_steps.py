"""All of a run go by one declaration."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from database import records_of
from evergreen import steps
from evergreen.data import extraction
from evergreen.dossier import declaration
from evergreen.errors import ChampionBusy, DataRefused, DeclarationChanged, Unconfirmed
from evergreen.refs import CandidateRef, FeaturesRef, ValidationRef
from evergreen.serving import commands, trials
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from learning import IRIS
from tables import local_settings
from verdicts import learned_from, verdict_on

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUN = Run(as_of=NOW, asked_at=NOW, key="test/run", actor="ada")
TRAINED = CandidateRef(
    name="logistic", run_id="r", model_uri="m", sha256="0" * 64, cv={}, metrics={}, seconds=1
)
EDITED = replace(IRIS, gate=replace(IRIS.gate, floors={"f1": 0.1}))
BUILT = learned_from("iris", declaration=declaration.digest(IRIS))
VALIDATED = ValidationRef(snapshot=BUILT.snapshot, passed=True, checked=1)
NONE: Any = None
VERDICT = verdict_on(IRIS, TRAINED, features=BUILT)

LATER: dict[str, Callable[[UseCase, Any], Any]] = {
    "validate": lambda u, s: steps.validate(u, BUILT.snapshot, RUN, records=NONE, settings=s),
    "build_features": lambda u, s: steps.build_features(
        u, VALIDATED, RUN, records=NONE, settings=s
    ),
    "train": lambda u, s: steps.train(u, BUILT, "logistic", RUN, records=NONE, settings=s),
    "evaluate": lambda u, s: steps.evaluate(u, BUILT, [TRAINED], RUN, records=NONE, settings=s),
    "gate": lambda u, s: steps.gate(u, VERDICT.evaluation, RUN, records=NONE, settings=s),
    "fit": lambda u, s: steps.fit(u, VERDICT, RUN, records=NONE, settings=s),
    "promote": lambda u, s: steps.promote(u, VERDICT, RUN, records=NONE, settings=s),
}


@pytest.mark.parametrize("step", LATER)
def test_a_later_step_that_finds_another_declaration_refuses(tmp_path: Any, step: str) -> None:
    settings = local_settings(tmp_path)

    with pytest.raises(DeclarationChanged, match=r"iris changed during the run; start it again"):
        LATER[step](EDITED, settings)


def test_each_reason_for_which_a_run_is_refused_is_on_record_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.planning, "foretell", lambda *_, **__: None)

    for reason in ("the source is stale", "40 % are null", "the source is stale"):

        def refuse(*_: Any, reason: str = reason, **__: Any) -> None:
            raise DataRefused([reason])

        monkeypatch.setattr(extraction, "extract", refuse)
        with pytest.raises(DataRefused):
            steps.extract(IRIS, RUN, records=records_of(settings), settings=settings)

    assert [row.sentence for row in records_of(settings).decisions.newest("iris")] == [
        "Refused the data: 40 % are null",
        "Refused the data: the source is stale",
    ]


DRAFT = replace(IRIS, draft=True)
DEEDS: dict[str, Callable[[], Any]] = {
    "promote": lambda: steps.promote(DRAFT, VERDICT, RUN, records=NONE, settings=NONE),
    "force": lambda: steps.force(DRAFT, RUN, reason="now", records=NONE, settings=NONE),
    "trial": lambda: commands.release(
        DRAFT, "shadow", version=1, share=1.0, reason="try", actor="ada", records=NONE
    ),
    "promote a trial": lambda: trials.promote(
        DRAFT, reason="good", actor="ada", records=NONE, settings=NONE
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_of_a_draft_goes_live(deed: str) -> None:
    with pytest.raises(Unconfirmed, match=r"iris is a draft.*evergreen activate iris"):
        DEEDS[deed]()


@pytest.mark.parametrize("step", LATER)
def test_a_later_step_that_finds_the_same_one_goes_on(tmp_path: Any, step: str) -> None:
    settings = local_settings(tmp_path)  # of a project without a database, where it fails

    with pytest.raises(Exception) as failed:
        LATER[step](IRIS, settings)

    assert not isinstance(failed.value, DeclarationChanged)


def test_nobody_deletes_chunks_while_features_are_made_of_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = records_of(settings)

    def build(*_: Any) -> FeaturesRef:
        with (
            pytest.raises(ChampionBusy, match="snapshots/iris"),
            records.locks.hold(extraction.LOCK, "iris", 0.1),
        ):
            pass
        return BUILT

    monkeypatch.setattr("evergreen.learning.features.build", build)

    built = steps.build_features(IRIS, VALIDATED, RUN, records=records, settings=settings)

    assert built is BUILT
    with records.locks.hold(extraction.LOCK, "iris", 0.1):
        pass

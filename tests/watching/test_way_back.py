"""A decision to go back, carried out: on trained models, a real registry and a real ledger."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from database import query, records_of
from evergreen.champions.registry import ModelRegistry, Registration
from evergreen.deciding import alerts, decide
from evergreen.deciding.decision import DecisionRef
from evergreen.learning import tracking
from evergreen.records import Pin
from evergreen.refs import CandidateRef, WindowRef
from evergreen.spec import Retraining
from evergreen.steps import Run
from watching.conftest import END, HOUR, Shop, promoted
from watching.test_hindsight import poisoned, truth

__all__ = ["poisoned"]
_numbers = itertools.count()
POOR = "roc_auc on 400 labels is 0.201, below the floor of 0.600"


@pytest.fixture
def turned(poisoned: Shop) -> Iterator[Shop]:
    """A champion that says the contrary since its refresh, with labels that show it."""
    registry = ModelRegistry(poisoned.settings, records_of(poisoned.settings).locks)
    for row in reversed(records_of(poisoned.settings).promotions.of("shop")):
        trained = CandidateRef(
            name="logistic", run_id=row.run_id, model_uri=row.model_uri, sha256=row.sha256,
            cv={}, metrics={}, seconds=1,
        )  # fmt: skip
        about = Registration(
            snapshot_sha256=row.snapshot_sha256, decision_id=row.decision_id, sentence="Better."
        )
        if row.version not in registry.versions("shop"):  # those of the test before remain
            assert registry.register("shop", trained, about) == row.version
    poisoned.log(poisoned.resampled(400), label=lambda rows: 1 - truth(rows))
    yield poisoned
    tables = ("pins", "incidents", "retrainings")
    query(poisoned.url, f"TRUNCATE {', '.join(f'evergreen.{table}' for table in tables)}")
    query(poisoned.url, "DELETE FROM evergreen.decisions WHERE kind = 'trigger'")


def poor(shop: Shop, end: datetime, *told: str) -> WindowRef:
    return records_of(shop.settings).windows.keep(
        WindowRef(
            use_case="shop", start=end - HOUR, end=end, champion=2, rows=400,
            outcome="critical" if told else "calm", sentence="Live quality is watched.",
            poor=told, metric="roc_auc", live=0.2, floor=0.6, report_id="r1",
        )
    )  # fmt: skip


def decided(shop: Shop, *told: str, **rules: Any) -> DecisionRef:
    """Decide on the second of two windows whose live quality was so."""
    poor(shop, END - HOUR, *told)
    seen = poor(shop, END, *told)
    use_case = replace(shop.use_case, retraining=Retraining(**rules))
    kept: dict[str, Any] = {"records": records_of(shop.settings), "settings": shop.settings}
    run = Run(as_of=END, asked_at=END, key=f"shop_monitoring/{next(_numbers)}", actor="schedule")
    found = decide(use_case, seen, run, **kept)
    alerts.of_window(use_case, seen, found, **kept)
    return found


def test_monitoring_goes_back_by_itself_and_pins_and_tells(turned: Shop) -> None:
    found = [decided(turned, POOR) for _ in range(2)]

    kept = records_of(turned.settings)
    champion, pin = kept.promotions.champion("shop"), kept.pins.get("shop")
    registry = ModelRegistry(turned.settings, kept.locks)
    assert found[0] == found[1]
    assert (found[0].outcome, found[0].retrain) == ("roll back", False)
    assert found[0].sentence.startswith("Roll back to version 1: live quality is poor in 2 of")
    assert champion is not None
    assert (champion.version, registry.crowned("shop")) == (1, 1)
    assert pin is not None
    assert (pin.version, pin.actor) == (1, "monitoring")
    assert "surely would have answered better" in pin.reason
    assert [row.kind for row in kept.promotions.of("shop")] == ["rollback", "refresh", "change"]
    (incident,) = kept.incidents.newest("shop")
    assert (incident.kind, found[0].sentence in incident.message) == ("quality", True)
    mlflow = tracking.client(turned.settings)
    card = Path(mlflow.download_artifacts(champion.run_id, "card/card.json")).read_text()
    assert "became champion again by a rollback" in card


def test_a_champion_that_a_person_pinned_stays_and_people_are_told(turned: Shop) -> None:
    kept = records_of(turned.settings)
    kept.pins.put(Pin(use_case="shop", version=2, reason="version 3 was wrong", actor="ada"))

    found = decided(turned, POOR)

    champion, pin = kept.promotions.champion("shop"), kept.pins.get("shop")
    assert champion is not None
    assert pin is not None
    assert (found.outcome, champion.version, pin.actor) == ("retrain", 2, "ada")
    (incident,) = kept.incidents.newest("shop")
    assert "version 2 is pinned by ada, and only a person moves it" in incident.message


def test_monitoring_goes_on_back_from_where_it_went_itself(turned: Shop) -> None:
    kept = records_of(turned.settings)
    kept.pins.put(Pin(use_case="shop", version=2, reason="it was better", actor="monitoring"))

    assert decided(turned, POOR).outcome == "roll back"


def test_what_a_crash_left_undone_is_done_by_the_second_call(
    turned: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("evergreen.deciding.decision._go_back", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            decided(turned, POOR)

    decided(turned, POOR)

    champion = records_of(turned.settings).promotions.champion("shop")
    assert champion is not None
    assert champion.version == 1


def test_where_it_is_not_declared_a_retraining_is_the_answer(turned: Shop) -> None:
    found = decided(turned, POOR, roll_back=False)

    assert found.evidence["situation"]["hindsight"] is None
    assert found.outcome in {"retrain", "held back"}


def test_while_live_quality_is_sound_nobody_looks_back(turned: Shop) -> None:
    found = decided(turned)

    assert found.evidence["situation"]["hindsight"] is None
    assert found.outcome == "no"


def test_a_champion_that_came_meanwhile_is_not_undone(turned: Shop) -> None:
    promoted(turned.settings, turned.use_case, turned.features, turned.champion, 3)

    found = decided(turned, POOR)

    champion = records_of(turned.settings).promotions.champion("shop")
    assert champion is not None
    assert (found.outcome, champion.version) == ("held back", 3)

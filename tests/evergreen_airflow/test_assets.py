"""Assets: what starts a training, and who hears of rows and champions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_edge import DUE, running

from bag import USE_CASES
from database import records_of
from deciding.champion import make_champion
from evergreen.catalog import load
from evergreen.errors import DeclarationError
from evergreen.refs import Landing
from evergreen.settings import Settings
from evergreen.spec import Assets, UseCase
from evergreen.spec.pace import pause

pytestmark = pytest.mark.usefixtures("airflow")

CHAMPION = "evergreen://weather/champion"
WAITING = """
from dataclasses import replace
from evergreen.spec import Assets
USE_CASE = replace(USE_CASE, schedule=Assets("orders"))
"""


@pytest.fixture
def weather() -> UseCase:
    return load(USE_CASES).find("weather")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What Airflow has heard before, by URI; `test_existing_airflow` asks a real one."""
    heard: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr("evergreen_airflow.assets._told", lambda asset: heard.get(asset.uri, {}))
    monkeypatch.setattr("evergreen_airflow.assets._newest_told", lambda _: {})
    return heard


def test_assets_start_a_training_in_the_place_of_a_clock(weather: UseCase) -> None:
    from airflow.sdk import AssetAll, AssetAny

    from evergreen_airflow.training import training_dag

    both = training_dag(replace(weather, schedule=Assets("orders", "s3://lake/customers")))
    either = training_dag(replace(weather, schedule=Assets("orders", "customers", any=True)))
    draft = training_dag(replace(weather, schedule=Assets("orders"), draft=True))

    assert isinstance(both.timetable.asset_condition, AssetAll)
    assert isinstance(either.timetable.asset_condition, AssetAny)
    assert "when orders and s3://lake/customers are updated" in (both.doc_md or "")
    assert draft.schedule is None


def test_its_card_says_what_it_waits_for(settings: Settings, tmp_path: Path) -> None:
    from evergreen_airflow.pages.model_page import card

    weather = (USE_CASES / "weather.py").read_text()
    (tmp_path / "weather.py").write_text(f"{weather}\n{WAITING}")
    with records_of(settings) as kept:
        shown = card("weather", kept, replace(settings, use_cases_dir=tmp_path), DUE)

    assert shown and "when orders is updated" in shown.facts


def test_no_clock_keeps_it_and_nothing_is_late() -> None:
    assert pause(Assets("orders")) is None


@pytest.mark.parametrize("names", [(), ("",), (" ",), (None,)])
def test_a_schedule_without_names_is_refused(names: tuple[Any, ...]) -> None:
    with pytest.raises(DeclarationError, match="names of assets, at least one"):
        Assets(*names)


def test_the_run_says_which_assets_started_it() -> None:
    from airflow.sdk import Asset, get_current_context

    from evergreen_airflow.edge import actor, why

    with running("asset_triggered"):
        get_current_context()["triggering_asset_events"] = {Asset("orders"): [], Asset("bills"): []}
        assert why() == "An update of bills and orders asked for it."
        assert actor() == "assets"


@pytest.mark.parametrize(("any_of", "word"), [(False, "and"), (True, "or")])
def test_where_airflow_knows_no_events_the_schedule_tells(
    weather: UseCase, any_of: bool, word: str
) -> None:
    from airflow.sdk import get_current_context

    from evergreen_airflow.edge import why
    from evergreen_airflow.training import training_dag

    waits = replace(weather, schedule=Assets("orders", "s3://lake/bills", any=any_of))
    with running("asset_triggered"):
        get_current_context()["dag"] = training_dag(waits)
        assert why() == f"An update of orders {word} s3://lake/bills asked for it."


def test_a_champion_is_told_once_with_who_and_why(
    settings: Settings, told: dict[str, dict[str, Any]]
) -> None:
    from evergreen_airflow.assets import tell_champions

    make_champion(settings, "weather", 1)
    with records_of(settings) as kept:
        with running() as first:
            tell_champions(["weather", "iris"], kept.promotions)
        told[CHAMPION] = first.updated[CHAMPION]
        with running() as second:
            tell_champions(["weather", "iris"], kept.promotions)

    assert first.updated.keys() == {CHAMPION}
    assert {"version", "kind", "actor", "reason", "knowledge_until"} < first.updated[
        CHAMPION
    ].keys()
    assert first.updated[CHAMPION]["version"] == 1
    assert second.updated == {}


def test_records_and_airflow_are_asked_once_for_all_champions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergreen_airflow import assets

    for name in ("weather", "iris", "churn"):
        make_champion(settings, name, 1)
    with records_of(settings) as kept:
        heard = {
            f"evergreen://{name}/champion": {"promotion": promotion.id}
            for name, promotion in kept.promotions.newest_of_each().items()
        }
        del heard["evergreen://churn/champion"]
        asked: list[str] = []
        monkeypatch.setattr(assets, "_newest_told", lambda limit: asked.append(limit) or heard)
        monkeypatch.setattr(assets, "_told", lambda asset: asked.append(asset.uri) or {})
        with running() as ti:
            assets.tell_champions(["weather", "iris", "churn", "retired"], kept.promotions)

    assert asked == [assets.FEWEST, "evergreen://churn/champion"]
    assert ti.updated.keys() == {"evergreen://churn/champion"}


def test_nothing_is_told_while_nobody_knows_what_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    from evergreen_airflow import assets

    def away(_: object) -> None:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))

    make_champion(settings, "weather", 1)
    monkeypatch.setattr(assets, "_newest_told", away)
    with records_of(settings) as kept, running() as ti:
        assets.tell_champions(["weather"], kept.promotions)

    assert ti.updated == {}


@pytest.mark.parametrize(("rows", "expected"), [(31, {"weather": {"rows": 31}}), (0, {})])
def test_a_table_is_updated_by_new_rows_only(
    weather: UseCase, rows: int, expected: dict[str, Any]
) -> None:
    from evergreen_airflow.assets import tell_landed

    new = [Landing(use_case="weather", item="a.csv", sha256="0", rows=rows)]
    with running() as ti:
        tell_landed(weather, new)

    assert ti.updated == expected


def test_what_may_move_a_champion_may_tell_airflow(weather: UseCase) -> None:
    from evergreen_airflow import operations
    from evergreen_airflow.approval import approval_dag
    from evergreen_airflow.assets import UPDATES
    from evergreen_airflow.training import training_dag
    from evergreen_airflow.watchdog import watchdog_dag

    tasks = [
        training_dag(weather).get_task("promote"),
        approval_dag(weather).get_task("carry_out"),
        watchdog_dag().get_task("look"),
        operations.FORMS["operations_rollback"](["weather"]).get_task("rollback"),
        operations.FORMS["operations_promote"](["weather"]).get_task("promote"),
        operations.FORMS["operations_trial"](["weather"]).get_task("carry_out"),
    ]

    assert [task.task_id for task in tasks if UPDATES not in task.outlets] == []

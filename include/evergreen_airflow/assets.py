"""Airflow's assets: those that start a training, and those that our tasks update.

| asset | updated when |
| --- | --- |
| the table of `source`, by its name | ingest has landed rows that are new |
| `evergreen://<use case>/champion` | another version serves, whoever moved it |
| the table of `scoring`, by its name | predictions were written to it |

A DAG of your own follows a champion by `schedule=[Asset("evergreen://weather/champion")]`; the
event says which version, why and by whom. A task that promotes tells at once; what is moved
elsewhere (`evergreen rollback`, a trial that ends) is told by the watchdog.
"""

import logging
from collections.abc import Iterable
from typing import Any

from airflow.sdk import Asset, AssetAlias, AssetAll, AssetAny, get_current_context
from airflow.sdk.exceptions import AirflowRuntimeError

from evergreen.records.promotions import Promotion, Promotions
from evergreen.refs import Json, Landing
from evergreen.spec import Assets, UseCase
from evergreen.spec.pace import Schedule

log = logging.getLogger(__name__)

UPDATES = AssetAlias("evergreen")
"""Outlet of the tasks that may update an asset, or may find that there is nothing to update."""


def when(schedule: Schedule) -> Any:
    """Return what Airflow takes for that schedule; assets are declared by whoever updates them.

    >>> when("@daily")
    '@daily'
    """
    if not isinstance(schedule, Assets):
        return schedule
    named = [
        Asset.ref(uri=name) if "://" in name else Asset.ref(name=name) for name in schedule.names
    ]
    return AssetAny(*named) if schedule.any else AssetAll(*named)


def champion(name: str) -> Asset:
    """Return the asset that is updated when another version of the use case serves."""
    return Asset(f"evergreen://{name}/champion")


def source(use_case: UseCase) -> list[Asset]:
    """Return the table that the use case reads; none where it reads a query."""
    return [Asset(use_case.source.table)] if use_case.source.table else []


def updated() -> str:
    """Return which assets have started this run, in words.

    Airflow keeps no events for assets that a schedule names without declaring them, as ours do:
    then it is what the schedule waits for.
    """
    context = get_current_context()
    if known := sorted(asset.name for asset in context["triggering_asset_events"]):
        return " and ".join(known)
    waited: Any = context["dag"].timetable.asset_condition
    names = [getattr(one, "name", None) or one.uri for one in waited.objects]
    return (" or " if isinstance(waited, AssetAny) else " and ").join(names)


def tell_landed(use_case: UseCase, new: Iterable[Landing]) -> None:
    """Tell Airflow that the table of the use case has new rows, if it has."""
    if rows := sum(one.rows for one in new):
        for table in source(use_case):
            _tell(table, {"rows": rows})


def tell_champions(names: Iterable[str], promotions: Promotions) -> None:
    """Tell Airflow of the champions that it has not heard of yet.

    What it has heard of nobody knows while it does not answer: the watchdog asks again.
    """
    for name in names:
        newest, asset = promotions.newest(name), champion(name)
        if newest is None:
            continue
        try:
            told = _told(asset)
        except AirflowRuntimeError as error:
            log.warning("Airflow does not say what it was told of %s: %s", asset.uri, error)
            continue
        if newest.id != told.get("promotion"):
            _tell(asset, _facts(newest))


def _facts(newest: Promotion) -> Json:
    until = newest.training.end
    return {
        "promotion": newest.id,
        "version": newest.version,
        "kind": newest.kind,
        "actor": newest.actor,
        "reason": newest.reason,
        "knowledge_until": until.isoformat() if until else None,
    }


def _tell(asset: Asset, facts: Json) -> None:
    get_current_context()["outlet_events"][UPDATES].add(asset, extra=facts)


def _told(asset: Asset) -> dict[str, Any]:
    """Return what the newest event of an asset says; nothing, where there is none."""
    from airflow.sdk.execution_time.context import InletEventsAccessor

    events = InletEventsAccessor(asset_name=asset.name, asset_uri=asset.uri)
    [*newest] = events.ascending(False).limit(1)
    return dict(newest[0].extra or {}) if newest else {}

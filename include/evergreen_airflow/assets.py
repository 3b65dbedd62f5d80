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
"""Outlet of the tasks that may move a champion, or may find that there is nothing to tell."""
LANDINGS = AssetAlias("evergreen_landings")
"""Outlet of the tasks that may land rows: apart, as what champions did is asked for by alias."""
FEWEST = 100
"""So many of the newest events of champions are asked for at least, all at once."""


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
            _tell(table, {"rows": rows}, LANDINGS)


def tell_champions(names: Iterable[str], promotions: Promotions) -> None:
    """Tell Airflow of the champions that it has not heard of yet.

    Records and Airflow are asked once for all of them; of a champion that so many others have moved
    since, Airflow is asked apart. What it has heard of nobody knows while it does not answer: the
    watchdog asks again.
    """
    every, wanted = promotions.newest_of_each(), list(names)
    moved = {champion(name): every[name] for name in wanted if name in every}
    if not moved:
        return
    try:
        told = _newest_told(max(FEWEST, 2 * len(moved)))
        for asset, newest in moved.items():
            heard = told[asset.uri] if asset.uri in told else _told(asset)
            if newest.id != heard.get("promotion"):
                _tell(asset, _facts(newest), UPDATES)
    except AirflowRuntimeError as error:
        log.warning("Airflow does not say what it was told of champions: %s", error)


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


def _tell(asset: Asset, facts: Json, alias: AssetAlias) -> None:
    get_current_context()["outlet_events"][alias].add(asset, extra=facts)


def _newest_told(limit: int) -> dict[str, dict[str, Any]]:
    """Return what the newest events say, so many at most: of each asset, by URI, the newest."""
    from airflow.sdk.execution_time.context import InletEventsAccessor

    events = InletEventsAccessor(alias_name=UPDATES.name).ascending(False).limit(limit)
    return {event.asset.uri: dict(event.extra or {}) for event in reversed(list(events))}


def _told(asset: Asset) -> dict[str, Any]:
    """Return what the newest event of an asset says; nothing, where there is none."""
    from airflow.sdk.execution_time.context import InletEventsAccessor

    events = InletEventsAccessor(asset_name=asset.name, asset_uri=asset.uri)
    [*newest] = events.ascending(False).limit(1)
    return dict(newest[0].extra or {}) if newest else {}

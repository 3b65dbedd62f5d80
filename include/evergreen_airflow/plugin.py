"""What Evergreen adds to Airflow: pages, the outcome in each run's note, a pool, priorities."""

from functools import cached_property

from airflow.plugins_manager import AirflowPlugin
from starlette.types import ASGIApp, Receive, Scope, Send

from evergreen_airflow import notes, pools
from evergreen_airflow.pages import MOUNT, PREFIX
from evergreen_airflow.priorities import Stalest


class Pages:
    """The application, made at the first request: only the API server needs what it imports."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    @cached_property
    def _app(self) -> ASGIApp:
        from evergreen_airflow.pages.app import create_app

        return create_app()


def page(name: str, route: str, opens: str = "") -> dict[str, object]:
    """Describe a page of the menu; Airflow shows it in an iframe at `/plugin/<route>`."""
    return {
        "name": name,
        "href": f"{PREFIX}/{opens or route}/",
        "url_route": route,
        "destination": "nav",
        "nav_top_level": True,
        "icon": f"{PREFIX}/static/{route}.svg",
        "icon_dark_mode": f"{PREFIX}/static/{route}-dark.svg",
    }


class EvergreenPlugin(AirflowPlugin):
    """The pages, the listeners, and who goes first."""

    name = "evergreen"
    fastapi_apps = [{"app": Pages(), "url_prefix": MOUNT, "name": "Evergreen"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        page("Models", "models"),
        page("Reports", "reports"),
        page("Drift", "drift"),
        page("Replay", "replay"),
        page("Data Docs", "data-docs"),
        page("MLflow", "mlflow", opens="open-mlflow"),
    ]
    listeners = [notes, pools]  # noqa: RUF012
    priority_weight_strategies = [Stalest]  # noqa: RUF012

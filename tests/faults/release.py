"""The state that a release leaves behind, as a backup: how `tests/faults/release` was made.

At the commit of the release, with this file beside `dying.py`::

    PYTHONPATH=include:tests .venv/bin/python -m faults.release tests/faults/release

Two trainings of iris, the second a refresh, and answers of its service. MLflow and the snapshots
know their files by absolute addresses, so that it has to be put back to the same `HOME`.
"""

import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from database import records_of
from evergreen import cycle
from evergreen.backups import Vault, back_up
from evergreen.serving.app import create_app
from evergreen.settings import PROJECT, Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen_workshop import demo
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from faults.dying import declared
from serving.conftest import live

HOME = Path("/tmp/evergreen-of-a-release")  # noqa: S108 (see above)
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
FIRST = datetime(2026, 11, 20, tzinfo=UTC)


def settings_of(database_url: str, tracking_url: str) -> Settings:
    """Return the settings of the home that it has to be put back to."""
    return Settings(
        home=HOME, database_url=database_url,
        tracking_uri=tracking_url.replace("postgresql://", "postgresql+psycopg2://"),
        artifacts_url=str(HOME / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=PROJECT / "expectations", commit="of-the-release",
    )  # fmt: skip


def train(settings: Settings, as_of: datetime, use_case: UseCase | None = None) -> cycle.Cycle:
    """Train iris by its fastest candidate."""
    asked = Run(as_of=as_of, asked_at=as_of, key=f"release/{as_of:%F}", actor="ada")
    return cycle.run(use_case or declared(), asked, records=records_of(settings), settings=settings)


def ask(settings: Settings, times: int) -> list[str]:
    """Ask the service; return what it answered."""
    with live(create_app(settings), settings) as client:
        answers = [
            client.post("/iris/predict/batch", json={"rows": [FLOWER]}) for _ in range(times)
        ]
        assert client.service.journal.flush()
    found = (answer.raise_for_status().json()["predictions"] for answer in answers)
    return [str(one["prediction"]) for predictions in found for one in predictions]


def main(vault: str) -> None:
    """Make it."""
    shutil.rmtree(HOME, ignore_errors=True)
    server = EmbeddedPostgres(Path(tempfile.mkdtemp()), free_port())
    server.start()
    try:
        for name in ("evergreen", "mlflow"):
            server.create_database(name)
        settings = settings_of(server.url("evergreen"), server.url("mlflow"))
        demo.load("iris", settings.database_url, until=FIRST.date())
        assert train(settings, FIRST).promotion
        demo.feed("iris", settings.database_url, 5)
        assert train(settings, FIRST + timedelta(days=1)).promotion
        ask(settings, 20)
        back_up(
            Vault(vault), records=records_of(settings), settings=settings,
            now=FIRST + timedelta(days=2),
        )  # fmt: skip
    finally:
        server.destroy()
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])

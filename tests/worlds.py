"""A project's state that is built once, and lent to each test of a file as it was built.

    world = empty(postgres, mlflow_template, home)      # scope="module": then it is lived in
    with copied(world, postgres) as settings: ...       # for each test

Addresses of files are on record, so a copy lives where the world does, which lies aside meanwhile.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from databases import duplicate
from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.environment import sqlalchemy
from evergreen_workshop.stack.postgres import EmbeddedPostgres

PARTS = ("", "_mlflow")
"""How the names of a world's databases end."""
_numbers = count()


def empty(postgres: EmbeddedPostgres, mlflow_template: str, home: Path) -> Settings:
    """Return the settings of a new world."""
    postgres.create_database(home.name)
    postgres.create_database(f"{home.name}_mlflow", template=mlflow_template)
    return Settings(
        home=home,
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases",
        expectations_dir=PROJECT / "expectations",
        **_urls(postgres, home.name),
    )


@contextmanager
def copied(world: Settings, postgres: EmbeddedPostgres) -> Iterator[Settings]:
    """Yield the settings of a copy; who is connected to the world's databases is cut off."""
    home, name = world.home, f"{world.home.name}_{next(_numbers)}"
    aside = home.with_name(f"{home.name}_aside")
    shutil.copytree(home, aside)
    for part in PARTS:
        duplicate(postgres, home.name + part, name + part)
    try:
        yield replace(world, **_urls(postgres, name))
    finally:
        shutil.rmtree(home)
        aside.rename(home)


def _urls(postgres: EmbeddedPostgres, name: str) -> dict[str, str]:
    records, tracking = (postgres.url(name + part) for part in PARTS)
    return {"database_url": records, "tracking_uri": sqlalchemy(tracking)}

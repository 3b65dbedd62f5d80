"""The schema `evergreen`: is it the one that this code knows? Else Alembic brings it up to date.

`migrations/versions/` holds a revision for each step, in SQL, with the few lines that Alembic wants
beside it. Asking needs no Alembic, which the image of the service does not have.
"""

from pathlib import Path

from evergreen.errors import SchemaOutdated
from evergreen.records.pool import Pool

VERSIONS = Path(__file__).parent / "migrations" / "versions"
REVISIONS = tuple(sorted(file.stem for file in VERSIONS.glob("[0-9]*.sql")))


def ensure(pool: Pool, url: str) -> None:
    """Create the schema or bring it up to date; one query when there is nothing to do.

    Raises:
        SchemaOutdated: it must be brought up to date, and Alembic is not installed here.
    """
    if revision(pool) in {None, *REVISIONS[:-1]}:  # a newer one belongs to newer code, and stays
        migrate(url)


def migrate(url: str) -> None:
    """Bring the schema up to date; harmless when others do so meanwhile.

    Raises:
        SchemaOutdated: Alembic is not installed here.
    """
    try:
        from evergreen.records.migrations import upgrade
    except ModuleNotFoundError as missing:
        raise SchemaOutdated(
            f"the schema evergreen is older than {REVISIONS[-1]}, and {missing.name} is not"
            " installed here: run `evergreen db migrate` where it is (the scheduler's image)"
        ) from missing
    upgrade.to_head(url)


def revision(pool: Pool) -> str | None:
    """Return the revision of the database; None: there is no schema, or one from before Alembic."""
    with pool.transaction() as cursor:
        cursor.execute("SELECT to_regclass('evergreen.alembic_version') IS NOT NULL AS there")
        if not cursor.fetchone()["there"]:
            return None
        cursor.execute("SELECT version_num FROM evergreen.alembic_version")
        found = cursor.fetchone()
    return found and str(found["version_num"])

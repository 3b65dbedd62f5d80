"""Where a subject may be that is not ours to write: told, each with what to do."""

from collections.abc import Iterator

from evergreen.data.extraction import UNREADABLE
from evergreen.data.selection import relation
from evergreen.data.warehouse import Reading, exists, identifier, quoted, reading
from evergreen.errors import DeclarationError
from evergreen.forgetting.subject import Subject
from evergreen.settings import Settings
from evergreen.spec import UseCase

ALWAYS = (
    "backups (`evergreen backup`): a vault holds what was; make a new one, then delete the older",
    "Airflow's database, and the logs of tasks on other machines: a failed check may have told a"
    " key; `airflow db clean --clean-before-timestamp NOW`, and delete the logs",
    "PostgreSQL's own files: `VACUUM FULL` of the schema evergreen and of MLflow's database; its"
    " log and its archive of WAL",
    "what was told by mail or webhook, and copies of reports that you keep",
    "versions of objects: a bucket that keeps old versions keeps what was rewritten",
    "what you wrote yourself: expectations, declarations, notes of runs",
)


def in_source(use_case: UseCase, subject: Subject, settings: Settings) -> int:
    """Count the rows of the subject in the source, from which the next training would take them.

    Raises:
        DeclarationError: the value is none of the column's type.
    """
    table, _ = relation(use_case.source)
    named = use_case.source.table
    with reading(settings.warehouse_url) as moment:
        if named is not None and not exists(moment, named):
            return 0
        return _count(moment, table, subject)


def told(use_case: UseCase | None, subject: Subject, settings: Settings) -> Iterator[str]:
    """Yield where it may be, each with what to do."""
    into = use_case.scoring.into if use_case and use_case.scoring else ""
    if into:
        with reading(settings.warehouse_url) as moment:
            rows = _count(moment, identifier(into), subject) if exists(moment, into) else 0
        if rows:
            yield f"{into}, your table: {rows} rows; delete them there by the same key"
    yield from ALWAYS


def _count(moment: Reading, table: str, subject: Subject) -> int:
    held = {column.name for column in moment.columns(table)}
    if not set(subject.key) <= held:
        return 0
    columns = (quoted(name).replace("%", "%%") for name in subject.key)
    names = " AND ".join(f"{column} = %s" for column in columns)
    try:
        with moment.connection.cursor() as cursor:
            wanted = cursor.mogrify(names, list(subject.key.values())).decode()
        [(count,)] = moment.query(f"SELECT count(*) FROM {table} AS rows WHERE {wanted}")
    except UNREADABLE as error:
        asked = ", ".join(f"{name}={value}" for name, value in subject.key.items())
        raise DeclarationError("--key", asked, "a value of the column's type") from error
    return int(count)

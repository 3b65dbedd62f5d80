"""Where a subject may be in what is not ours: what scoring wrote is deleted, the rest is told."""

from collections.abc import Iterator, Mapping

from evergreen.data.extraction import UNREADABLE
from evergreen.data.selection import relation
from evergreen.data.warehouse import Reading, connect, exists, identifier, quoted, reading
from evergreen.errors import DeclarationError, NotForgotten
from evergreen.forgetting.subject import Subject
from evergreen.records.errors import NotAllowed
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
        return _count(moment, table, subject.key)


def scored(
    use_case: UseCase | None, subject: Subject, settings: Settings, *, apply: bool = False
) -> int:
    """Delete what scoring wrote about the subject into its table, or count it.

    Rows of other use cases, and of a table that does not tell them apart, stay: see `told`.

    Raises:
        NotForgotten: the role may not delete there.
    """
    if use_case is None or use_case.scoring is None:
        return 0
    into, written = use_case.scoring.into, {**subject.key, "use_case": use_case.name}
    with reading(settings.warehouse_url) as moment:
        rows = _count(moment, identifier(into), written) if exists(moment, into) else 0
    if rows and apply:
        _delete(into, written, rows, settings)
    return rows


def _delete(into: str, written: Mapping[str, str], rows: int, settings: Settings) -> None:
    try:
        with connect(settings.warehouse_url) as opened, opened.cursor() as cursor:
            sql = f"DELETE FROM {identifier(into)} WHERE {_where(written)}"
            cursor.execute(sql, list(written.values()))
    except NotAllowed as error:
        raise NotForgotten(
            f"{rows} rows of {into} cannot be deleted: {error.diag.message_primary}; grant DELETE"
            " to the role of EVERGREEN_WAREHOUSE_URL, or delete them there by the same key"
        ) from error


def told(use_case: UseCase | None, subject: Subject, settings: Settings) -> Iterator[str]:
    """Yield where it may be, each with what to do."""
    into = use_case.scoring.into if use_case and use_case.scoring else ""
    if into:
        with reading(settings.warehouse_url) as moment:
            rows = _count(moment, identifier(into), subject.key) if exists(moment, into) else 0
        rows -= scored(use_case, subject, settings)
        if rows:
            yield f"{into}, your table: {rows} rows; delete them there by the same key"
    yield from ALWAYS


def _where(values: Mapping[str, str]) -> str:
    columns = (quoted(name).replace("%", "%%") for name in values)
    return " AND ".join(f"{column} = %s" for column in columns)


def _count(moment: Reading, table: str, values: Mapping[str, str]) -> int:
    held = {column.name for column in moment.columns(table)}
    if not set(values) <= held:
        return 0
    try:
        with moment.connection.cursor() as cursor:
            wanted = cursor.mogrify(_where(values), list(values.values())).decode()
        [(count,)] = moment.query(f"SELECT count(*) FROM {table} AS rows WHERE {wanted}")
    except UNREADABLE as error:
        asked = ", ".join(f"{name}={value}" for name, value in values.items())
        raise DeclarationError("--key", asked, "a value of the column's type") from error
    return int(count)

"""The order of a backup and of the way back.

What is written later leads to what was written before: a promotion to a registered version and to
files, never the other way round. So the records are dumped first, then MLflow, then the files: all
that a row leads to is in the backup, though the work goes on meanwhile. Back it goes the other way:
files, MLflow, and the records last.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from evergreen import storage
from evergreen.backups import dumps
from evergreen.backups.vault import CHUNK, Backup, Kept, Vault, digest
from evergreen.data.warehouse import connect
from evergreen.errors import BackupFailed, NotEmpty
from evergreen.records import REVISIONS, Records
from evergreen.settings import Settings
from evergreen.storage import Store

FOLDERS = (
    storage.SNAPSHOTS, storage.REPORTS, storage.DATA_DOCS, storage.DRIFT, storage.WALKS,
    storage.REPLAYS,
)  # fmt: skip
TOLD = ("promotions", "decisions", "predictions", "labels", "dossiers", "landings")
"""Tables whose rows are counted, to tell what is lost."""
Tell = Callable[[str], object]


def back_up(
    vault: Vault, *, records: Records, settings: Settings, now: datetime, tell: Tell = str
) -> Backup:
    """Make a backup of all that is ours; what is in the vault already is not copied again.

    Raises:
        BackupFailed: a dump fails; the vault holds no part of this backup by name.
    """
    records.migrate()
    counts = records.counts(TOLD)
    with tempfile.TemporaryDirectory() as scratch:
        tell("dumping the records")
        found, new = _dumped(vault, dumps.dump_records, records_url(settings), Path(scratch))
        added = found.size * new
        mlflow, missing = None, []
        if url := mlflow_url(settings):
            tell("dumping MLflow's database")
            mlflow, new = _dumped(vault, dumps.dump_mlflow, url, Path(scratch))
            added += mlflow.size * new
        else:
            missing.append(
                f"MLflow's database: {settings.tracking_uri} is a server, and where its database is"
                " MLFLOW_BACKEND_STORE_URI does not say; back it up beside this"
            )
    files: dict[str, dict[str, Kept]] = {}
    for name, store, patterns in parts(settings):
        files[name], copied = _copied(vault, name, store, patterns, tell)
        added += copied
    if not files["artifacts"]:
        place = settings.artifacts_url
        missing.append(f"the models: no artifacts of MLflow lie below {place}, seen from here")
    made = Backup(
        name=f"{now:%Y-%m-%dT%H%M%SZ}", made_at=now, revision=REVISIONS[-1], records=found,
        mlflow=mlflow, files=files, counts=counts, missing=tuple(missing), added=added,
    )  # fmt: skip
    vault.close(made)
    return made


def restore(
    vault: Vault, backup: Backup, *, settings: Settings, replace: bool = False, tell: Tell = str
) -> dict[str, int]:
    """Put everything back as it was, once all of the backup has been read and found sound.

    Returns how many rows are lost, by table: those that were on record and are not in the backup.

    Args:
        vault: where the backup is.
        backup: which.
        settings: of the home that takes it: its databases, its store.
        replace: also where there are records already.
        tell: is told what is done.

    Raises:
        NotEmpty: there are records, and `replace` is not said.
        BackupDamaged: a file of the backup is gone or changed; nothing was touched.
        BackupFailed: a database does not take its dump, and is as it was. Or a restore was cut
            short, and what came since has rows. Or nobody said where MLflow's database is.
    """
    mlflow = _place_of_mlflow(backup, settings)
    dumps.make_up(records_url(settings))
    now = on_record(settings)
    lost = {table: max(0, count - backup.counts[table]) for table, count in now.items()}
    if any(now.values()) and not replace:
        raise NotEmpty(
            f"there are records in this database already; those of {backup.name} can take their"
            f" place (--replace), and lost would be {in_words(lost) or 'nothing'}"
        )
    tell("reading the backup")
    vault.verify(backup)
    for name, store, _ in parts(settings):
        _put_back(vault, backup.files[name], store, tell)
    with tempfile.TemporaryDirectory() as scratch:
        if backup.mlflow:
            tell("restoring MLflow's database")
            dumps.restore_mlflow(mlflow, vault.fetch(backup.mlflow, Path(scratch, "mlflow")))
        tell("restoring the records")
        file = vault.fetch(backup.records, Path(scratch, "records"))
        dumps.restore_records(records_url(settings), file)
    return lost


def _place_of_mlflow(backup: Backup, settings: Settings) -> str:
    url = mlflow_url(settings)
    if backup.mlflow and not url:
        raise BackupFailed(
            f"{backup.name} holds MLflow's database, and where it is to go is not known:"
            f" {settings.tracking_uri} is a server; name its database by MLFLOW_BACKEND_STORE_URI"
        )
    return url


def on_record(settings: Settings) -> dict[str, int]:
    """Count the rows of the records as they are, by table; empty: there is no such schema."""
    url = records_url(settings)
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('evergreen.promotions') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return {}
    with Records(url, kept=0) as records:
        return records.counts(TOLD)


def in_words(rows: Mapping[str, int]) -> str:
    """Return counts as `2 promotions, 1,204 predictions`; empty: nothing."""
    return ", ".join(f"{count:,} {table}" for table, count in rows.items() if count)


def parts(settings: Settings) -> list[tuple[str, Store, tuple[str, ...]]]:
    """Return the name, the store and the patterns of the files that belong to a backup."""
    ours = tuple(f"{folder}/**/*" for folder in FOLDERS)
    return [
        ("store", storage.of(settings), ours),
        ("artifacts", Store(settings.artifacts_url, settings.store_options), ("**/*",)),
    ]


def records_url(settings: Settings) -> str:
    """Return the records' database, past PgBouncer."""
    return settings.direct_url or settings.database_url


def mlflow_url(settings: Settings) -> str:
    """Return MLflow's database; empty: a server stands before it, and nobody said where it is."""
    places = (settings.tracking_uri, settings.tracking_database_url)
    return next((place for place in places if place.startswith("postgresql")), "")


def _dumped(
    vault: Vault, dump: Callable[[str, Path], None], url: str, scratch: Path
) -> tuple[Kept, bool]:
    file = scratch / "dump"
    dump(url, file)
    return vault.put(lambda: file.open("rb"))


def _copied(
    vault: Vault, name: str, store: Store, patterns: tuple[str, ...], tell: Tell
) -> tuple[dict[str, Kept], int]:
    """Copy files to the vault; return them by path, and the bytes that were new there."""
    kept, added = {}, 0
    paths = [path for pattern in patterns for path in store.list(pattern)]
    for number, path in enumerate(paths, start=1):
        if number % 100 == 1:
            tell(f"{name}: file {number} of {len(paths)}")
        try:
            kept[path], new = vault.put(partial(store.open, path))
        except FileNotFoundError:  # deleted since it was listed, as nothing leads to it
            continue
        added += kept[path].size * new
    return kept, added


def _put_back(vault: Vault, files: dict[str, Kept], store: Store, tell: Tell) -> None:
    """Write the files that are not there or are others."""
    for number, (path, kept) in enumerate(files.items(), start=1):
        if number % 100 == 1:
            tell(f"{store.url}: file {number} of {len(files)}")
        if store.exists(path) and digest(partial(store.open, path)) == kept:
            continue
        with vault.open(kept) as stream, store.draft() as draft:
            shutil.copyfileobj(stream, draft, CHUNK)
            draft.publish(path)

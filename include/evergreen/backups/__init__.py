"""Backups of all that is ours: the records, MLflow's database, the store, the models.

Usage::

    vault = Vault("s3://elsewhere/evergreen")
    made = back_up(vault, records=records, settings=settings, now=now)
    vault.names()                                             # the newest last
    lost = restore(vault, vault.find(), settings=settings, replace=True)

`vault` keeps each file once, by its digest, so that a daily backup costs what a day adds; `dumps`
calls PostgreSQL's own programs; `story` puts them in the order that makes a backup whole.
"""

from evergreen.backups.story import back_up, in_words, restore
from evergreen.backups.vault import Backup, Vault

__all__ = ["Backup", "Vault", "back_up", "in_words", "restore"]

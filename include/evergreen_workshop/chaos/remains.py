"""What is struck while nothing runs: bytes on disk, and the records themselves.

Both need a backup from before: what was damaged is put back from it, and what happened since it was
made is lost with the records.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evergreen import backups, invariants, mending
from evergreen.backups import Backup, Vault
from evergreen.catalog import Catalog
from evergreen.errors import StackError
from evergreen_workshop.chaos.cells import Victim
from evergreen_workshop.chaos.world import World


@dataclass(frozen=True)
class Kept:
    """A backup of a world, and the way back to it."""

    world: World
    vault: Vault
    backup: Backup

    def restore(self) -> None:
        """Put everything back, as `evergreen restore --replace` does, with the service stopped."""
        world = self.world
        with world.without(Victim.SERVICE):
            backups.restore(self.vault, self.backup, settings=world.settings, replace=True)
            declared = {world.use_case.name: world.use_case}
            list(mending.mend_all(declared, world.records, world.settings))


@contextmanager
def backed_up(world: World) -> Iterator[Kept]:
    """Make a backup, which is deleted in the end.

    Raises:
        BackupFailed: a dump fails.
    """
    with tempfile.TemporaryDirectory(prefix="evergreen-vault-") as folder:
        vault = Vault(folder, {})
        now = datetime.now(UTC)
        made = backups.back_up(vault, records=world.records, settings=world.settings, now=now)
        yield Kept(world, vault, made)


def damage(world: World, victim: Victim) -> str:
    """Change one byte of a file of the champion's, and say what nobody noticed of it.

    Empty: `evergreen check` is red. What it finds is about this file, as it was green before.

    Raises:
        StackError: there is no such file.
    """
    before = _broken(world)
    flip(file_of(world, victim))
    if len(_broken(world)) > len(before):
        return ""
    return f"`evergreen check` does not notice a damaged {victim}"


def flip(file: Path) -> None:
    """Change the byte in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


def file_of(world: World, victim: Victim) -> Path:
    """Return a file that the champion rests on.

    Raises:
        StackError: there is none.
    """
    home, name = world.settings.home, world.use_case.name
    champion = world.records.promotions.champion(name)
    if champion is None:
        raise StackError(f"{name} has no champion yet")
    run = f"artifacts/*/{champion.run_id}/artifacts"
    model = champion.model_uri.removeprefix("models:/")
    pattern = {
        Victim.SNAPSHOT: f"snapshots/{name}/chunks/*.parquet",
        Victim.FIT: f"artifacts/*/models/{model}/artifacts/**/model.skops",
        Victim.GOLDEN: f"{run}/golden*.json",
        Victim.EVIDENCE: f"reports/{name}/*/evidence.json",
        Victim.COPY: f"models/{champion.sha256}/model.skops",
    }[victim]
    found = sorted(home.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise StackError(f"no file {pattern} below {home}")
    return found[-1]


def _broken(world: World) -> list[str]:
    alone = Catalog({world.use_case.name: world.use_case})
    findings = invariants.check(world.records, world.settings, alone)
    return [one.detail for one in findings if not one.holds]

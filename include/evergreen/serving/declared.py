"""Which use cases are declared now, for those who ask about one: no answer rests on it."""

from pathlib import Path

from evergreen import catalog


class Declared:
    """The names in the folder of the declarations, and what is wrong with some of its files."""

    def __init__(self, folder: Path) -> None:
        self.names: frozenset[str] = frozenset()
        self.broken: dict[str, str] = {}
        """What is wrong, by name."""
        self._folder, self._seen = folder, ""

    def look(self) -> None:
        """Read the files again if one has come, gone or changed."""
        if (now := self._now()) == self._seen:
            return
        found = catalog.load(self._folder)
        self.names = frozenset({*found.use_cases, *found.broken})
        self.broken = {
            name: f"its file is broken: {error.splitlines()[-1]}"
            for name, error in found.broken.items()
        }
        self._seen = now

    def _now(self) -> str:
        stats = ((path, path.stat()) for path in sorted(self._folder.glob("[!_]*.py")))
        return repr([(path.name, stat.st_mtime_ns, stat.st_size) for path, stat in stats])

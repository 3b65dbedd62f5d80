"""What was written for people: Data Docs, reports, drift pages, and logs of tasks below the home.

    Papers(subject, settings).data_docs(apply=False)     # how many runs of the Data Docs name it

Documents and pages are written anew without it: sample rows of it go, its marks are struck out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from evergreen import storage
from evergreen.forgetting.subject import Subject
from evergreen.records import Records
from evergreen.refs import Json
from evergreen.settings import Settings
from evergreen.storage import Store

PAGES = (".html", ".json", ".svg", ".md", ".txt")
EVIDENCE = "evidence.json"
STILL = timedelta(minutes=5)
"""A log to which nothing was written for so long is taken for closed."""


@dataclass(frozen=True)
class Papers:
    """What was written of a use case, and one subject in it."""

    subject: Subject
    settings: Settings

    def data_docs(self, *, apply: bool) -> int:
        """Count the runs of the Data Docs that name it, and build their pages anew."""
        store = storage.of(self.settings, storage.DATA_DOCS)
        found = 0
        for path in store.list(f"runs/{self.subject.use_case}/**/*.json"):
            document = json.loads(store.read(path))
            clean = self.subject.scrub(document)
            if clean == document:
                continue
            found += 1
            if apply:
                from evergreen.quality import data_docs  # not above: it loads Great Expectations

                data_docs.publish_again(store, path, clean)
        return found

    def pages(self, *, apply: bool) -> int:
        """Count the files of reports, drift pages and replays that name it, and strike it out."""
        named = [one for one in self._named() if not one[1].endswith(f"/{EVIDENCE}")]
        for store, path, clean in named if apply else ():
            store.publish(path, clean.encode("utf-8", "surrogateescape"))
        return len(named)

    def evidence(self) -> int:
        """Count the evidences of gates that name it: their digests are on record, so they stay."""
        return sum(path.endswith(f"/{EVIDENCE}") for _, path, _ in self._named())

    def profiles(self, digests: set[str], *, apply: bool) -> int:
        """Count what is known of champions' answers to such rows; it is measured again."""
        store = storage.of(self.settings, storage.DRIFT)
        held = [
            path
            for path in store.list(f"{self.subject.use_case}/champions/*.json")
            if _snapshot(json.loads(store.read(path))) in digests | {None}
        ]
        for path in held if apply else ():
            store.delete(path)
        return len(held)

    def memories(self, records: Records, *, apply: bool) -> int:
        """Count what is remembered of fits: answers by a hash of each row; they are made again."""
        walks = records.trainings.walks(self.subject.use_case)
        kept = storage.of(self.settings, storage.WALKS)
        fits = storage.of(self.settings, storage.REPLAYS)
        paths = fits.list(f"{self.subject.use_case}/fits/**/*.parquet")
        for walk in walks if apply else ():
            records.trainings.drop_walk(walk)
            kept.delete(walk.place)
        for path in paths if apply else ():
            fits.delete(path)
        return len(walks) + len(paths)

    def logs(self, now: datetime, *, apply: bool) -> tuple[int, int]:
        """Count the logs below the home that name it; and those that are still written to."""
        found = [path for path in self._logs() if self._names(path)]
        border = (now - STILL).timestamp()
        closed = [path for path in found if path.stat().st_mtime < border]
        for path in closed if apply else ():
            text = path.read_text("utf-8", "surrogateescape")
            path.write_text(self.subject.struck(text), "utf-8", "surrogateescape")
        return len(closed), len(found) - len(closed)

    def _named(self) -> Iterator[tuple[Store, str, str]]:
        """Yield the pages that name it, each with what they would be without it."""
        for store, path in self._pages():
            text = store.read(path).decode("utf-8", "surrogateescape")
            if any(needle in text for needle in self.subject.needles):
                clean = self._clean(path, text)
                if clean != text:
                    yield store, path, clean

    def _clean(self, path: str, text: str) -> str:
        if not path.endswith(".json"):
            return self.subject.struck(text)
        document = json.loads(text)
        clean = self.subject.scrub(document)
        return text if clean == document else json.dumps(clean, indent=1, ensure_ascii=False)

    def _pages(self) -> Iterator[tuple[Store, str]]:
        for folder in (storage.REPORTS, storage.DRIFT, storage.REPLAYS):
            store = storage.of(self.settings, folder)
            for path in store.list(f"{self.subject.use_case}/*/*"):
                if path.endswith(PAGES):
                    yield store, path

    def _logs(self) -> Iterator[Path]:
        for path in sorted(self.settings.home.rglob("*.log")):
            if path.is_file() and not path.is_symlink():
                yield path

    def _names(self, path: Path) -> bool:
        text = path.read_text("utf-8", "surrogateescape")
        return any(n in text for n in self.subject.needles) and self.subject.struck(text) != text


def _snapshot(calm: Json) -> str | None:
    """Return on which snapshot rests what is known of a champion in calm; None: it does not say."""
    found: str | None = calm.get("about", {}).get("snapshot")
    return calm["profile"].get("snapshot_sha256") if "profile" in calm else found

"""Answers about a subject that wait on the service's disk, or that PostgreSQL refused."""

import json
from pathlib import Path

from evergreen.forgetting.subject import Subject
from evergreen.serving.journal import unlocked


def forget(spool: Path, subject: Subject, *, apply: bool) -> tuple[int, int]:
    """Take its lines out of the files that no service holds.

    Returns how many there are, and how many lie in files of a service that runs: these it ships in
    seconds, but for what was refused; stop it, and ask again.
    """
    free, held = 0, 0
    for folder in sorted(spool.glob("*/")):
        with unlocked(folder) as alone:
            found = sum(_file(file, subject, apply=apply and alone) for file in _files(folder))
        free, held = (free + found, held) if alone else (free, held + found)
    return free, held


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def _file(file: Path, subject: Subject, *, apply: bool) -> int:
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:  # shipped by now
        return 0
    kept = [line for line in lines if not _is_about(line, subject)]
    if apply and len(kept) < len(lines):
        draft = file.parent.parent / f"{file.name}.draft"  # the folder must be empty when it goes
        draft.write_bytes(b"".join(kept))
        draft.replace(file)
        if not kept:
            file.unlink()
    return len(lines) - len(kept)


def _is_about(line: bytes, subject: Subject) -> bool:
    """Tell of a line; one that is no JSON is about the subject when it holds one of its texts."""
    try:
        found = json.loads(line)
    except ValueError:
        return any(needle.encode() in line for needle in subject.needles)
    return (
        isinstance(found, dict)
        and found.get("use_case") == subject.use_case
        and (subject.prediction(found))
    )

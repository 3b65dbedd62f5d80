"""Confirm a draft: take its flag out of its file, and leave everything else as it is.

activate(petals, settings.use_cases_dir / "petals.py", at=now, actor="ada", decisions=decisions)
# 'ada confirmed petals: Airflow trains it @daily, for the first time within a minute: …'
"""

import ast
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from evergreen.errors import EvergreenError
from evergreen.records import Decision, decision_id
from evergreen.records.protocols import DecisionLog
from evergreen.spec import UseCase

FLAG = "draft"
Place = tuple[int, int]
"""The first character and the one after the last."""


def activate(
    use_case: UseCase, path: Path, *, at: datetime, actor: str, decisions: DecisionLog
) -> str:
    """Take `draft=True` out of the declaration's file, on record; return what happens next.

    Raises:
        EvergreenError: it is no draft, or its file does not say so in so many words, or cannot be
            written; the file stays as it is, and nothing is on record.
    """
    if not use_case.draft:
        raise EvergreenError(f"{use_case.name} is no draft: it is active already")
    source = confirmed(path)
    sentence = f"{actor} confirmed {use_case.name}: {_next(use_case)}."
    decision = Decision(
        id=decision_id(use_case.name, "activation", at.isoformat()), use_case=use_case.name,
        kind="activation", outcome="activated", sentence=sentence, evidence={}, as_of=None,
        run_key=f"cli/activate/{at.isoformat()}", actor=actor,
    )  # fmt: skip
    with _beside(path, source) as written:
        decisions.record(decision)
        with _writing(path):
            written.replace(path)
    return sentence


def confirmed(path: Path) -> bytes:
    """Return what the file of a draft holds once it is confirmed.

    Raises:
        EvergreenError: it does not say `draft=True` once, in so many words.
    """
    source = path.read_bytes()
    begin, end = _whole_lines(source, _with_comma(source, _place(source, path)))
    return source[:begin] + source[end:]


def _next(use_case: UseCase) -> str:
    by_hand = f"`evergreen run {use_case.name}`"
    if use_case.schedule is None:
        return f"it is trained by hand, by {by_hand}; what its gate lets through goes live"
    first = "for the first time within a minute: watch it on Models"
    if not isinstance(use_case.schedule, str):
        first = "and Models shows it"
    return (
        f"Airflow trains it {use_case.schedule}, {first}, or {by_hand} where no Airflow runs;"
        " what its gate lets through goes live"
    )


def _place(source: bytes, path: Path) -> Place:
    """Return where `draft=True` stands, in bytes, as the places of `ast` are."""
    flags = [
        flag
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("UseCase")
        for flag in call.keywords
        if flag.arg == FLAG and isinstance(flag.value, ast.Constant)
    ]
    if len(flags) != 1:
        raise EvergreenError(
            f"{path} says draft=True {len(flags)} times in UseCase(...), not once; take it out by"
            " hand"
        )
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    [flag] = flags
    end = starts[(flag.end_lineno or flag.lineno) - 1] + (flag.end_col_offset or 0)
    return starts[flag.lineno - 1] + flag.col_offset, end


def _with_comma(source: bytes, place: Place) -> Place:
    begin, end = place
    after = source[end:].lstrip()
    return (begin, len(source) - len(after) + 1) if after[:1] == b"," else place


def _whole_lines(source: bytes, place: Place) -> Place:
    """Take the rest of the line too, its comment among it, if nothing else stands there."""
    begin, end = place
    start = source.rfind(b"\n", 0, begin) + 1
    stop = source.find(b"\n", end) + 1 or len(source)
    alone = not source[start:begin].strip()
    rest = source[end:stop].strip()
    if alone and (not rest or rest.startswith(b"#")):
        return start, stop
    return begin, end + (source[end : end + 1] == b" ")


@contextmanager
def _beside(path: Path, source: bytes) -> Iterator[Path]:
    """Yield a file that is ready to take the place of another; it goes if it does not.

    Whoever reads sees the old one or the new one, whole.
    """
    with _writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"_{path.stem}", suffix=".tmp")
    written = Path(name)
    try:
        with _writing(path), os.fdopen(handle, "wb") as file:
            file.write(source)
            written.chmod(path.stat().st_mode)
        yield written
    finally:
        written.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvergreenError(f"{path} cannot be written ({error}); edit it where it can") from error

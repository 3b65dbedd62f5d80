"""Use cases that ship, declared with their first candidates only: `.ci/run` trains them all."""

from pathlib import Path

from evergreen.settings import PROJECT

FEWER = """

from dataclasses import replace
from datetime import timedelta

from evergreen.spec import Release

USE_CASE = replace(
    USE_CASE,
    name="{name}",
    candidates=tuple(
        replace(one, search={{}}, windows=one.windows[:1])
        for one in USE_CASE.candidates[:{candidates}]
    ),
    {more}
)
"""


def declare(
    folder: Path, name: str, *, like: str = "", candidates: int = 1, more: str = ""
) -> None:
    """Declare a use case by this name, and its suite, in the two folders of a project.

    `like` is the one that ships, if its name is another; `more` is what else is changed.
    """
    shipped = like or name
    code = (PROJECT / "include" / "use_cases" / f"{shipped}.py").read_text()
    suite = (PROJECT / "expectations" / f"{shipped}.json").read_text()
    for kind in ("use_cases", "expectations"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    changed = FEWER.format(name=name, candidates=candidates, more=more)
    (folder / "use_cases" / f"{name}.py").write_text(code + changed)
    (folder / "expectations" / f"{name}.json").write_text(
        suite.replace(f'"name": "{shipped}"', f'"name": "{name}"')
    )

"""Watching: is what the champion is asked still what it learned from?

    window = Window(start=..., end=...)
    seen = watch(use_case, window, records=records, settings=settings)     # frozen, stored once
    seen.outcome, seen.sentence                           # "critical", "3 of 4 columns drifted …"
    records.windows.newest("weather", limit=48)
    look_back(use_case, window.end, records=records, settings=settings).surely_better

`reference` reads what the champion learned from; `columns` looks
for missing columns and nulls first, then `drift` asks Evidently; `outputs` and `quality` look at
the answers and at the labels that came since; `verdict` judges, `report` shows. `hindsight` asks
the fit that served before, `instead` what any other version would have answered. Light to import.
"""

from typing import TYPE_CHECKING

from evergreen.refs import Window, WindowRef

if TYPE_CHECKING:
    from datetime import datetime

    from evergreen.records import Records
    from evergreen.settings import Settings
    from evergreen.spec import UseCase
    from evergreen.watching.facts import Hindsight

__all__ = ["Window", "WindowRef", "look_back", "watch"]


def watch(
    use_case: "UseCase", window: Window, *, records: "Records", settings: "Settings"
) -> WindowRef:
    """Hold the window's logged predictions against the champion; the same window is done once.

    See `watching.watcher`, which is imported here because it loads what costs seconds.
    """
    from evergreen.watching.watcher import watch as watch_now

    records.retirements.check(use_case.name)
    return watch_now(use_case, window, records=records, settings=settings)


def look_back(
    use_case: "UseCase", end: "datetime", *, records: "Records", settings: "Settings"
) -> "Hindsight":
    """Hold the fit that served before against the answers given since: see `hindsight`."""
    from evergreen.watching.hindsight import look_back as look_back_now

    return look_back_now(use_case, end, records=records, settings=settings)

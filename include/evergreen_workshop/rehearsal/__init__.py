"""Weeks of a use case's life in minutes: its history, replayed day by day through the real steps.

Usage::

    with scratch.of(use_case, settings) as place:           # databases and folders of its own
        for day in rehearse(place, script.month(30), last=None):
            print(day.event, day.outcome, day.as_due)

`scratch` copies the source's rows into databases that are dropped again; `script` says how each
day's rows come and what is due; `life` plays them; nothing of the use case's own is touched.
"""

from evergreen_workshop.rehearsal.life import Happened, rehearse
from evergreen_workshop.rehearsal.script import Event, Plan, month

__all__ = ["Event", "Happened", "Plan", "month", "rehearse"]

"""Deciding: is the champion to be trained anew? Every answer is on record, also "no".

Usage::

    seen = watching.watch(use_case, window, records=records, settings=settings)
    decided = decide(use_case, seen, run, records=records, settings=settings)   # again: the same
    decided.retrain, decided.cause, decided.run_id, decided.sentence

`situation` gathers what is known, `policy` judges it, `Records.retrainings` keeps one for each
(window, champion), `alerts` tells people, `meters` tells Prometheus. Light to import.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evergreen.deciding.decision import DecisionRef
    from evergreen.records import Records
    from evergreen.refs import WindowRef
    from evergreen.settings import Settings
    from evergreen.spec import UseCase
    from evergreen.steps import Run

__all__ = ["decide"]


def decide(
    use_case: "UseCase",
    window: "WindowRef",
    run: "Run",
    *,
    records: "Records",
    settings: "Settings",
    waits: str = "",
) -> "DecisionRef":
    """Decide once for a window and champion whether to retrain; see `deciding.decision.decide`."""
    from evergreen.deciding import decision

    return decision.decide(use_case, window, run, records=records, settings=settings, waits=waits)

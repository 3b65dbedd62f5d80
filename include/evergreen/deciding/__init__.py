"""Deciding: is the champion to be trained anew? Every answer is on record, also "no".

Usage::

    seen = watching.watch(use_case, window, settings=settings)
    decided = decide(use_case, seen, run, settings=settings)      # again: the same decision
    decided.retrain, decided.cause, decided.run_id, decided.sentence

`situation` gathers what is known, `policy` judges it, `requests` keeps one retraining for each
(window, champion), `alerts` tells people, `meters` tells Prometheus. Light to import.
"""

from typing import TYPE_CHECKING

from evergreen.deciding.requests import Retrained, retrainings

if TYPE_CHECKING:
    from evergreen.deciding.decision import DecisionRef
    from evergreen.refs import WindowRef
    from evergreen.settings import Settings
    from evergreen.spec import UseCase
    from evergreen.steps import Run

__all__ = ["Retrained", "decide", "retrainings"]


def decide(
    use_case: "UseCase",
    window: "WindowRef",
    run: "Run",
    *,
    settings: "Settings",
    running: str = "",
) -> "DecisionRef":
    """Decide once for a window and champion whether to retrain; see `deciding.decision.decide`."""
    from evergreen.deciding import decision

    return decision.decide(use_case, window, run, settings=settings, running=running)

"""Replay: what other policies would have cost and gained on a use case's own history.

Usage::

    done = replay(weather, rows, raw, end=end, memories=shelf.memory)
    done.policies[0].difference      # to "as declared", with an interval
    done.recommendation

`period` cuts the history, `history` fits every recipe once at every cut and keeps the answers,
`policies` say which of the fits would have served (by `ruling`, the gate's own checks),
`outcomes` measures what was served, with `recovering`, and `advising` says a sentence. `shelf`
keeps it in the store::

    replays/<use case>/fits/<recipe>/<cut>/<recipe>.parquet   what a fit answered
    replays/<use case>/<replay id>/replay.json, chart.svg     what the page shows
"""

from evergreen.replaying.outcomes import Gained, PolicyOutcome
from evergreen.replaying.replay import Replay, replay

__all__ = ["Gained", "PolicyOutcome", "Replay", "replay"]

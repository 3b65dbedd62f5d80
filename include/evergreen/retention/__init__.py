"""Let go of what is old and what nothing leads to: told first, done when asked to.

    pruned = prune("weather", limits, as_of=now, apply=False, actor="ada", …)   # what would go
    [(one.kind, one.things, one.bytes, one.oldest, one.why) for one in pruned]

`limits`    how long each kind is kept
`reach`     what champions, trials, pins, trainings under way and recent decisions lead to: it stays
`things`    what lies in the store; chunks are shared, and go with the last that names them
`choosing`  which of it goes, by age and by size
`pruning`   the story: predictions, trainings, then the store; `logs` of tasks

Decisions, promotions, dossiers, windows and incidents are small and always stay: that something
was there, and why, can be told for ever.
"""

from evergreen.retention.limits import Limits
from evergreen.retention.pruning import prune, prune_all, sentence

__all__ = ["Limits", "prune", "prune_all", "sentence"]

"""What the next training will take, before anything of it runs; and what was foretold of the last.

    made = plan(weather, as_of=as_of, records=records, settings=settings)
    made.seconds, made.peak_bytes, made.fits, made.kept      # in all
    made.steps[0].rows                                       # of extract
    last(weather, records=records).ratio                     # what happened by what was foretold

`measuring`    puts on record what each step of `steps.py` costs
`folds`        counts the fits of a walk: those that are known, and those to be made
`forecasting`  from what earlier runs cost to what the next one will
`story`        reads the records, and holds a forecast against what happened
`rush`         when many trainings are done that share slots and cores
`fleet`        all trainings that schedules start in a span of time
`looking_back` the same of those that have run
"""

from evergreen.planning.fleet import FleetPlan, Room, foretell_all
from evergreen.planning.looking_back import FleetHappened, last_of_all
from evergreen.planning.measuring import measured
from evergreen.planning.story import Happened, foretell, last, next_moment, plan

__all__ = [
    "FleetHappened", "FleetPlan", "Happened", "Room", "foretell", "foretell_all", "last",
    "last_of_all", "measured", "next_moment", "plan",
]  # fmt: skip

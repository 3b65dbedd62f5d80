"""Batch scoring: raw rows in, predictions out, by the code that answers over HTTP.

    interval = interval_of(churn, as_of, None, None)             # the day that has ended
    done = score(churn, asked(churn, interval), run, records=records, settings=settings)
    done.rows, done.refused, done.sentence

`orders` what is asked for; `raw` rows of a query or a file; `admission` which of them may be asked;
`chunks` of rows with their history (`past`); `asking` the champion; `columns` what is written of a
row; `sinks` where it goes; `sample` what is logged to be watched; `story` all of it.
"""

from evergreen.scoring.orders import Asked, asked, interval_of
from evergreen.scoring.raw import ScoringInterval
from evergreen.scoring.story import score

__all__ = ["Asked", "ScoringInterval", "asked", "interval_of", "score"]

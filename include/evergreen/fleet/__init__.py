"""All use cases as one table, those first that need a person.

    fleet = read(catalog, records=records, now=now)       # as many queries for 200 as for one
    fleet.rows[0].needs[0].why                            # "train failed: …"
    fleet.only(Wanted(tag="payments", state="alert"))     # of one team, where something lasts

`row`     what is on record of one use case, on one line
`needs`   what needs a person, and what first: the order is there and nowhere else
`table`   reads and sorts them; the page Models and `evergreen ls` show what it returns
`in_words` its cells, for a person
"""

from evergreen.fleet import in_words, needs, table
from evergreen.fleet.needs import NOBODY, SOMEBODY, STATES
from evergreen.fleet.row import Metric, Need, Row, unmended
from evergreen.fleet.table import Fleet, Wanted, read

__all__ = [
    "NOBODY", "SOMEBODY", "STATES", "Fleet", "Metric", "Need", "Row", "Wanted", "in_words", "needs",
    "read", "table", "unmended",
]  # fmt: skip

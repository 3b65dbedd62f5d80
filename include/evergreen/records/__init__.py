"""Everything of ours that PostgreSQL holds: the schema `evergreen`. Nobody else writes SQL to it.

    with records.open(settings) as kept:              # at the edge: a command, a task, the service
        kept.promotions.champion("weather")           # the newest promotion, or None
        kept.decisions.record(Decision(...))          # again: changes nothing
        with kept.locks.hold("champion", "weather"):  # for seconds
            ...

`client`      Records: one object for each process and URL; a repository per table, as attributes
`pool`        its connections: shared by threads, left alone by forked children, replaced when dead
`session`     a transaction: UTC, no search path, nothing that outlives it (PgBouncer may share)
`schema`      is the schema the one that this code knows? `migrations/`: Alembic's, of plain SQL
`decisions` `promotions` `incidents`                  what was decided, who is champion, what failed
`predictions` `windows` `retrainings` `trials`        what was served, watched, asked for, tried out
`months`      where predictions and labels lie; `tallies` how many there are, counted as they come
`landings` `pins` `dossiers`                          what came, what stays, what belongs to whom
`retirements` `scorings` `approvals`  which ended, what batches scored, who waits for a word
`requests`    how many were answered and refused; `heartbeats` when the watchdog looked last
`api_keys`    who may ask the service, for what, until when
`prunings`    how much went of what was old, so that counts stay right
`erasures` `subjects`  that somebody was forgotten, and what the tables held of one subject
`costs`       what the steps of trainings took, and what had been foretold
`quarantine`  which rows the newest snapshots lack, as they broke expectations
`features`    of rows by key, of one definition each, where a use case has them stored
`errors`      what PostgreSQL says when it does not do it, in our words
`locks`       for seconds, of a transaction; `leases` for hours: a heartbeat, a fence for commits
`protocols`   what functions of the domain ask for; tests/fakes.py has them in memory
Domain functions are handed Records or a repository, and construct none. Light to import.
"""

from evergreen.records.api_keys import ApiKey, ApiKeys
from evergreen.records.approvals import Approval, Approvals
from evergreen.records.client import Records, open
from evergreen.records.costs import Cost, Costs, Foretold
from evergreen.records.decisions import Decision, Decisions, Judged, decision_id, reversal_id
from evergreen.records.dossiers import Dossiers
from evergreen.records.erasures import Erasure, Erasures
from evergreen.records.incidents import DIGEST, HOUSE, Incident, Incidents
from evergreen.records.labels import Counted, Given, Labels, Told
from evergreen.records.landings import Landings
from evergreen.records.leases import Lease, Leases
from evergreen.records.months import Month, Months, Share
from evergreen.records.pins import Pin, Pins
from evergreen.records.pool import Connection
from evergreen.records.predictions import Drops, Labelled, Logged, Predictions, Reviewed
from evergreen.records.promotions import Chain, Promotion, Promotions, chain
from evergreen.records.prunings import Old, Pruning, Prunings
from evergreen.records.requests import RequestCounts, Requests
from evergreen.records.retirements import Retirement, Retirements
from evergreen.records.retrainings import Retrained, Retrainings
from evergreen.records.schema import REVISIONS
from evergreen.records.scorings import Scored, Scorings
from evergreen.records.subjects import Subjects
from evergreen.records.trials import Side, TrialRow, Trials
from evergreen.records.windows import Ends, WatchedWindows

__all__ = [
    "DIGEST", "HOUSE", "REVISIONS", "ApiKey", "ApiKeys", "Approval", "Approvals", "Chain",
    "Connection", "Cost", "Costs", "Counted", "Decision", "Decisions", "Dossiers", "Drops", "Ends",
    "Erasure", "Erasures", "Foretold", "Given", "Incident", "Incidents", "Judged", "Labelled",
    "Labels", "Landings", "Lease", "Leases", "Logged", "Month", "Months", "Old", "Pin", "Pins",
    "Predictions", "Promotion", "Promotions", "Pruning", "Prunings", "Records", "RequestCounts",
    "Requests", "Retirement", "Retirements", "Retrained", "Retrainings", "Reviewed", "Scored",
    "Scorings", "Share", "Side", "Subjects", "Told", "TrialRow", "Trials", "WatchedWindows",
    "chain", "decision_id", "open", "reversal_id",
]  # fmt: skip

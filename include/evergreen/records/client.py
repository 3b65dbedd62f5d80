"""The client: a pool of connections and a repository for each table."""

import copy
from collections.abc import Sequence
from typing import Self

from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from evergreen.records import schema
from evergreen.records.api_keys import ApiKeys
from evergreen.records.approvals import Approvals
from evergreen.records.costs import Costs
from evergreen.records.decisions import Decisions
from evergreen.records.dossiers import Dossiers
from evergreen.records.erasures import Erasures
from evergreen.records.features import Features
from evergreen.records.figures import Figures
from evergreen.records.heartbeats import Heartbeats
from evergreen.records.incidents import Incidents
from evergreen.records.labels import Labels
from evergreen.records.landings import Landings
from evergreen.records.leases import Lease, Leases
from evergreen.records.locks import Locks
from evergreen.records.months import Months
from evergreen.records.pins import Pins
from evergreen.records.pool import KEPT, Pool, connect
from evergreen.records.predictions import Drops, Predictions
from evergreen.records.promotions import Promotions
from evergreen.records.prunings import Prunings
from evergreen.records.quarantine import Quarantine
from evergreen.records.requests import Requests
from evergreen.records.retirements import Retirements
from evergreen.records.retrainings import Retrainings
from evergreen.records.scorings import Scorings
from evergreen.records.session import Session
from evergreen.records.subjects import Subjects
from evergreen.records.trainings import Trainings
from evergreen.records.trials import Trials
from evergreen.records.windows import WatchedWindows
from evergreen.settings import Settings

POSITION = """
SELECT (SELECT concat_ws('/', max(id), count(*)) FROM evergreen.promotions) AS promoted,
    (SELECT count(*) * 2 + count(stopped_at) FROM evergreen.releases) AS trials,
    (SELECT count(*) * 2 + count(lifted_at) FROM evergreen.retirements) AS retired,
    (SELECT count(*) * 2 + count(revoked_at) FROM evergreen.api_keys) AS keys,
    (SELECT max(finished_at) FROM evergreen.erasures) AS forgotten
"""
READ_BY_PEOPLE = ("decisions", "promotions", "incidents", "pins", "retirements", "approvals")


def open(settings: Settings, *, statement_seconds: float = 0) -> "Records":
    """Return the records of the settings; the caller closes them, as by `with`."""
    return Records(
        settings.database_url, direct_url=settings.direct_url, statement_seconds=statement_seconds
    )


class Records:
    """The tables of the schema `evergreen` in one database."""

    def __init__(
        self, url: str, *, direct_url: str = "", kept: int = KEPT, statement_seconds: float = 0
    ) -> None:
        """Connect to nothing yet; see `pool.Pool` for the other arguments.

        `direct_url` leads past PgBouncer, to migrate and to listen; empty: `url` does.
        """
        self._direct_url, self._is_current = direct_url or url, False
        self._pool = Pool(url, kept=kept, statement_seconds=statement_seconds)
        self._bind(Session(self._pool, self.migrate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def migrate(self) -> None:
        """Create the schema or bring it up to date; once asked, it is so for good.

        Raises:
            SchemaOutdated: it must be brought up to date where Alembic is installed.
        """
        if not self._is_current:
            schema.ensure(self._pool, self._direct_url)
            self._is_current = True

    def listen(self, channel: str = "evergreen_serving") -> connection:
        """Open a connection of its own that hears of new champions and trials."""
        self.migrate()
        opened = connect(self._direct_url)
        opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with opened.cursor() as cursor:
            cursor.execute(f"SET TimeZone = 'UTC'; LISTEN {channel}")
        return opened

    def position(self) -> str:
        """Return what changes whenever a champion moves, a trial or a use case begins or ends,
        who may ask does, or a subject is forgotten."""
        return str(self._session.read(POSITION)[0])

    def fenced(self, lease: Lease) -> Self:
        """Return the same, which writes only as long as nobody else has the lease."""
        same = copy.copy(self)
        same._bind(self._session.guarded(lease.check))
        return same

    def counts(self, tables: Sequence[str]) -> dict[str, int]:
        """Count the rows of some of our tables, at one moment."""
        columns = ", ".join(f"(SELECT count(*) FROM evergreen.{t}) AS {t}" for t in tables)
        [row] = self._session.read(f"SELECT {columns}")
        return dict(row)

    def holding(self, secrets: list[str]) -> list[str]:
        """Return the rows that people read and that hold one of these secrets."""
        return [
            f"evergreen.{table} {row['id']}"
            for table in READ_BY_PEOPLE
            for row in self._session.read(
                f"SELECT row.id FROM evergreen.{table} AS row, unnest(%s) AS secret"
                " WHERE strpos(row::text, secret) > 0 LIMIT 1",
                (secrets,),
            )
        ]

    def _bind(self, session: Session) -> None:
        self._session = session
        self.decisions = Decisions(session)
        self.promotions = Promotions(session)
        self.incidents = Incidents(session)
        self.predictions = Predictions(session)
        self.months = Months(session)
        self.labels = Labels(session)
        self.drops = Drops(session)
        self.requests = Requests(session)
        self.heartbeats = Heartbeats(session)
        self.windows = WatchedWindows(session)
        self.retrainings = Retrainings(session)
        self.trials = Trials(session)
        self.landings = Landings(session)
        self.scorings = Scorings(session)
        self.pins = Pins(session)
        self.approvals = Approvals(session)
        self.api_keys = ApiKeys(session)
        self.retirements = Retirements(session)
        self.trainings = Trainings(session)
        self.costs = Costs(session)
        self.prunings = Prunings(session)
        self.erasures = Erasures(session)
        self.subjects = Subjects(session)
        self.quarantine = Quarantine(session)
        self.features = Features(session)
        self.dossiers = Dossiers(session)
        self.figures = Figures(session)
        self.locks = Locks(session)
        self.leases = Leases(session)

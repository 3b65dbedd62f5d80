"""Databases for tests: what one has added is taken away, and the next gets it as if it were new.

To create one takes a tenth of a second of the server, and to delete hundreds of them many minutes.
What cannot be brought back is dropped.
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import psycopg2

from evergreen.records.pool import is_alive
from evergreen_workshop.stack.postgres import EmbeddedPostgres

LENDER = "lender"
"""What PostgreSQL's lists call the sessions that clean."""
OURS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
EXISTING = f"""
SELECT 'schema', nspname, 0 FROM pg_namespace WHERE {OURS}
UNION ALL SELECT 'relation', concat_ws('.', nspname, relname, relnatts), c.oid::int
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE {OURS}
UNION ALL SELECT 'type', nspname || '.' || typname, t.oid::int
    FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE {OURS}
UNION ALL SELECT 'function', nspname || '.' || proname, p.oid::int
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE {OURS}
UNION ALL SELECT 'extension', extname, 0 FROM pg_extension
UNION ALL SELECT 'setting', array_to_string(setconfig, ','), 0
    FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
    WHERE datname = current_database()
UNION ALL SELECT 'sequence', schemaname || '.' || sequencename, last_value::int
    FROM pg_sequences WHERE last_value IS NOT NULL
"""
TABLES = f"""
SELECT format('%I.%I', nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND {OURS}
"""
ADDED = f"""
SELECT format('DROP %s IF EXISTS %I.%I CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
    nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v') AND c.oid > {{newest}} AND {OURS}
"""
COUNTED = """
SELECT format('ALTER SEQUENCE %I.%I RESTART', schemaname, sequencename)
FROM pg_sequences WHERE last_value IS NOT NULL
"""
AS_REPLICA = "SET session_replication_role = replica"
"""Without triggers and foreign keys."""
END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
FIRST_ROWS = "SELECT '{0}', string_agg(t::text, ',') FROM (SELECT * FROM {0} LIMIT 99) AS t"
"""Of a table; a template has fewer."""
EMPTY = "DELETE FROM {0} AS t WHERE position(t::text in %s) = 0"


class Databases:
    """Copies of a template, each lent to one test at a time."""

    def __init__(self, server: EmbeddedPostgres, prefix: str, template: str = "template1") -> None:
        self._server, self._prefix, self._template = server, prefix, template
        self._numbers, self._unused = itertools.count(), list[str]()
        self._untouched: list[Any] = []
        self._sessions: dict[str, Any] = {}

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Give the URL of a database that is as the template."""
        name = self._unused.pop() if self._unused else self._new()
        yield self._server.url(name)
        if self._is_as_new(name):
            self._unused.append(name)
        else:
            self._sessions.pop(name, None)
            with self._session("postgres") as session:
                session.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _new(self) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._server.create_database(name, template=self._template)
        if not self._untouched:
            with self._session(name) as session:
                self._untouched = _content(session)
        return name

    def _is_as_new(self, name: str) -> bool:
        """Take away what was added, and tell whether all is as the template again."""
        try:
            with self._session(name) as session:
                if _content(session) == self._untouched:
                    return True
                _take_away(session, *self._untouched)
                return _content(session) == self._untouched
        except psycopg2.Error:  # dropped by its test, or locked
            return False

    @contextlib.contextmanager
    def _session(self, database: str) -> Iterator[Any]:
        """One that stays as long as its database: it knows the tables, a new one asks for each."""
        opened = self._sessions.get(database)
        if opened is None or not is_alive(opened):  # a test may have cut it off
            options = "-c statement_timeout=5000 -c search_path="
            opened = self._sessions[database] = psycopg2.connect(
                self._server.url(database), application_name=LENDER, options=options
            )
            opened.autocommit = True
        with opened.cursor() as cursor:
            yield cursor


def duplicate(server: EmbeddedPostgres, template: str, name: str) -> None:
    """Copy a database; who is connected to it is cut off."""
    with contextlib.closing(psycopg2.connect(server.url(template))) as connection:
        connection.cursor().execute(END_OTHERS)
    server.create_database(name, template=template)


def _content(session: Any) -> list[Any]:
    """What is there beside PostgreSQL's own, and the first rows of each table."""
    existing = sorted(_ask(session, EXISTING))
    rows = " UNION ALL ".join(FIRST_ROWS.format(table) for (table,) in _ask(session, TABLES))
    return [existing, sorted(_ask(session, rows)) if rows else []]


def _take_away(session: Any, existing: list[Any], rows: list[Any]) -> None:
    session.execute(END_OTHERS)
    newest = max((oid for kind, _, oid in existing if kind == "relation"), default=0)
    added = [drop for (drop,) in _ask(session, ADDED.format(newest=newest))]
    counted = [restart for (restart,) in _ask(session, COUNTED)]
    empty = [EMPTY.format(table) for table, _ in rows]
    kept = [there or "" for _, there in rows]
    session.execute("; ".join([AS_REPLICA, *counted, *added]))
    session.execute("; ".join([AS_REPLICA, *empty]), kept)


def _ask(session: Any, sql: str) -> list[Any]:
    session.execute(sql)
    return list(session.fetchall())

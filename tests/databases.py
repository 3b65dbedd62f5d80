"""Databases for tests: what one has left untouched goes to the next, the others are dropped.

To create one takes a tenth of a second of the server, and to delete hundreds of them many minutes.
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import psycopg2

from evergreen_workshop.stack.postgres import EmbeddedPostgres

OURS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
EXISTING = f"""
SELECT 'schema', nspname, 0 FROM pg_namespace WHERE {OURS}
UNION ALL SELECT 'relation', nspname || '.' || relname, c.oid::int
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
FIRST_ROWS = "SELECT '{0}', string_agg(t::text, ',') FROM (SELECT * FROM {0} LIMIT 9) AS t"


class Databases:
    """Copies of a template, each lent to one test at a time."""

    def __init__(self, server: EmbeddedPostgres, prefix: str, template: str = "template1") -> None:
        self._server, self._prefix, self._template = server, prefix, template
        self._numbers, self._unused = itertools.count(), list[str]()
        self._untouched: list[Any] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Give the URL of a database that is as the template."""
        name = self._unused.pop() if self._unused else self._new()
        yield self._server.url(name)
        if self._content(name) == self._untouched:
            self._unused.append(name)
        else:
            self._ask("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')

    def _new(self) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._server.create_database(name, template=self._template)
        self._untouched = self._untouched or self._content(name)
        return name

    def _content(self, name: str) -> list[Any]:
        """What is there beside PostgreSQL's own; the rows too, if that is what a new one has."""
        try:
            existing = sorted(self._ask(name, EXISTING))
            if self._untouched and existing != self._untouched[0]:
                return []
            tables = [table for (table,) in self._ask(name, TABLES)]
            rows = " UNION ALL ".join(map(FIRST_ROWS.format, tables))
            return [existing, sorted(self._ask(name, rows)) if rows else []]
        except psycopg2.Error:  # dropped by its test, or locked
            return []

    def _ask(self, database: str, sql: str) -> list[Any]:
        with contextlib.closing(
            psycopg2.connect(self._server.url(database), options="-c statement_timeout=5000")
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

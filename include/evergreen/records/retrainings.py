"""The retrainings that were asked for, one for each window and champion."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from evergreen.records.session import Session
from evergreen.refs import Ref

ASKED, PASSED, REFUSED, FAILED = "asked", "passed", "refused", "failed"

ASK = """
INSERT INTO evergreen.retrainings (use_case, window_end, champion, cause, run_key, asked_at)
VALUES (%(use_case)s, %(window_end)s, %(champion)s, %(cause)s, %(run_key)s, %(asked_at)s)
ON CONFLICT ON CONSTRAINT retrainings_once DO NOTHING
"""
LIST = """
SELECT r.use_case, r.window_end, r.champion, r.cause, r.run_key, r.asked_at,
       coalesce(judged.outcome, failed.outcome, 'asked') AS outcome,
       coalesce(judged.sentence, failed.message, '') AS sentence
FROM evergreen.retrainings r
LEFT JOIN LATERAL (
    SELECT d.outcome, d.sentence FROM evergreen.decisions d
    WHERE d.run_key = r.run_key AND d.kind IN ('gate', 'validation')
    ORDER BY d.number DESC LIMIT 1
) judged ON true
LEFT JOIN LATERAL (
    SELECT 'failed' AS outcome, i.message FROM evergreen.incidents i
    WHERE i.run_key = r.run_key AND i.kind = 'failure'
) failed ON true
WHERE r.use_case = %s {condition}
ORDER BY r.asked_at DESC, r.id DESC LIMIT %s
"""
MATTERS = """
SELECT true AS asked, use_case, window_end::text, champion::text, run_key
FROM evergreen.retrainings
UNION ALL
SELECT false, use_case, evidence #>> '{situation,window,end}',
    evidence #>> '{situation,window,champion}', coalesce(evidence->>'run_key', '')
FROM evergreen.decisions
WHERE kind = 'trigger' AND outcome = 'retrain' AND evidence ? 'situation'
"""


@dataclass(frozen=True, kw_only=True)
class Retrained(Ref):
    """A retraining that was asked for, and what came of it."""

    use_case: str
    window_end: datetime
    champion: int
    """Version that was champion when it was asked for."""
    cause: str
    """drift, quality or new rows."""
    run_key: str
    """`<use case>_training/<run id>`."""
    asked_at: datetime
    outcome: str = ASKED
    """asked (nothing came of it yet), passed or refused (by gate or validation), failed."""
    sentence: str = ""
    """Why it was refused, or failed."""

    @property
    def run_id(self) -> str:
        """The id of its run in Airflow."""
        return self.run_key.partition("/")[2]


class Matter(NamedTuple):
    """A window and champion that a retraining was asked (or else decided) for."""

    asked: bool
    use_case: str
    window_end: str
    champion: str
    run_key: str


class Retrainings:
    """The table `evergreen.retrainings`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, retraining: Retrained) -> Retrained:
        """Ask for a retraining; return the one of its window and champion, as stored."""
        self._session.write(ASK, retraining.to_json())
        matter = (retraining.use_case, retraining.window_end, retraining.champion, 1)
        (stored,) = self._read("AND r.window_end = %s AND r.champion = %s", matter)
        return stored

    def newest(self, use_case: str, limit: int = 100) -> tuple[Retrained, ...]:
        """Return what was asked for, newest first."""
        return self._read("", (use_case, limit))

    def matters(self) -> list[Matter]:
        """Return what was asked for and what decisions say of it, at one moment."""
        return [Matter(**row) for row in self._session.read(MATTERS)]

    def _read(self, condition: str, values: tuple[object, ...]) -> tuple[Retrained, ...]:
        rows = self._session.read(LIST.format(condition=condition), values)
        return tuple(map(Retrained.from_json, rows))

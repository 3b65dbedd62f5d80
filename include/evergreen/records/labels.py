"""What turned out to be true of predictions. Each keeps its first label."""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from evergreen.records.session import Session, document


class Given(NamedTuple):
    """What turned out to be true of the answers about a row, or of one answer."""

    label: Any
    key: str = ""
    """JSON of the row's key; empty: `id` names an answer."""
    id: str = ""


class Counted(NamedTuple):
    """What became of labels that were given together."""

    stored: int
    same: int
    """Answers that had the same label."""
    conflicts: int
    """Answers that had another one, which stays."""
    unknown: int
    """Labels of no answer that is on record."""


class Told(Enum):
    """What became of a label."""

    STORED = "stored"
    SAME = "the same label was given before"
    CONFLICT = "another label was given before"
    UNKNOWN = "there is no such prediction"


class Labels:
    """The table `evergreen.labels`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def give(self, use_case: str, prediction_id: str, label: Any) -> Told:
        """Store what turned out to be true of a prediction. The first label stays."""
        values = {"label": document(label), "id": prediction_id, "use_case": use_case}
        if self._session.write(_GIVE, values):
            return Told.STORED
        known = self._session.read(_KNOWN, values)
        if not known:
            return Told.UNKNOWN
        return Told.SAME if known[0]["same"] else Told.CONFLICT

    def give_many(self, use_case: str, given: Sequence[Given], at: datetime) -> Counted:
        """Store what turned out to be true of answers up to a moment, known since then.

        The first label of an answer stays, also among those that are given together.
        """
        rows = [
            {"n": n, "key": json.loads(one.key) if one.key else None, "id": one.id or None,
             "label": one.label}
            for n, one in enumerate(given)
        ]  # fmt: skip
        values = {"use_case": use_case, "given": document(rows), "at": at}
        return Counted(**self._session.write(_GIVE_MANY, values)[0])


_GIVE_MANY = """
WITH given AS MATERIALIZED (
    SELECT n, key, id, label
    FROM jsonb_to_recordset(%(given)s::jsonb) AS given (n int, key jsonb, id uuid, label jsonb)
),
named AS (
    SELECT n, predictions.id, label, variant, time FROM given
    JOIN evergreen.predictions ON use_case = %(use_case)s AND predictions.key = given.key
    UNION ALL
    SELECT n, predictions.id, label, variant, time FROM given
    JOIN evergreen.predictions ON predictions.id = given.id AND use_case = %(use_case)s
),
found AS MATERIALIZED (
    SELECT n, id, label, time FROM named WHERE variant <> 'shadow' AND time <= %(at)s
),
first AS (SELECT DISTINCT ON (id) id, label, time FROM found ORDER BY id, n),
held AS (  -- none of them is pruned meanwhile
    SELECT predictions.id FROM first JOIN evergreen.predictions USING (id, time)
    FOR KEY SHARE OF predictions
),
stored AS (
    INSERT INTO evergreen.labels (prediction_id, use_case, label, time, answered_at)
    SELECT id, %(use_case)s, label, %(at)s, time FROM first JOIN held USING (id)
    ON CONFLICT DO NOTHING
    RETURNING prediction_id, label
),
settled AS (
    SELECT prediction_id, label FROM stored UNION ALL
    SELECT prediction_id, labels.label FROM first
    JOIN evergreen.labels ON prediction_id = id AND answered_at = first.time
)
SELECT (SELECT count(*) FROM stored) AS stored,
    (SELECT count(*) FROM found JOIN settled ON prediction_id = id
     WHERE settled.label = found.label) - (SELECT count(*) FROM stored) AS same,
    (SELECT count(*) FROM found JOIN settled ON prediction_id = id
     WHERE settled.label <> found.label) AS conflicts,
    (SELECT count(*) FROM given WHERE n NOT IN (SELECT n FROM found)) AS unknown
"""
_GIVE = """
WITH held AS (  -- it is not pruned meanwhile
    SELECT id, time FROM evergreen.predictions
    WHERE id = %(id)s::uuid AND use_case = %(use_case)s AND variant <> 'shadow' FOR KEY SHARE
)
INSERT INTO evergreen.labels (prediction_id, use_case, label, answered_at)
SELECT id, %(use_case)s, %(label)s::jsonb, time FROM held
ON CONFLICT DO NOTHING RETURNING prediction_id
"""
_KNOWN = """
SELECT label = %(label)s::jsonb AS same FROM evergreen.labels
WHERE prediction_id = %(id)s::uuid AND use_case = %(use_case)s
"""

"""What was decided, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from evergreen.records.session import (
    Row,
    Session,
    document,
    insert,
    newest_of_each,
    storable,
)
from evergreen.refs import Json, Status

ASIDE = ("backfill", "trigger", "scoring")
"""Kinds that decide nothing about the champion: what a day of the past would have come to, whether
to train, and that nothing could be scored."""
TRAINED = ("validation", "gate", "fit", "paper")
"""Kinds that a training decides."""


def _newest(where: str) -> str:
    columns = (
        "id, use_case, kind, outcome, sentence, '{}'::jsonb AS evidence, as_of, run_key, actor,"
        " created_at"
    )
    return newest_of_each("decisions", "number DESC", columns=columns, where=where)


LAST = _newest(f"kind <> ALL (ARRAY{list(ASIDE)})")
LAST_TRAINED = _newest(f"kind = ANY (ARRAY{list(TRAINED)})")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Something that was decided, with its reason in one sentence and the evidence."""

    id: str
    """See `decision_id`."""
    use_case: str
    kind: str
    """validation, gate, promotion, rollback, pin, repair, trigger, activation, retirement, scoring,
    dry_run or backfill."""
    outcome: str
    """passed, refused, promoted, stale, rolled back, repaired ..."""
    sentence: str
    evidence: Json
    as_of: datetime | None
    run_key: str
    actor: str
    created_at: datetime | None = None
    """Set by the repository."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A decision on a model in short: the evidence of ten thousand would be a gigabyte."""

    id: str
    use_case: str
    kind: str
    outcome: str
    report_id: str
    """`?`: the evidence names none."""
    sha256: str | None
    """Of the model that was judged."""
    checks: int
    """How many there were."""
    not_passed: dict[str, str]
    """Checks that did not pass, by name, each with its status."""
    rows: int
    """Of snapshot, training and holdout, the fewest."""


_JUDGED = """
SELECT id, use_case, kind, outcome, coalesce(evaluation ->> 'report_id', '?') AS report_id,
    evaluation #>> '{challenger,sha256}' AS sha256,
    coalesce(jsonb_array_length(checks), 0) AS checks,
    (SELECT coalesce(jsonb_object_agg(one ->> 'name', one ->> 'status'), '{}')
     FROM jsonb_array_elements(checks) AS one WHERE one ->> 'status' <> %(passed)s) AS not_passed,
    least(coalesce((features #>> '{snapshot,rows}')::bigint, 0),
        coalesce((features #>> '{training,rows}')::bigint, 0),
        coalesce((features #>> '{holdout,rows}')::bigint, 0)) AS rows
FROM evergreen.decisions, jsonb_to_record(evidence) AS told (evaluation jsonb, checks jsonb),
    jsonb_to_record(evaluation) AS of (features jsonb)
WHERE kind = ANY(%(kinds)s) ORDER BY number DESC
"""


def decision_id(use_case: str, kind: str, about: str) -> str:
    """Return the id of the decision of that kind about a report or a run: always the same."""
    return str(uuid5(NAMESPACE_URL, "/".join(("evergreen", use_case, kind, about))))


def reversal_id(id: str, outcome: str) -> str:
    """Return the id of a later decision on the matter of `id` that came out differently."""
    return str(uuid5(UUID(id), outcome))


class Decisions:
    """The table `evergreen.decisions`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, decision: Decision) -> Decision:
        """Store a decision and return it as stored; the same one again changes nothing.

        When the same matter is decided differently later (a threshold was changed and the run
        repeated), that is a decision of its own: both stay on record.
        """
        stored = self._store(decision)
        if stored.outcome == decision.outcome:
            return stored
        return self._store(replace(decision, id=reversal_id(decision.id, decision.outcome)))

    def get(self, id: str, outcome: str | None = None) -> Decision | None:
        """Return the decision of that id; with an outcome, the one on its matter that had it."""
        other = id if outcome is None else reversal_id(id, outcome)
        rows = self._session.read(
            "SELECT * FROM evergreen.decisions"
            " WHERE id IN (%s::uuid, %s::uuid) AND outcome = coalesce(%s, outcome)",
            (id, other, outcome),
        )
        return _decision(rows[0]) if rows else None

    def newest(
        self,
        use_case: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        without: Sequence[str] = (),
    ) -> tuple[Decision, ...]:
        """Return decisions, newest first: of one use case or all, of one kind, or without some."""
        rows = self._session.read(
            "SELECT * FROM evergreen.decisions"
            " WHERE use_case = coalesce(%s, use_case) AND kind = coalesce(%s, kind)"
            " AND kind <> ALL(%s::text[]) ORDER BY number DESC LIMIT %s",
            (use_case, kind, list(without), limit),
        )
        return tuple(map(_decision, rows))

    def last_of_each(self) -> dict[str, Decision]:
        """Return what was decided last of each use case but `ASIDE`, without its evidence."""
        return {row["use_case"]: _decision(row) for row in self._session.read(LAST)}

    def last_trained(self) -> dict[str, Decision]:
        """Return what a training decided last of each use case, without its evidence."""
        return {row["use_case"]: _decision(row) for row in self._session.read(LAST_TRAINED)}

    def judged(self, kinds: Sequence[str]) -> tuple[Judged, ...]:
        """Return every decision of these kinds in short, newest first."""
        rows = self._session.read(_JUDGED, {"kinds": list(kinds), "passed": Status.PASSED})
        return tuple(Judged(**row) for row in rows)

    def between(
        self, use_case: str, since: datetime, until: datetime, kinds: Sequence[str], limit: int
    ) -> tuple[Decision, ...]:
        """Return decisions of these kinds in a while, newest first, those of its end left out."""
        rows = self._session.read(
            "SELECT * FROM evergreen.decisions WHERE use_case = %s AND created_at >= %s"
            " AND created_at < %s AND kind = ANY(%s) ORDER BY number DESC LIMIT %s",
            (use_case, since, until, list(kinds), limit),
        )
        return tuple(map(_decision, rows))

    def _store(self, decision: Decision) -> Decision:
        row = {name: storable(value) for name, value in vars(decision).items()}
        row["evidence"] = document(decision.evidence)
        del row["created_at"]
        self._session.write(insert("decisions", row, "ON CONFLICT (id) DO NOTHING"), row)
        stored = self.get(decision.id)
        assert stored is not None, "the row that was just written"  # noqa: S101
        return stored


def _decision(row: Row) -> Decision:
    return Decision(**{name: value for name, value in row.items() if name != "number"})

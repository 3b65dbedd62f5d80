"""That subjects were forgotten: when, by whom and why, and what was rewritten. Never who they are.

begun = records.erasures.begin("churn", digest, salt, reason="asked to", actor="ada", as_of=now)
records.erasures.rewrote(begun.id, before, after)      # before the snapshot is written
records.erasures.finish(begun.id, {"predictions": 4})
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evergreen.records.session import Row, Session, document, insert
from evergreen.refs import Ref


@dataclass(frozen=True, kw_only=True)
class Erasure(Ref):
    """A subject that was forgotten, or is being."""

    id: int
    use_case: str
    salt: str
    key_digest: str
    """Of salt and key."""
    reason: str
    actor: str
    as_of: datetime
    places: dict[str, int] = field(default_factory=dict)
    """How many things held the subject, by place."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of snapshots that were rewritten: the digest before, and the one since."""
    versions: tuple[int, ...] = ()
    """Versions that learned from the subject's rows."""
    created_at: datetime
    finished_at: datetime | None = None
    """None: it is under way, or was interrupted."""


class Erasures:
    """The table `evergreen.erasures`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(
        self,
        use_case: str,
        *,
        salt: str,
        key_digest: str,
        reason: str,
        actor: str,
        as_of: datetime,
    ) -> Erasure:
        """Put on record that a subject is being forgotten."""
        row = {
            "use_case": use_case, "salt": salt, "key_digest": key_digest, "reason": reason,
            "actor": actor, "as_of": as_of,
        }  # fmt: skip
        return _erasure(self._session.write(insert("erasures", row), row)[0])

    def rewrote(self, id: int, before: str, after: str) -> None:
        """Note that a snapshot has another digest from now on."""
        self._session.write(
            "UPDATE evergreen.erasures SET digests = digests || jsonb_build_object(%s, %s)"
            " WHERE id = %s",
            (before, after, id),
        )

    def learned(self, id: int, versions: Collection[int]) -> tuple[int, ...]:
        """Note which versions learned from the subject's rows; return them and those of before."""
        [row] = self._session.write(
            "UPDATE evergreen.erasures SET versions ="
            " (SELECT coalesce(array_agg(DISTINCT one ORDER BY one), '{}')"
            "  FROM unnest(versions || %s::integer[]) AS one) WHERE id = %s"
            " RETURNING versions",
            (list(versions), id),
        )
        return tuple(row["versions"])

    def finish(self, id: int, places: Mapping[str, int]) -> Erasure:
        """Note that nothing is left, and what there was (with what an interrupted try found)."""
        return self._count(id, places, "clock_timestamp()")

    def count(self, id: int, places: Mapping[str, int]) -> Erasure:
        """Note what was found so far."""
        return self._count(id, places, "NULL")

    def newest(self, use_case: str | None = None, limit: int = 100) -> tuple[Erasure, ...]:
        """Return who was forgotten, newest first, of one use case or all."""
        rows = self._session.read(
            "SELECT * FROM evergreen.erasures WHERE use_case = coalesce(%s, use_case)"
            " ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(map(_erasure, rows))

    def unfinished(self, use_case: str | None = None) -> tuple[Erasure, ...]:
        """Return the erasures that are under way or were interrupted."""
        rows = self._session.read(
            "SELECT * FROM evergreen.erasures WHERE use_case = coalesce(%s, use_case)"
            " AND finished_at IS NULL ORDER BY id",
            (use_case,),
        )
        return tuple(map(_erasure, rows))

    def rewritten(self) -> set[tuple[str, str]]:
        """Return each digest that a snapshot had before an erasure, with the one since."""
        rows = self._session.read(
            "SELECT key AS before, value AS after FROM evergreen.erasures, jsonb_each_text(digests)"
        )
        return {(row["before"], row["after"]) for row in rows}

    def _count(self, id: int, places: Mapping[str, int], finished: str) -> Erasure:
        [row] = self._session.write(
            "UPDATE evergreen.erasures SET places = places || (SELECT"
            " coalesce(jsonb_object_agg(key, greatest(value::bigint,"
            " coalesce((places ->> key)::bigint, 0))), '{}') FROM jsonb_each_text(%s::jsonb)),"
            f" finished_at = {finished} WHERE id = %s RETURNING *",
            (document(dict(places)), id),
        )
        return _erasure(row)


def _erasure(row: Row) -> Erasure:
    return Erasure(**row | {"versions": tuple(row["versions"])})

"""Who became champion, each naming its predecessor: the newest is champion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg2

from evergreen.errors import StalePromotion
from evergreen.records.session import Row, Session, document, insert, known, newest_of_each
from evergreen.refs import ChampionRef, Span

PENDING, DONE = "pending", "done"
CHANGE, REFRESH, ROLLBACK, FORCED = "change", "refresh", "rollback", "forced"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A version that became champion."""

    use_case: str
    version: int
    run_id: str
    model_uri: str
    sha256: str
    snapshot_sha256: str
    golden_sha256: str | None
    """Of the golden predictions; None: the champion has none."""
    training: Span
    predecessor_id: int | None
    decision_id: str
    """The gate's decision, or the rollback's."""
    kind: str
    """change (of recipe), refresh (of the fit), rollback, or forced by a person."""
    reason: str
    actor: str
    id: int = 0
    """Given by the repository, as are `state` and `created_at`."""
    state: str = PENDING
    """pending: on record, the alias may not have followed yet; done: it has."""
    created_at: datetime | None = None

    @property
    def is_first_of_its_version(self) -> bool:
        """Tell whether it made its version known, and did not go back to it."""
        return self.kind != ROLLBACK

    @property
    def ref(self) -> ChampionRef:
        """The small reference that steps hand each other."""
        assert self.created_at is not None, "a promotion that is not stored"  # noqa: S101
        return ChampionRef(
            use_case=self.use_case,
            version=self.version,
            run_id=self.run_id,
            model_uri=self.model_uri,
            sha256=self.sha256,
            snapshot_sha256=self.snapshot_sha256,
            training=self.training,
            promotion_id=self.id,
            promoted_at=self.created_at,
        )


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Fits of one recipe that followed on one another by refreshes, with no change between."""

    versions: frozenset[int]
    digests: frozenset[str] = frozenset()
    """The sha256 of their bytes."""
    since: datetime | None = None
    """When the first of them became champion; None: the version never was."""


def chain(promotions: Sequence[Promotion], version: int) -> Chain:
    """Return the newest chain that a version belongs to, of all promotions, newest first.

    A change, a rollback and a forced promotion each begin a new one.
    """
    links: list[Promotion] = []
    for row in promotions:
        links.append(row)
        if row.kind != REFRESH:
            if version in {link.version for link in links}:
                break
            links = []
    else:
        return Chain(versions=frozenset({version}))
    return Chain(
        versions=frozenset(link.version for link in links),
        digests=frozenset(link.sha256 for link in links),
        since=links[-1].created_at,
    )


class Promotions:
    """The table `evergreen.promotions`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def champion(self, use_case: str) -> ChampionRef | None:
        """Return the champion: the newest promotion, pending ones included.

        A pending promotion has passed the gate and its version is registered, since both come
        before its row is written: the alias can always follow, and `promotion.reconcile` makes it.
        """
        newest = self.newest(use_case)
        return newest.ref if newest else None

    def newest(self, use_case: str) -> Promotion | None:
        """Return the promotion of the champion; None: there is none yet."""
        found = self._newest(use_case, limit=1)
        return found[0] if found else None

    def champions(self) -> dict[str, ChampionRef]:
        """Return the champion of each use case that has one, declared or not."""
        return {name: promotion.ref for name, promotion in self.newest_of_each().items()}

    def newest_of_each(self) -> dict[str, Promotion]:
        """Return the promotion of the champion of each use case that has one, declared or not."""
        rows = self._session.read(newest_of_each("promotions", "id DESC"))
        return {row["use_case"]: _promotion(row) for row in rows}

    def of(self, use_case: str) -> tuple[Promotion, ...]:
        """Return every promotion of a use case, newest first."""
        return self._newest(use_case, limit=None)

    def by(self, use_case: str, decision_id: str) -> Promotion | None:
        """Return the promotion that a decision led to."""
        rows = self._session.read(
            "SELECT * FROM evergreen.promotions WHERE use_case = %s AND decision_id = %s::uuid",
            (use_case, decision_id),
        )
        return _promotion(rows[0]) if rows else None

    def use_cases(self) -> tuple[str, ...]:
        """Return the names of the use cases that have or had a champion."""
        rows = self._session.read("SELECT DISTINCT use_case FROM evergreen.promotions ORDER BY 1")
        return tuple(row["use_case"] for row in rows)

    def append(self, promotion: Promotion) -> Promotion:
        """Write the next promotion, pending.

        Raises:
            StalePromotion: its predecessor has a successor already.
        """
        row = vars(promotion) | {"training": document(promotion.training.to_json())}
        del row["id"], row["created_at"]
        try:
            [stored] = self._session.write(insert("promotions", row), row)
        except psycopg2.errors.UniqueViolation as error:
            if error.diag.constraint_name != "promotions_chain":
                raise
            raise StalePromotion(_STALE.format(promotion.use_case)) from None
        return _promotion(stored)

    def finish(self, promotion_id: int) -> None:
        """Note that the alias follows the promotion."""
        self._session.write(
            "UPDATE evergreen.promotions SET state = 'done' WHERE id = %s", (promotion_id,)
        )

    def _newest(self, use_case: str, limit: int | None) -> tuple[Promotion, ...]:
        rows = self._session.read(
            "SELECT * FROM evergreen.promotions WHERE use_case = %s ORDER BY id DESC LIMIT %s",
            (use_case, limit),
        )
        return tuple(map(_promotion, rows))


_STALE = "{}: somebody else moved the champion first; evaluate against the new one"


def _promotion(row: Row) -> Promotion:
    return known(Promotion, row | {"training": Span.from_json(row["training"])})

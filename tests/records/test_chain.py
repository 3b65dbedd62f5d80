"""Which promotions are fits of one recipe that followed on one another."""

from datetime import UTC, datetime, timedelta

import pytest

from evergreen.records import Promotion, chain
from evergreen.refs import Span

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def promotions(*told: str) -> tuple[Promotion, ...]:
    """Rows, newest first, of `kind version`, oldest first."""
    rows = [
        Promotion(
            use_case="weather", version=int(version), run_id="", model_uri="", sha256=version,
            snapshot_sha256="", golden_sha256=None, training=Span(rows=1), predecessor_id=None,
            decision_id="", kind=kind, reason="", actor="", created_at=NOW + n * timedelta(days=1),
        )
        for n, (kind, version) in enumerate(one.split() for one in told)
    ]  # fmt: skip
    return tuple(reversed(rows))


@pytest.mark.parametrize(
    ("told", "version", "versions", "day"),
    [
        (("change 1",), 1, {1}, 0),
        (("change 1", "refresh 2", "refresh 3"), 2, {1, 2, 3}, 0),
        (("change 1", "refresh 2", "change 3", "refresh 4"), 4, {3, 4}, 2),
        (("change 1", "refresh 2", "change 3", "refresh 4"), 1, {1, 2}, 0),
        (("change 1", "refresh 2", "rollback 1"), 1, {1}, 2),
        (("change 1", "refresh 2", "rollback 1"), 2, {1, 2}, 0),
        (("change 1", "forced 2", "refresh 3"), 3, {2, 3}, 1),
    ],
)
def test_a_chain_is_a_change_and_the_refreshes_after_it(
    told: tuple[str, ...], version: int, versions: set[int], day: int
) -> None:
    found = chain(promotions(*told), version)

    assert found.versions == versions
    assert found.digests == {str(version) for version in versions}
    assert found.since == NOW + day * timedelta(days=1)


def test_a_version_that_never_was_champion_is_alone() -> None:
    found = chain(promotions("change 1"), 9)

    assert (found.versions, found.since) == ({9}, None)

import pytest

from evergreen import reasons
from evergreen.champions import promotion
from evergreen.errors import DeclarationError
from evergreen.settings import Settings
from fakes import FakeLedger


def test_a_reason_is_kept_as_it_is() -> None:
    assert reasons.checked("complaints since Tuesday") == "complaints since Tuesday"


def test_a_reason_that_no_page_holds_is_refused_with_the_limit(settings: Settings) -> None:
    with pytest.raises(DeclarationError, match=r"\(200000 characters\).*up to 2000 characters"):
        promotion.rollback(
            "iris",
            to=None,
            reason="x" * 200_000,
            actor="ada",
            ledger=FakeLedger(),
            settings=settings,
        )

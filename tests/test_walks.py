"""Each use case on its own real data: load, run, gate, and what the gate says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergreen import catalog, cycle, demo
from evergreen.champions.ledger import Ledger
from evergreen.cycle import Cycle
from evergreen.settings import PROJECT, Settings
from evergreen.steps import Run

AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
CATALOG = catalog.load(PROJECT / "include" / "use_cases")


def run(name: str, settings: Settings, as_of: datetime = AS_OF, **options: Any) -> Cycle:
    asked = Run(as_of=as_of, asked_at=as_of, key=f"test/{as_of:%Y%m%d}", actor="ada")
    return cycle.run(CATALOG.find(name), asked, settings=settings, **options)


@pytest.mark.parametrize("name", ["churn", "crop", "energy"])
def test_real_data_gives_a_first_champion_that_beats_its_baseline(
    name: str, settings: Settings
) -> None:
    demo.load(name, settings.database_url, until=AS_OF.date() - timedelta(days=1))

    done = run(name, settings)

    assert done.to_json()["promoted"], done.sentence
    assert "baseline" in done.sentence
    assert Ledger(settings.database_url).champion(name) is not None

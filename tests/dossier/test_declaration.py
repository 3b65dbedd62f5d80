from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergreen import catalog
from evergreen.dossier.declaration import digest
from evergreen.settings import PROJECT
from learning import CATALOG, IRIS

CHURN = PROJECT / "include" / "use_cases" / "churn.py"


@pytest.mark.parametrize("name", CATALOG.use_cases)
def test_the_same_declaration_has_the_same_digest(name: str) -> None:
    again = catalog.load(PROJECT / "include" / "use_cases").find(name)

    assert digest(CATALOG.find(name)) == digest(again)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("OFFER = 50.0", "OFFER = 20.0", False),
        ("max_iter=1000", "max_iter=500", False),
        ('"roc_auc": 0.80', '"roc_auc": 0.81', False),
        ("MONTHS_KEPT = 0.3, 8", "MONTHS_KEPT = 0.3, 9", False),
        ("# fmt", "# fmt", True),
        ("USD that it costs", "US dollars that it costs", True),
        ('owner="retention-team"', 'owner="somebody else"', True),
    ],
)
def test_what_decides_a_training_is_in_the_digest(
    tmp_path: Path, old: str, new: str, same: bool
) -> None:
    file = tmp_path / "churn.py"

    def found(text: str) -> str:
        file.write_text(text)
        return digest(catalog.load(tmp_path).find("churn"))

    text = CHURN.read_text()
    assert (found(text) == found(text.replace(old, new))) == same


def test_how_it_is_watched_and_told_is_not() -> None:
    watched = replace(IRIS.monitoring, min_rows=7)

    other = replace(IRIS, monitoring=watched, schedule="@weekly", doc="?", draft=True)

    assert digest(other) == digest(IRIS)
    assert digest(replace(IRIS, seed=1)) != digest(IRIS)
    later = replace(IRIS.source, label_delay=timedelta(0), table="flowers")
    assert digest(replace(IRIS, source=later)) != digest(IRIS)

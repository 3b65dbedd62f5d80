"""The contract of every suite in expectations/."""

import pytest

from evergreen.quality import suites
from evergreen.spec import UseCase
from tables import PROJECT, USE_CASES

FOLDER = PROJECT / "expectations"


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=lambda use_case: use_case.name)
def test_holds_the_mandatory_checks(use_case: UseCase) -> None:
    suite = suites.load(FOLDER, use_case.name)

    assert suites.check_suite(suite, use_case) == []


def test_every_suite_belongs_to_a_use_case() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(USE_CASES)

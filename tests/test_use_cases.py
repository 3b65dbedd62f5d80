"""The contract of every use case, shipped or yours."""

import json

import pytest

from evergreen import catalog
from evergreen.settings import PROJECT
from evergreen.spec import UseCase

CATALOG = catalog.load(PROJECT / "include" / "use_cases")
EVERY = pytest.mark.parametrize("use_case", CATALOG.use_cases.values(), ids=lambda u: u.name)


def test_no_use_case_is_broken() -> None:
    assert CATALOG.broken == {}


@EVERY
def test_has_a_suite_of_its_own(use_case: UseCase) -> None:
    suite = json.loads((PROJECT / "expectations" / f"{use_case.name}.json").read_text())

    assert suite["name"] == use_case.name
    assert suite["expectations"]


@EVERY
def test_has_three_candidates_and_an_honest_baseline(use_case: UseCase) -> None:
    assert len(use_case.candidates) >= 3
    assert len(use_case.baselines) >= 1


@EVERY
def test_builds_a_new_estimator_each_time(use_case: UseCase) -> None:
    for candidate in use_case.candidates + use_case.baselines:
        first, second = candidate.build(), candidate.build()

        assert first is not second
        assert set(candidate.search) <= set(first.get_params())


@EVERY
def test_says_what_it_is_and_who_is_on_call(use_case: UseCase) -> None:
    assert len(use_case.doc) > 20
    assert use_case.owner

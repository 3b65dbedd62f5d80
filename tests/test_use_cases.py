"""The contract of every use case, shipped or yours."""

import json
from typing import Any

import pytest

from evergreen import catalog
from evergreen.errors import DeclarationError
from evergreen.judging.checks import MODEL_TESTS
from evergreen.settings import PROJECT
from evergreen.spec import Release, UseCase
from evergreen_workshop import demo

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


@EVERY
def test_names_a_floor_for_the_metric_that_decides(use_case: UseCase) -> None:
    assert use_case.gate.metric in use_case.gate.floors


@EVERY
def test_has_a_demo_table_of_its_own(use_case: UseCase) -> None:
    assert use_case.name in demo.names()


def test_iris_asks_for_what_the_tutorial_asks_for() -> None:
    iris = CATALOG.find("iris")

    assert iris.gate.floors == {"accuracy": 0.90, "f1": 0.88}
    assert MODEL_TESTS == (
        "shape",
        "valid_values",
        "probabilities",
        "one_row",
        "extreme_values",
        "same_twice",
    )


def test_the_use_cases_are_retrained_as_often_as_their_data_changes() -> None:
    schedules = {use_case.name: use_case.schedule for use_case in CATALOG.use_cases.values()}

    assert schedules.pop("crop") == "@monthly"
    assert set(schedules.values()) == {"@daily"}


def test_crop_is_released_by_an_ab_test() -> None:
    release = CATALOG.find("crop").release

    assert (release.strategy, release.share) == ("ab", 0.5)


@pytest.mark.parametrize("changes", [{"strategy": "big_bang"}, {"share": 0.0}, {"share": 1.5}])
def test_a_release_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"release\."):
        Release(**changes)

"""Where fits are made, without a cluster; test_on_ray.py has one."""

from dataclasses import replace

import pytest

from evergreen import steps
from evergreen.errors import ComputeAway, SettingError
from evergreen.learning import computing, hiccups
from evergreen.learning.computing import LOCAL, Fit
from evergreen.learning.crew_on_ray import differing
from evergreen.learning.on_ray import OnRay
from evergreen.learning.recipes import Recipe
from evergreen.records import Records
from evergreen.settings import Settings, variables
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen_workshop.stack.ports import free_port
from learning import AS_OF, IRIS, built, flowers, folds, iris_rows

ROWS = flowers()
CHOOSING = folds(ROWS)
LOGISTIC = Recipe.of(IRIS, replace(IRIS.candidate("logistic"), search={}), {})
NOWHERE = "ray://127.0.0.1:{port}"


def test_local_fits_are_made_one_by_one_as_they_are_asked_for(settings: Settings) -> None:
    begun = []

    def asked() -> object:
        for fold in CHOOSING:
            begun.append(fold)
            yield Fit(LOGISTIC, fold)

    with computing.of(settings) as compute:
        made = next(compute.run(asked(), ROWS))  # type: ignore[arg-type]

    assert compute is LOCAL
    assert len(begun) == 1
    assert len(made.output) == len(CHOOSING[0].test)
    assert made.seconds > 0


def test_a_cluster_that_nobody_asks_for_a_fit_is_not_connected_to(settings: Settings) -> None:
    away = replace(settings, compute=NOWHERE.format(port=free_port()))

    with computing.of(away) as compute:
        assert list(compute.run([], ROWS)) == []


def test_a_cluster_that_cannot_be_reached_is_away_and_told_in_a_sentence() -> None:
    address = NOWHERE.format(port=free_port())

    with pytest.raises(ComputeAway) as away, OnRay(address) as cluster:
        list(cluster.run([Fit(LOGISTIC, CHOOSING[0])], ROWS))

    assert hiccups.passes(away.value)
    assert str(away.value) == (
        f"the cluster of Ray that EVERGREEN_COMPUTE ({address}) names cannot be used:"
        " [Errno 111] Connection refused (EVERGREEN_COMPUTE=local needs none)"
    )


def test_of_a_traceback_the_last_line_is_told() -> None:
    told = ComputeAway("ray", "It failed:\nTraceback (most recent call last):\n f()\nKeyError: 7\n")

    assert "cannot be used: KeyError: 7 (EVERGREEN_COMPUTE=local" in str(told)


def test_no_candidate_is_refused_as_a_cluster_is_away(settings: Settings, records: Records) -> None:
    use_case: UseCase = replace(IRIS, candidates=(replace(IRIS.candidate("logistic"), search={}),))
    ref = built(use_case, iris_rows(), settings)
    snapshot = replace(ref.snapshot, declaration=steps.declaration.digest(use_case))
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/away", actor="ada")
    away = replace(settings, compute=NOWHERE.format(port=free_port()))

    with pytest.raises(ComputeAway):
        steps.train(
            use_case, replace(ref, snapshot=snapshot), "logistic", asked, records=records,
            settings=away,
        )  # fmt: skip


def test_versions_that_differ_are_named() -> None:
    assert differing({"numpy": "2.4", "skops": "1"}, {"numpy": "2.3", "skops": "1"}) == (
        "numpy 2.4 (here 2.3)"
    )
    assert differing({}, {"lightgbm": "4.7"}) == "lightgbm none (here 4.7)"
    assert differing({"numpy": "2.4"}, {"numpy": "2.4"}) == ""


@pytest.mark.parametrize("value", ["local", "ray", "ray://10.0.0.5:10001", "ray://head:10001"])
def test_a_compute_that_there_is_is_taken(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_COMPUTE", value)

    assert variables().compute == value


@pytest.mark.parametrize("value", ["dask", "ray://", "ray://head", "ray://head:many", "http://a:1"])
def test_another_compute_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGREEN_COMPUTE", value)

    with pytest.raises(
        SettingError, match=r"EVERGREEN_COMPUTE: .* is none of: local, ray, ray://h"
    ):
        variables()

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from database import records_of
from evergreen.champions.registry import ModelRegistry, Registration, _client
from evergreen.errors import DeclarationError
from evergreen.learning.names import named
from evergreen.refs import CandidateRef
from evergreen.settings import Settings

_numbers = itertools.count()
ABOUT = Registration(snapshot_sha256="5" * 64, decision_id="d-1", sentence="Better by 0.02.")


@pytest.fixture
def name() -> str:
    """A registered model of the test's own, as MLflow's database is shared by the session."""
    return f"registry_{next(_numbers)}"


def a_challenger(settings: Settings, digit: str) -> CandidateRef:
    run = _client(settings).create_run("0")
    return CandidateRef(
        name="logistic",
        run_id=run.info.run_id,
        model_uri=f"runs:/{run.info.run_id}/model",
        sha256=digit * 64,
        cv={},
        metrics={},
        seconds=1.0,
    )


def test_the_same_bytes_are_registered_once(settings: Settings, name: str):
    registry = ModelRegistry(settings, records_of(settings).locks)
    challenger = a_challenger(settings, "a")

    versions = {registry.register(name, challenger, ABOUT) for _ in range(2)}

    assert versions == {1}
    assert registry.versions(name) == {1: "a" * 64}


def test_two_who_register_the_same_bytes_at_once_make_one_version(settings: Settings, name: str):
    challenger = a_challenger(settings, "a")

    with ThreadPoolExecutor(4) as pool:
        versions = set(
            pool.map(
                lambda _: ModelRegistry(settings, records_of(settings).locks).register(
                    name, challenger, ABOUT
                ),
                range(4),
            )
        )

    assert versions == {1}
    assert ModelRegistry(settings, records_of(settings).locks).versions(name) == {1: "a" * 64}


def test_a_version_says_where_it_comes_from(settings: Settings, name: str):
    challenger = a_challenger(settings, "a")

    ModelRegistry(settings, records_of(settings).locks).register(name, challenger, ABOUT)

    version = _client(settings).get_model_version_by_alias(named(settings, name), "challenger")
    assert version.run_id == challenger.run_id
    assert version.source == challenger.model_uri
    assert version.description == "Better by 0.02."
    assert version.tags == {
        "evergreen.status": "challenger",
        "evergreen.sha256": "a" * 64,
        "evergreen.snapshot_sha256": "5" * 64,
        "evergreen.decision": "d-1",
    }


def test_the_new_champion_archives_the_old(settings: Settings, name: str):
    registry = ModelRegistry(settings, records_of(settings).locks)
    for digit in "ab":
        registry.register(name, a_challenger(settings, digit), ABOUT)

    registry.crown(name, 1)
    registry.crown(name, 2)

    assert registry.crowned(name) == 2
    assert [registry.status(name, v) for v in (1, 2)] == ["archived", "champion"]
    assert "challenger" not in _client(settings).get_registered_model(named(settings, name)).aliases


def test_a_refused_challenger_is_challenger_no_more(settings: Settings, name: str):
    registry = ModelRegistry(settings, records_of(settings).locks)
    registry.register(name, a_challenger(settings, "a"), ABOUT)

    registry.refuse(name, 1)

    assert registry.status(name, 1) == "refused"
    assert _client(settings).get_registered_model(named(settings, name)).aliases == {}


def test_nothing_is_crowned_at_first_and_after_uncrowning(settings: Settings, name: str):
    registry = ModelRegistry(settings, records_of(settings).locks)
    assert registry.crowned(name) is None
    registry.register(name, a_challenger(settings, "a"), ABOUT)
    registry.crown(name, 1)

    registry.uncrown(name)

    assert registry.crowned(name) is None


@pytest.mark.parametrize("bad", ["../x", "%2e%2e", "a'b", "", "x" * 64, "W"])
def test_a_name_that_could_not_be_a_model_is_refused(settings: Settings, bad: str):
    challenger = CandidateRef(
        name="c", run_id="r", model_uri="runs:/r/m", sha256="a" * 64, cv={}, metrics={}, seconds=0
    )

    with pytest.raises(DeclarationError, match="use case"):
        ModelRegistry(settings, records_of(settings).locks).register(bad, challenger, ABOUT)

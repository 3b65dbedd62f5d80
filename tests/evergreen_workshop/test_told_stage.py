"""What the stories of `make demo` are told on."""

from dataclasses import replace
from types import SimpleNamespace

from evergreen.settings import Settings
from evergreen_workshop.demonstration.stage import Stage


def test_the_dags_are_known_by_the_prefix_of_the_settings(settings: Settings) -> None:
    asked: list[str] = []
    stage = Stage(
        use_case=SimpleNamespace(name="wine"),  # type: ignore[arg-type]
        records=None,  # type: ignore[arg-type]
        settings=replace(settings, dag_prefix="ml_"),
        api=SimpleNamespace(active_run=asked.append),  # type: ignore[arg-type]
        console=None,  # type: ignore[arg-type]
    )

    assert stage._nothing_trains()
    assert asked == ["ml_wine_training"]

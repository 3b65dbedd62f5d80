import builtins
import os
import sys
from pathlib import Path

import pytest

from evergreen import catalog
from evergreen.errors import EvergreenError, UnknownUseCase
from evergreen.settings import PROJECT

GOOD = (PROJECT / "include" / "use_cases" / "iris.py").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "iris.py").write_text(GOOD)
    return tmp_path


def test_one_broken_file_never_hides_the_others(folder: Path) -> None:
    (folder / "broken.py").write_text("def")

    loaded = catalog.load(folder)

    assert set(loaded.use_cases) == {"iris"}
    assert "SyntaxError" in loaded.broken["broken"]


def test_a_file_without_a_declaration_is_broken(folder: Path) -> None:
    (folder / "empty.py").write_text("")

    assert "USE_CASE is None; allowed: a UseCase(...)" in catalog.load(folder).broken["empty"]


def test_a_name_that_differs_from_the_file_is_broken(folder: Path) -> None:
    (folder / "rose.py").write_text(GOOD)

    assert "name is 'iris'; allowed: the file's: 'rose'" in catalog.load(folder).broken["rose"]


def test_an_unknown_name_is_told_with_the_nearest_one(folder: Path) -> None:
    with pytest.raises(UnknownUseCase, match="did you mean 'iris'"):
        catalog.load(folder).find("irsi")


def test_asking_for_a_broken_one_tells_its_error(folder: Path) -> None:
    (folder / "broken.py").write_text("1/0")

    with pytest.raises(EvergreenError, match="ZeroDivisionError"):
        catalog.load(folder).find("broken")


def test_a_change_within_the_same_second_and_of_the_same_size_is_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file, floors = folder / "iris.py", []
    for floor in ("0.90", "0.91"):
        file.write_text(GOOD.replace('"accuracy": 0.90', f'"accuracy": {floor}'))
        os.utime(file, (1, 1))
        floors.append(catalog.load(folder).find("iris").gate.floors["accuracy"])

    assert floors == [0.90, 0.91]
    assert [path.name for path in folder.iterdir()] == ["iris.py"]


NOTED = f"{GOOD}\nimport builtins\nbuiltins.times_read = getattr(builtins, 'times_read', 0) + 1\n"


def test_a_file_is_read_again_only_when_it_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "times_read", 0, raising=False)
    (folder / "iris.py").write_text(NOTED)
    first, again = catalog.recall(folder), catalog.recall(folder)

    (folder / "iris.py").write_text(NOTED.replace('owner="', 'owner="new '))
    changed = catalog.recall(folder)

    assert first == again
    assert changed.use_cases["iris"].owner.startswith("new ")
    assert builtins.times_read == 2  # type: ignore[attr-defined]


def test_what_breaks_mends_or_goes_is_noticed(folder: Path) -> None:
    told = []
    for text in (GOOD, "1/0", "1/0  #", GOOD, None):
        if text is None:
            (folder / "iris.py").unlink()
        else:
            (folder / "iris.py").write_text(text)
        told.append(catalog.recall(folder))

    assert [set(one.use_cases) for one in told] == [{"iris"}, set(), set(), {"iris"}, set()]
    assert [set(one.broken) for one in told] == [set(), {"iris"}, {"iris"}, set(), set()]
    assert catalog._read.keys() & {folder / "iris.py"} == set()

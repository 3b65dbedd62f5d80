"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from evergreen.judging.files import publish


def test_writes_and_overwrites_and_leaves_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.json"

    publish(file, "one")
    publish(file, "two")

    assert file.read_text() == "two"
    assert [f.name for f in file.parent.iterdir()] == ["a.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    publish(file, "one")

    with pytest.raises(UnicodeEncodeError):
        publish(file, "\ud800")

    assert file.read_text() == "one"
    assert [f.name for f in tmp_path.iterdir()] == ["a.json"]

import stat
from pathlib import Path

import pytest

from evergreen.errors import StackError
from evergreen_workshop.stack.layout import Layout, write_private


def test_a_private_file_can_be_read_by_its_owner_only_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "secret"
    write_private(file, "old")
    file.chmod(0o644)

    write_private(file, "new")

    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_two_commands_at_once_do_not_clash(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")

    with (
        layout.lock(),
        pytest.raises(StackError, match="another `make up`"),
        Layout(tmp_path / "home").lock(),
    ):
        pass


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with layout.lock():
        pass

    with layout.lock():
        assert layout.home.exists()

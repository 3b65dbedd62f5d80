import stat
from pathlib import Path

import pytest

from evergreen.errors import StackError
from evergreen_workshop.stack.layout import Layout, open_private, write_private


def test_a_private_file_can_be_read_by_its_owner_only_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "secret"
    write_private(file, "old")
    file.chmod(0o644)

    write_private(file, "new")

    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_folders_and_logs_are_closed_to_others_those_of_before_too(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")
    (layout.home / "logs").mkdir(parents=True, mode=0o755)
    layout.log("serve").touch(mode=0o644)

    layout.create()
    with open_private(layout.log("serve")) as stream:
        stream.write(b"started")

    modes = {stat.S_IMODE(folder.stat().st_mode) for folder in layout.home.iterdir()}
    assert modes == {0o700}
    assert stat.S_IMODE(layout.home.stat().st_mode) & 0o066 == 0
    assert stat.S_IMODE(layout.log("serve").stat().st_mode) == 0o600


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

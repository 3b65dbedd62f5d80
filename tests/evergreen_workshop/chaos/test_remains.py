"""What is damaged is damaged in one byte."""

from pathlib import Path

from evergreen_workshop.chaos.remains import flip


def test_one_byte_is_another(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(101)))

    flip(file)

    changed = [n for n, byte in enumerate(file.read_bytes()) if byte != n]
    assert changed == [50]
    flip(file)
    assert file.read_bytes() == bytes(range(101))

"""Lines about a subject go from the service's disk, unless a service holds the files."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from evergreen.forgetting import waiting
from evergreen.forgetting.subject import Subject
from evergreen.serving.journal import REFUSED, unlocked

ADA = Subject.asked("club", ("member",), ["member=424242424242"], {"member": pa.int64()})


def line(use_case: str, member: int) -> str:
    return json.dumps({"use_case": use_case, "inputs": {"age": 3}, "key": {"member": member}})


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool" / "1"
    folder.mkdir(parents=True)
    lines = [line("club", 424242424242), line("club", 1), line("other", 424242424242)]
    (folder / "0001.jsonl").write_text("\n".join(lines) + "\n")
    (folder / REFUSED).write_text('{"key": {"member": 424242424242}, broken\n')
    return folder.parent


def test_its_lines_go_and_those_of_others_stay(spool: Path) -> None:
    assert waiting.forget(spool, ADA, apply=False) == (2, 0)
    assert waiting.forget(spool, ADA, apply=True) == (2, 0)

    left = (spool / "1" / "0001.jsonl").read_text().splitlines()
    assert left == [line("club", 1), line("other", 424242424242)]
    assert not (spool / "1" / REFUSED).exists()
    assert [path.name for path in spool.iterdir()] == ["1"]
    assert waiting.forget(spool, ADA, apply=True) == (0, 0)


def test_what_a_service_holds_is_told_and_left_alone(spool: Path) -> None:
    before = (spool / "1" / "0001.jsonl").read_text()

    with unlocked(spool / "1") as alone:
        assert alone
        assert waiting.forget(spool, ADA, apply=True) == (0, 2)

    assert (spool / "1" / "0001.jsonl").read_text() == before

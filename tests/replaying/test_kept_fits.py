"""What a replay leaves in the store."""

import json
from pathlib import Path
from xml.etree import ElementTree

from evergreen.replaying import Replay
from evergreen.replaying.chart import bounds, sparkline
from evergreen.replaying.shelf import Shelf
from evergreen.storage import Store
from replays import CHANGE, run, table


def test_a_second_replay_finds_its_fits_in_the_store(tmp_path: Path) -> None:
    shelf, raw = Shelf(Store(str(tmp_path)), "churning"), table(CHANGE)
    first = run(raw, memories=shelf.memory, policies=["no gate"])

    again = run(raw, memories=shelf.memory, policies=["no gate"])

    assert again.fitted == 0
    assert again.to_json() == first.to_json()


def test_a_damaged_fit_is_made_again(tmp_path: Path) -> None:
    shelf, raw = Shelf(Store(str(tmp_path)), "churning"), table(CHANGE)
    run(raw, memories=shelf.memory, policies=["no gate"])
    next(tmp_path.rglob("*.parquet")).write_bytes(b"half a file")

    assert run(raw, memories=shelf.memory, policies=["no gate"]).fitted == 1


def test_the_same_replay_is_published_once_with_its_picture(
    tmp_path: Path, churned: Replay
) -> None:
    shelf = Shelf(Store(str(tmp_path)), "churning")

    id = shelf.publish(churned)

    assert shelf.publish(churned) == id
    document = json.loads((tmp_path / "churning" / id / "replay.json").read_text())
    assert len(document["starts"]) == len(document["policies"][0]["over_time"])
    picture = ElementTree.fromstring((tmp_path / "churning" / id / "chart.svg").read_text())  # noqa: S314
    titles = {title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")}
    assert {one.name for one in churned.policies} <= titles


def test_a_line_of_text_shows_a_fall(churned: Replay) -> None:
    never = churned.policies[-1]

    line = sparkline(never.over_time, *bounds(churned))

    assert len(line) == 24
    assert line[0] == "█"
    assert line[-1] in "▁▂▃"

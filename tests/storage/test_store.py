"""Files of a store appear whole or not at all, and nothing outside it is touched."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evergreen.storage import Damaged, OutsideStore, Store

CRASHING_WRITER = """
import sys, time
from evergreen.storage import Store

with Store(sys.argv[1]).draft() as draft:
    draft.write(b"half")
    print("writing", flush=True)
    time.sleep(60)
"""
SHA256 = hashlib.sha256(b"one").hexdigest()
OUTSIDE = ("../a", "a/../../b", "/etc/passwd", "", ".", "a//b", "a\\b", "a\0b", "..")


@pytest.fixture
def writer(folder: Store) -> Iterator["subprocess.Popen[str]"]:
    """Another process in the middle of writing."""
    command = [sys.executable, "-c", CRASHING_WRITER, folder.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_gives_back_what_was_published(store: Store) -> None:
    store.publish("reports/weather/a.html", "<p>näher</p>")
    store.publish("b.bin", b"\0\1")

    assert store.read("reports/weather/a.html").decode() == "<p>näher</p>"
    assert store.read("b.bin") == b"\0\1"
    with store.open("b.bin") as stream:
        assert stream.read(1) == b"\0"


def test_publishing_again_replaces(store: Store) -> None:
    store.publish("a", "one, and longer")
    store.read("a")

    store.publish("a", "two")

    assert store.read("a") == b"two"


def test_lists_what_a_pattern_matches(store: Store) -> None:
    for path in ("x/weather/2.json", "x/weather/1.json", "x/weather/1.html", "x/iris/1.json"):
        store.publish(path, path)

    assert store.list("x/weather/*.json") == ["x/weather/1.json", "x/weather/2.json"]
    assert (store / "x").list("*/1.json") == ["iris/1.json", "weather/1.json"]
    assert store.list("y/*") == []


def test_folders_are_those_right_here(store: Store) -> None:
    assert store.folders() == []

    for path in ("b/1/x.html", "a/2/x.html", "file"):
        store.publish(path, "x")

    assert store.folders() == ["a", "b"]
    assert (store / "a").folders() == ["2"]


def test_what_is_deleted_is_gone_and_deleting_it_again_is_fine(store: Store) -> None:
    store.publish("x/a", "one")

    store.delete("x/a")
    store.delete("x/a")

    assert not store.exists("x/a")
    with pytest.raises(FileNotFoundError):
        store.read("x/a")


def test_a_folder_of_a_store_is_a_store(store: Store) -> None:
    store.publish("reports/a", "one")

    assert (store / "reports").read("a") == b"one"
    assert (store / "reports").exists("a")
    assert not store.exists("reports")


def test_other_bytes_than_those_of_the_digest_are_damaged(store: Store) -> None:
    store.publish("a", "one")
    assert store.read("a", SHA256) == b"one"

    store.publish("a", "two")

    with pytest.raises(Damaged, match="its sha256 is"):
        store.read("a", SHA256)


def test_a_draft_is_not_there_before_it_is_published(store: Store) -> None:
    with store.draft() as draft:
        draft.write(b"o")
        draft.write(b"ne")
        assert store.list("*") == []
        draft.publish(f"x/{draft.sha256}")

    assert store.list("x/*") == [f"x/{SHA256}"]
    assert store.read(f"x/{SHA256}", SHA256) == b"one"
    assert store.litter() == []


def test_a_draft_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ConnectionError), store.draft() as draft:
        draft.write(b"half")
        raise ConnectionError

    assert store.list("*") == store.list("*/*") == store.litter() == []


@pytest.mark.parametrize("touch", ["read", "exists", "delete", "list", "open", "uri", "publish"])
def test_no_path_leads_out_of_a_store(store: Store, touch: str) -> None:
    content = ["x"] if touch == "publish" else []
    for path in OUTSIDE:
        with pytest.raises(OutsideStore):
            getattr(store, touch)(path, *content)


def test_no_link_leads_out_of_a_folder(folder: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder.publish("reports/a", "one")
    (tmp_path / "store" / "reports" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "store" / "reports" / "up").symlink_to(tmp_path / "store")

    with pytest.raises(OutsideStore):
        folder.read("reports/link")
    with pytest.raises(OutsideStore):
        (folder / "reports").read("up/a")


def test_addresses_lead_back_to_paths(store: Store) -> None:
    reports = store / "reports"

    assert reports.relative(reports.uri("a/b.html")) == "a/b.html"
    with pytest.raises(OutsideStore):
        reports.relative(store.uri("snapshots/a"))


def test_the_credentials_are_not_in_the_addresses(store: Store) -> None:
    assert "secret" not in store.uri("a")


def test_what_a_killed_writer_left_is_litter_that_the_next_write_cleans(
    folder: Store, writer: "subprocess.Popen[str]"
) -> None:
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    [left] = folder.litter()
    assert folder.list("*") == []

    folder.publish("a", "one")

    assert not Path(left).exists()
    assert folder.litter() == []


def test_what_a_live_writer_works_on_is_neither_litter_nor_cleaned(
    folder: Store, writer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    folder.publish("a", "one")

    assert folder.litter() == []
    assert len([*(tmp_path / "store" / ".drafts").iterdir()]) == 1


def test_writers_of_the_same_file_at_once_are_harmless(folder: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: folder.publish("a/b", b"x" * 100_000), range(64)))

    assert folder.read("a/b") == b"x" * 100_000
    assert folder.litter() == []


def test_tells_size_and_age_of_files(store: Store) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=5)
    store.publish("x/weather/1.json", "four")
    store.publish("x/iris/1.json", "")

    found = store.files("x/*/*")

    assert [(file.path, file.bytes) for file in found] == [
        ("x/iris/1.json", 0), ("x/weather/1.json", 4),
    ]  # fmt: skip
    assert all(begun < file.written < begun + timedelta(seconds=60) for file in found)
    assert [file.path for file in (store / "x").files("iris/*")] == ["iris/1.json"]

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from database import query
from evergreen.data import warehouse
from evergreen.records import Records, Told
from evergreen.serving import drops
from evergreen.serving.ids import fraction, new_id
from evergreen.serving.journal import REFUSED, Journal
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres


@pytest.fixture
def url(database_url: str) -> str:
    Records(database_url, kept=0).migrate()
    return database_url


@pytest.fixture
def journal(tmp_path: Path, url: str) -> Iterator[Journal]:
    made = Journal(tmp_path / "spool", Records(url, kept=0), pause=0.02)
    made.start()
    yield made
    made.close()


def line(**changes: object) -> bytes:
    number = new_id()
    record = {
        "id": number, "request_id": number, "time": datetime.now(UTC).isoformat(),
        "use_case": "iris", "version": 1, "run_id": "r", "sha256": "0" * 64,
        "snapshot_sha256": "0" * 64, "code": "c", "engine": "onnx", "variant": "champion",
        "inputs": {"a": 1.5}, "output": "setosa", "probability": 0.9, "latency_ms": 0.3,
    }  # fmt: skip
    return json.dumps(record | changes).encode()


def count(url: str, table: str = "predictions") -> int:
    with warehouse.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM evergreen.{table}")
        return int(cursor.fetchone()[0])  # type: ignore[index]


def test_what_is_kept_arrives_in_the_database(journal: Journal, url: str) -> None:
    kept = journal.keep([line() for _ in range(5000)])

    assert kept
    assert journal.flush()
    assert count(url) == 5000
    assert (journal.counts.accepted, journal.counts.logged) == (5000, 5000)


def test_what_is_kept_by_now_is_shipped_while_more_comes(
    journal: Journal, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = journal._records.predictions.insert

    def busy(lines: Sequence[bytes]) -> None:
        journal.keep([line()])
        insert(lines)

    with monkeypatch.context() as patch:
        patch.setattr(journal._records.predictions, "insert", busy)
        kept = new_id()
        journal.keep([line(id=kept)])

        shipped = journal.flush(5)

    assert shipped
    assert Records(url, kept=0).predictions.missing([kept]) == 0


def test_an_answer_that_is_not_on_record_is_missing(journal: Journal, url: str) -> None:
    kept, other = new_id(), new_id()
    journal.keep([line(id=kept)])
    assert journal.flush()

    predictions = Records(url, kept=0).predictions

    assert predictions.missing([kept, other, other]) == 2
    assert predictions.missing([kept]) == predictions.missing([]) == 0


def test_shipping_a_line_twice_stores_it_once(journal: Journal, url: str) -> None:
    same = line()

    journal.keep([same, same])
    journal.flush()
    journal.keep([same])
    journal.flush()

    assert count(url) == 1


def test_what_a_killed_process_left_is_adopted(tmp_path: Path, url: str) -> None:
    dead = Journal(tmp_path / "spool", Records(url, kept=0))
    dead.keep([line(), line()])
    with next(dead._own.glob("*.jsonl")).open("ab") as stream:
        stream.write(b'{"id": "torn')
    _die(dead)

    heir = Journal(tmp_path / "spool", Records(url, kept=0))
    heir.start()

    assert heir.flush()
    assert heir.counts.adopted == 2
    assert count(url) == 2
    heir.close()
    assert not list((tmp_path / "spool").iterdir())


def test_files_of_a_live_process_are_left_alone(tmp_path: Path, url: str) -> None:
    alive = Journal(tmp_path / "spool", Records(url, kept=0))
    alive.keep([line()])

    other = Journal(tmp_path / "spool", Records(url, kept=0))

    assert other.counts.adopted == 0
    other.close()
    alive.close()


def test_processes_that_begin_and_end_at_once_take_nothing_from_one_another(
    tmp_path: Path, url: str
) -> None:
    def live(_: int) -> bool:
        made = Journal(tmp_path / "spool", Records(url))
        kept = made.keep([line()])
        made.close()
        return kept

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(live, range(200)))
    heir = Journal(tmp_path / "spool", Records(url))

    assert all(kept)
    assert heir.counts.adopted == 200
    assert len(list((tmp_path / "spool").iterdir())) == 1
    heir.close()


def test_a_full_spool_drops_counts_and_tells_the_database(tmp_path: Path, url: str) -> None:
    journal = Journal(tmp_path / "spool", Records(url, kept=0), max_bytes=2000)

    kept = [journal.keep([line()]) for _ in range(20)]

    assert any(kept)
    assert not all(kept)
    counts = journal.counts
    journal.start()
    assert journal.flush()
    journal.close()
    assert counts.accepted == counts.logged + counts.dropped == 20
    assert dropped(url) == counts.dropped


def test_drops_outlive_the_process_that_counted_them(tmp_path: Path, url: str) -> None:
    dead = Journal(tmp_path / "spool", Records("postgresql://nobody@127.0.0.1:1/none"))
    dead._max_bytes = 0
    dead.keep([line()] * 20)
    left = dead._own / drops.FILE
    known = left.read_bytes()
    dead.close()

    heir = Journal(tmp_path / "spool", Records(url, kept=0))
    heir.ship()
    (heir._own / drops.FILE).write_bytes(known)  # it was killed before it knew that they arrived
    _die(heir)
    last = Journal(tmp_path / "spool", Records(url, kept=0))
    last.ship()
    last.close()

    assert dropped(url) == 20
    assert not list((tmp_path / "spool").iterdir())


def test_drops_that_a_torn_file_held_hinder_nobody(tmp_path: Path, url: str) -> None:
    dead = tmp_path / "spool" / "dead"
    dead.mkdir(parents=True)
    (dead / drops.FILE).write_bytes(b"\0" * 30)

    heir = Journal(tmp_path / "spool", Records(url, kept=0))
    heir.ship()
    heir.close()

    assert dropped(url) == 0


def test_refused_lines_are_counted_though_killed_before_their_file_goes(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Journal(tmp_path / "spool", Records(url, kept=0))
    dead.keep([line(output="\0")])
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(Path, "unlink", lambda *_, **__: 1 / 0)
        dead.ship()
    _die(dead)

    heir = Journal(tmp_path / "spool", Records(url, kept=0))
    heir.ship()
    heir.close()

    refused = [file.read_bytes() for file in (tmp_path / "spool").glob(f"*/{REFUSED}")]
    assert dropped(url) >= b"".join(refused).count(b"\n") > 0


def dropped(url: str) -> int:
    [(told,)] = query(url, "SELECT coalesce(sum(count), 0) FROM evergreen.serving_drops")
    return int(told)


def test_a_line_that_postgresql_refuses_does_not_hold_up_the_others(
    journal: Journal, url: str
) -> None:
    journal.keep([line(), line(output="\0"), line()])

    assert journal.flush()
    assert count(url) == 2
    assert journal.counts.dropped == 1
    assert (journal._own / REFUSED).read_bytes().count(b"\n") == 1


def test_what_a_power_cut_left_of_a_file_does_not_hold_up_the_others(
    tmp_path: Path, url: str
) -> None:
    dead = tmp_path / "spool" / "dead"
    dead.mkdir(parents=True)
    segment = dead / f"{1:020d}.jsonl"
    segment.write_bytes(b"\n".join([line(), b"\0" * 200, line(), b""]))

    journal = Journal(tmp_path / "spool", Records(url, kept=0), pause=0.02)
    journal.start()
    journal.keep([line()])

    assert journal.flush()
    assert count(url) == 3
    assert (journal._own / REFUSED).read_bytes() == b"\0" * 200 + b"\n"
    journal.close()


def test_an_error_that_nobody_expects_is_told_and_tried_again(
    journal: Journal, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal._records.predictions, "insert", lambda _: 1 / 0)
        journal.keep([line()])
        journal.flush(0.5)
        problem = journal.problem

    assert problem == "predictions wait on disk: division by zero"
    assert journal.flush()
    assert count(url) == 1


def test_nothing_is_lost_while_postgresql_is_away(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", free_port(), options=("fsync=off",))
    server.start()
    try:
        server.create_database("away")
        Records(server.url("away"), kept=0).migrate()
        journal = Journal(tmp_path / "spool", Records(server.url("away")), pause=0.02)
        journal.start()
        journal.keep([line() for _ in range(10)])

        server.stop()
        for _ in range(50):
            assert journal.keep([line() for _ in range(10)])
        journal.flush(0.5)
        problem = journal.problem
        server.start()

        assert "wait on disk" in problem
        assert journal.flush(10)
        assert count(server.url("away")) == 510
        journal.close()
    finally:
        server.destroy()


def test_labels_are_idempotent_and_never_change(journal: Journal, url: str) -> None:
    kept = line()
    journal.keep([kept])
    journal.flush()
    number = json.loads(kept)["id"]

    told = [Records(url, kept=0).labels.give("iris", number, label) for label in ("a", "a", "b")]

    assert told == [Told.STORED, Told.SAME, Told.CONFLICT]
    assert Records(url, kept=0).labels.give("weather", number, "a") is Told.UNKNOWN
    assert Records(url, kept=0).labels.give("iris", new_id(), "a") is Told.UNKNOWN


def test_migrating_again_is_harmless(url: str) -> None:
    Records(url, kept=0).migrate()

    assert count(url) == 0


def test_a_promotion_is_told_to_listeners(url: str) -> None:
    with psycopg2.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute("LISTEN evergreen_serving")
        opened.commit()
        cursor.execute(
            "INSERT INTO evergreen.releases (use_case, strategy, share, challenger, reason, actor)"
            " VALUES ('iris', 'shadow', 1, '{}', 'r', 'a')"
        )
        opened.commit()
        opened.poll()

        assert [notice.payload for notice in opened.notifies] == ["iris"]
    opened.close()


def test_ids_are_in_order_of_time_and_fractions_even() -> None:
    ids = [new_id() for _ in range(2000)]

    assert [i[:12] for i in ids] == sorted(i[:12] for i in ids)
    assert all(i[14] == "7" for i in ids)
    assert 0.17 < sum(fraction(i, "s") < 0.2 for i in ids) / 2000 < 0.23
    assert fraction("a", "s") == fraction("a", "s") != fraction("a", "t")


def _die(journal: Journal) -> None:
    import os

    os.close(journal._lock_file)

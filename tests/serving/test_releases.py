import threading

import numpy as np
import pytest

from database import records_of
from evergreen.data import warehouse
from evergreen.errors import DeclarationError, EvergreenError
from evergreen.records.trials import Pairs
from evergreen.serving.desk import Record, Trial
from evergreen.serving.releases import Side, _p_value, _paired, compare, start, verdict
from evergreen.spec import Kind
from serving.conftest import Client, Shop, eventually, rows_of
from serving.test_app import ROW


def begin(shop: Shop, strategy: str, share: float, candidate: str = "forest") -> int:
    challenger = shop.register(shop.put("iris", candidate), 2)
    trials = records_of(shop.settings).trials
    found = start(trials, "iris", strategy, share, challenger, reason="to see", actor="ann")
    return found.id


def tried(client: Client) -> bool:
    return client.service.watcher.desks["iris"].trial is not None


def ask(client: Client, times: int, subject: str = "") -> list[int]:
    body = {"row": ROW} | ({"subject": subject} if subject else {})
    return [client.post("/iris/predict", json=body).json()["version"] for _ in range(times)]


def test_a_shadow_is_recorded_and_never_seen(iris: Client, shop: Shop) -> None:
    begin(shop, "shadow", 1.0)
    eventually(lambda: tried(iris))

    versions = ask(iris, 10)
    sql = (
        "SELECT s.version, c.version, s.release_id = c.release_id FROM evergreen.predictions s"
        " JOIN evergreen.predictions c ON c.id = s.request_id WHERE s.variant = 'shadow'"
    )
    found = eventually(lambda: len(rows := rows_of(shop.settings.database_url, sql)) == 10 and rows)

    assert set(versions) == {1}
    assert set(found) == {(2, 1, True)}


def test_nobody_waits_for_a_slow_shadow(
    iris: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(shop, "shadow", 1.0)
    eventually(lambda: tried(iris))
    done = threading.Event()
    monkeypatch.setattr("evergreen.serving.answers.shadow_lines", lambda *_: done.wait(60) and [])

    ask(iris, 40)
    try:
        seen = iris.get("/metrics", timeout=10).status_code
        batch = iris.post("/iris/predict/batch", json={"rows": [ROW] * 100}, timeout=10)
    finally:
        done.set()

    assert (seen, batch.status_code) == (200, 200)


def test_a_canary_answers_for_its_share(iris: Client, shop: Shop) -> None:
    begin(shop, "canary", 0.3)
    eventually(lambda: tried(iris))

    versions = ask(iris, 200)

    assert 30 <= versions.count(2) <= 90


def test_a_subject_always_gets_the_same_side(iris: Client, shop: Shop) -> None:
    begin(shop, "ab", 0.5)
    eventually(lambda: tried(iris))

    sides = [set(ask(iris, 3, f"subject-{n}")) for n in range(20)]

    assert all(len(side) == 1 for side in sides)
    assert {next(iter(side)) for side in sides} == {1, 2}


def test_a_stopped_trial_leaves_the_desk(iris: Client, shop: Shop) -> None:
    number = begin(shop, "canary", 1.0)
    eventually(lambda: tried(iris))

    records_of(shop.settings).trials.stop(number, "seen enough")

    eventually(lambda: not tried(iris), 2)
    assert set(ask(iris, 5)) == {1}


def test_a_canary_that_fails_is_aborted_and_no_request_fails(iris: Client, shop: Shop) -> None:
    number = begin(shop, "canary", 1.0)
    trial = eventually(lambda: iris.service.watcher.desks["iris"].trial)
    object.__setattr__(trial.challenger, "engine", Broken())

    versions = ask(iris, 40)

    assert set(versions) == {1}
    assert not tried(iris)
    trials = records_of(shop.settings).trials
    ended = eventually(lambda: (found := trials.newest("iris")[0]).stopped_at and found)
    assert (ended.id, ended.outcome) == (number, "aborted: 20 of 20 requests failed")


class Broken:
    name = "sklearn"

    def columns(self, values: object) -> None:
        raise RuntimeError("broken")


def test_a_much_slower_canary_is_aborted() -> None:
    trial = Trial(1, "canary", 0.5, challenger=None)  # type: ignore[arg-type]
    trial.sides["champion"] = record(1.0)
    trial.sides["challenger"] = record(2.0)
    assert verdict(trial) == ""

    trial.sides["challenger"] = record(20.0)

    assert verdict(trial) == "its p95 is 20.0 ms, the champion's 1.0 ms"


def record(latency: float) -> Record:
    made = Record()
    for _ in range(60):
        made.add(latency)
    return made


def test_labels_tell_the_sides_apart(iris: Client, shop: Shop) -> None:
    number = begin(shop, "ab", 0.5)
    eventually(lambda: tried(iris))
    for n in range(60):
        answer = iris.post("/iris/predict", json={"row": ROW, "subject": str(n)}).json()
        label = "setosa" if answer["version"] == 2 or n % 2 else "virginica"
        iris.post("/iris/feedback", json={"id": answer["id"], "label": label})

    found = compare(records_of(shop.settings).trials, number, Kind.MULTICLASS)

    assert found.challenger.mean == 1.0
    assert found.champion.labelled + found.challenger.labelled == 60
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert "two-proportion z-test" in found.sentence


def test_p_values_are_even_when_nothing_differs() -> None:
    rng = np.random.default_rng(0)

    drawn = rng.binomial(500, 0.8, (400, 2)) / 500
    found = [
        _p_value(Side(labelled=500, mean=a), Side(labelled=500, mean=b), Kind.BINARY)
        for a, b in drawn
    ]

    assert 0.02 < np.mean(np.array(found, dtype=float) < 0.05) < 0.09


def test_welch_agrees_with_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 50), rng.normal(1.3, 2, 80)
    sides = [Side(labelled=len(x), mean=x.mean(), variance=x.var(ddof=1)) for x in (a, b)]

    found = _p_value(*sides, Kind.REGRESSION)

    assert found == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.REGRESSION])
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_sides_that_are_alike_without_any_spread_do_not_differ(kind: Kind, mean: float) -> None:
    side = Side(labelled=500, mean=mean, variance=0.0)

    assert _p_value(side, side, kind) == 1.0


def test_a_shadow_is_held_against_the_champion_pair_by_pair() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    apart = rng.normal(0.1, 1, 90)
    classes = Pairs(labelled=1000, mean=-0.03, variance=0.03, more=0, less=30)
    alike = Pairs(labelled=1000, mean=0.0, variance=0.0, more=0, less=0)
    figures = Pairs(labelled=90, mean=apart.mean(), variance=apart.var(ddof=1), more=0, less=0)

    assert _paired(classes, Kind.BINARY) == pytest.approx(2 * 0.5**30)
    assert _paired(alike, Kind.BINARY) == _paired(alike, Kind.REGRESSION) == 1.0
    found = _paired(figures, Kind.REGRESSION)
    assert found == pytest.approx(stats.ttest_1samp(apart, 0).pvalue)


def test_labels_tell_a_shadow_and_the_champion_apart(iris: Client, shop: Shop) -> None:
    number, url = begin(shop, "shadow", 1.0), shop.settings.database_url
    eventually(lambda: tried(iris))
    ids = [iris.post("/iris/predict", json={"row": ROW}).json()["id"] for _ in range(12)]
    eventually(lambda: rows_of(url, "SELECT 1 FROM evergreen.predictions HAVING count(*) = 24"))
    with warehouse.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(
            "UPDATE evergreen.predictions SET output = '\"virginica\"' WHERE variant = 'champion'"
        )
    for id in ids:
        iris.post("/iris/feedback", json={"id": id, "label": "setosa"})

    found = compare(records_of(shop.settings).trials, number, Kind.MULTICLASS)

    assert (found.champion.mean, found.challenger.mean) == (0.0, 1.0)
    assert found.p_value == pytest.approx(2 * 0.5**12)
    assert found.sentence.endswith("(p < 0.001, McNemar's test)")


def test_what_is_not_allowed_is_told(shop: Shop) -> None:
    begin(shop, "shadow", 1.0)

    with pytest.raises(EvergreenError, match="a trial already"):
        begin(shop, "canary", 0.1)
    with pytest.raises(DeclarationError, match="allowed: shadow, canary, ab"):
        begin(shop, "blue", 0.1)
    with pytest.raises(DeclarationError, match="share"):
        begin(shop, "canary", 1.5)
    with pytest.raises(EvergreenError, match="no release 99"):
        records_of(shop.settings).trials.stop(99, "")

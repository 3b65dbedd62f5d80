"""Where nothing has passed the gate yet, who answers on paper is watched like a champion."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from database import records_of
from evergreen.data import warehouse
from evergreen.deciding.situation import gather
from evergreen.refs import PAPER, ChampionRef
from evergreen.serving import papers
from evergreen.serving.model_ref import ModelRef
from watching.conftest import END, HOUR, WINDOW, Shop, promoted

ELSEWHERE = "UPDATE evergreen.promotions SET use_case = %s WHERE use_case = %s"


@pytest.fixture
def unproven(shop: Shop) -> Iterator[Shop]:
    """The shop, whose two fits of one recipe no gate has passed."""
    second = promoted(shop.settings, shop.use_case, shop.features, shop.champion, 2, "refresh")
    move(shop, "elsewhere", shop.use_case.name)
    for fit in (shop.champion, second):
        papers.end(shop.use_case.name, "followed", records=records_of(shop.settings))
        answers_on_paper(shop, fit)
    yield shop
    move(shop, shop.use_case.name, "elsewhere")


def move(shop: Shop, to: str, since: str) -> None:
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute(ELSEWHERE, (to, since))


def answers_on_paper(shop: Shop, fit: ChampionRef) -> None:
    ref = ModelRef(
        use_case=fit.use_case, version=fit.version, run_id=fit.run_id, model_uri=fit.model_uri,
        sha256=fit.sha256, snapshot_sha256=fit.snapshot_sha256,
    )  # fmt: skip
    records_of(shop.settings).trials.start(
        fit.use_case, PAPER, 1.0, ref.to_json(), reason="below the floor", actor="ada"
    )


def test_its_answers_labels_and_drift_are_measured_and_said_to_be_unproven(unproven: Shop) -> None:
    rows = unproven.resampled(400).assign(age=20.0, city="Wien")
    unproven.log(rows, label=lambda rows: rows["bought"].to_numpy(), variant=PAPER)

    seen = unproven.watch()

    assert (seen.champion, seen.on_paper, seen.outcome) == (2, True, "critical")
    assert set(seen.drifted) == {"age", "city"}
    assert seen.labelled == 400  # version 1 gave these answers: an earlier fit of the recipe
    assert seen.live is not None
    assert seen.sentence.endswith("It answers on paper: no gate has passed it.")


def test_windows_of_its_earlier_fits_count_and_no_training_is_begun(unproven: Shop) -> None:
    kept, use_case = records_of(unproven.settings), unproven.use_case
    for n in range(2):
        end = END - n * HOUR
        rows = unproven.resampled(400).assign(age=20.0, city="Wien")
        unproven.log(rows, end=end, variant=PAPER)
        unproven.watch(type(WINDOW)(start=end - HOUR, end=end))

    newest = kept.windows.newest(use_case.name, limit=1)[0]
    found = gather(use_case, newest, END + timedelta(minutes=1), "", kept, unproven.settings)

    assert [seen.end for seen in found.recent] == [END, END - HOUR]
    assert (found.champion, found.refreshes) == (0, (1, 2))


def test_nobody_is_watched_when_it_ends(unproven: Shop) -> None:
    papers.end(unproven.use_case.name, "retired", records=records_of(unproven.settings))
    unproven.log(unproven.resampled(400), variant=PAPER)

    seen = unproven.watch()

    assert (seen.champion, seen.on_paper, seen.outcome) == (0, False, "unknown")

"""What a window of logged predictions tells, on real PostgreSQL, MLflow and Evidently."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from database import records_of
from evergreen import dossier
from evergreen.data import warehouse
from evergreen.refs import Window, WindowRef
from evergreen.settings import Settings
from evergreen.watching import profile, watch
from watching.conftest import END, HOUR, SHOP, WINDOW, Shop, promoted


def truth(rows: pd.DataFrame) -> "np.ndarray":
    return rows["bought"].to_numpy()


def test_traffic_like_the_training_rows_is_calm(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=truth)

    seen = shop.watch()

    assert seen.outcome == "calm", seen.sentence
    assert (seen.rows, seen.drift_share, seen.prediction_drift) == (400, 0.0, False)
    assert (seen.labelled, seen.coverage) == (400, 1.0)
    assert seen.live == pytest.approx(seen.holdout, abs=0.1)


def test_one_drifted_column_of_six_is_a_warning_that_names_it(shop: Shop) -> None:
    shop.log(shop.resampled(400).assign(age=lambda rows: rows["age"] + 24))

    seen = shop.watch()

    assert seen.outcome == "warning"
    assert seen.drifted == ("age",)
    assert seen.drift_share == pytest.approx(1 / 6)
    assert "1 of 6 columns drifted" in seen.sentence
    assert "age" in seen.sentence


def test_more_than_thirty_percent_of_columns_is_critical(shop: Shop) -> None:
    shop.log(shop.resampled(400).assign(age=20.0, city="Wien"))

    seen = shop.watch()

    assert seen.outcome == "critical"
    assert set(seen.drifted) == {"age", "city"}


def test_a_column_counts_by_its_importance_to_the_champion_too(shop: Shop) -> None:
    shop.log(shop.resampled(400).assign(spend=lambda rows: rows["spend"] * 4))

    seen = shop.watch()

    assert seen.drifted == ("spend",)
    assert seen.drift_share == pytest.approx(1 / 6)
    assert seen.weighted_share is not None
    assert seen.weighted_share > 0.5
    assert seen.prediction_drift


def test_importance_by_a_metric_that_is_not_defined_is_unknown_and_not_nothing(shop: Shop) -> None:
    kept = dossier.read(
        records_of(shop.settings).dossiers, shop.use_case.name, shop.champion.version
    )
    own = replace(kept.proof, metric="of_its_own", beside={"of_its_own": True})
    gone = replace(kept, proof=own)

    assert set(profile.measure(kept, 400, shop.settings).importance) == set(kept.inputs.names)
    assert profile.measure(gone, 400, shop.settings).importance == {}


def test_a_column_that_no_row_has_is_unknown_and_never_no_drift(shop: Shop) -> None:
    rows = shop.resampled(400)
    shop.log(rows)
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE evergreen.predictions SET inputs = inputs - 'age'")

    seen = shop.watch()

    assert seen.outcome == "unknown"
    assert seen.unknowns[0] == "age is in none of the 400 rows"


def test_a_champion_is_watched_by_its_own_columns_whatever_is_declared_today(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    declared = replace(shop.use_case.features, numeric=("mood", "spend", "visits", "age"))
    changed = replace(shop.use_case, features=declared)

    seen = watch(
        changed,
        WINDOW,
        records=records_of(shop.settings),
        settings=shop.settings,
    )

    assert (seen.outcome, seen.drift_share, seen.prediction_drift) == ("calm", 0.0, False)
    assert not [told for told in seen.unknowns if "is in none" in told]


def test_more_nulls_than_in_training_alarm(shop: Shop) -> None:
    rows = shop.resampled(400)
    rows.iloc[:80, rows.columns.get_loc("distance")] = np.nan
    shop.log(rows)

    seen = shop.watch()

    assert seen.outcome == "warning"
    assert "distance is null in" in seen.alarms[0]


def test_categories_that_training_never_saw_alarm(shop: Shop) -> None:
    rows = shop.resampled(400)
    rows.iloc[:20, rows.columns.get_loc("city")] = "Bregenz"
    shop.log(rows)

    seen = shop.watch()

    assert any("never saw in 5.0% of the rows, such as 'Bregenz'" in a for a in seen.alarms)


def test_few_rows_are_unknown(shop: Shop) -> None:
    shop.log(shop.resampled(49))

    seen = shop.watch()

    assert (seen.outcome, seen.rows, seen.drift_share) == ("unknown", 49, None)
    assert "49 predictions were logged; fewer than 50 prove nothing" in seen.sentence


def test_without_a_champion_a_window_is_unknown(studio: Settings) -> None:
    nobody = replace(SHOP, name="nobody")

    seen = watch(nobody, WINDOW, records=records_of(studio), settings=studio)

    assert (seen.outcome, seen.champion) == ("unknown", 0)
    assert "no champion" in seen.sentence


def test_a_missing_snapshot_is_unknown_and_told(shop: Shop, tmp_path: Path) -> None:
    shop.log(shop.resampled(400))
    folder = Path(shop.features.snapshot.uri)
    shutil.move(folder, tmp_path / "gone")

    try:
        seen = shop.watch()
    finally:
        shutil.move(tmp_path / "gone", folder)

    assert seen.outcome == "unknown"
    assert "there is no reference" in seen.sentence
    assert shop.watch().outcome == "calm"


def test_a_model_that_cannot_be_had_leaves_the_answers_unknown(shop: Shop, tmp_path: Path) -> None:
    shop.log(shop.resampled(400))
    # Without what was measured of the model before.
    shutil.copytree(shop.settings.home / "snapshots", tmp_path / "snapshots")
    elsewhere = replace(shop.settings, home=tmp_path)
    artifacts = Path(shop.settings.artifacts_url)
    shutil.move(artifacts, tmp_path / "gone")

    try:
        seen = watch(shop.use_case, WINDOW, records=records_of(elsewhere), settings=elsewhere)
    finally:
        shutil.move(tmp_path / "gone", artifacts)

    assert seen.outcome == "unknown"
    assert (seen.drift_share, seen.prediction_drift) == (0.0, None)
    assert "the champion's own answers are unknown" in seen.sentence


def test_watching_twice_gives_one_row_and_the_same_answer(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    first = shop.watch()
    shop.log(shop.resampled(400).assign(age=20.0, city="Wien"))

    again = shop.watch()

    assert again == first
    assert shop.windows.newest("shop", 10) == (first,)


def test_a_longer_window_with_the_same_end_is_another(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    shop.log(shop.resampled(400, seed=1), end=END - HOUR)
    hour = shop.watch()

    longer = shop.watch(Window(start=END - 2 * HOUR, end=END))

    assert (hour.rows, longer.rows) == (400, 800)
    assert longer.report_id != hour.report_id
    assert set(shop.windows.newest("shop", 10)) == {hour, longer}


def test_of_two_who_watched_the_same_window_the_first_to_tell_stays(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    first = shop.watch()

    second = shop.windows.keep(replace(first, outcome="critical", sentence="Critical: late."))

    assert second == first


def test_the_false_alarms_of_a_window_are_shared_between_its_tests(shop: Shop) -> None:
    shop.log(shop.resampled(400))

    facts = shop.report(shop.watch())["facts"]

    assert facts["tests"] == 19  # six columns twice, two a third time, and five more
    assert facts["alpha"] == pytest.approx(0.05 / 19)


def test_an_unknown_window_may_be_measured_again(shop: Shop) -> None:
    shop.log(shop.resampled(40))
    first = shop.watch()
    shop.log(shop.resampled(360, seed=1))

    again = shop.watch()

    assert (first.outcome, again.outcome, again.rows) == ("unknown", "calm", 400)
    assert shop.windows.newest("shop", 10) == (again,)


def test_a_new_champion_watches_the_same_window_anew(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    first = shop.watch()
    shop.promote(2)

    again = shop.watch()

    assert (first.champion, again.champion) == (1, 2)
    assert shop.windows.newest("shop", 10) == (again, first)


def test_only_the_window_and_only_answers_that_were_given_count(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    shop.log(shop.resampled(400).assign(age=99.0), end=END - HOUR)
    shop.log(shop.resampled(400).assign(age=99.0), variant="shadow")

    seen = shop.watch()

    assert (seen.outcome, seen.rows) == ("calm", 400)


def test_a_live_metric_below_the_floor_is_critical_although_nothing_drifted(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=lambda rows: 1 - truth(rows))

    seen = shop.watch()

    assert seen.outcome == "critical"
    assert seen.drift_share == 0.0
    assert "the gate's floor is 0.600" in seen.sentence


def test_a_live_metric_that_is_only_worse_than_the_holdout_warns(shop: Shop) -> None:
    def noisy(rows: pd.DataFrame) -> "np.ndarray":
        flip = np.random.default_rng(0).random(len(rows)) < 0.2
        return np.where(flip, 1 - truth(rows), truth(rows))

    shop.log(shop.resampled(2000), label=noisy)

    seen = shop.watch()

    assert seen.outcome == "warning", seen.sentence
    assert "in the walk forward it was" in seen.alarms[0]


def test_labels_of_the_fits_before_a_refresh_count_for_the_recipe(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=truth, sha256="f" * 64)
    alone = shop.watch(min_rows=100)
    promoted(shop.settings, shop.use_case, shop.features, shop.champion, 2)
    promoted(shop.settings, shop.use_case, shop.features, shop.champion, 3, kind="refresh")
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE evergreen.promotions SET sha256 = %s WHERE use_case = 'shop' AND version = 2",
            ("f" * 64,),
        )

    seen = shop.watch()

    assert (alone.labelled, alone.prediction_drift) == (0, None)
    assert (seen.champion, seen.labelled, seen.prediction_drift) == (3, 400, False)


def test_labels_that_are_due_and_have_not_come_lower_the_coverage(shop: Shop) -> None:
    shop.log(shop.resampled(100), label=truth)
    shop.log(shop.resampled(300, seed=1))

    seen = shop.watch()

    assert (seen.labelled, seen.coverage) == (100, 0.25)
    assert seen.live is not None


def test_a_label_that_comes_after_the_window_was_not_known_then(shop: Shop) -> None:
    shop.log(shop.resampled(400), label=truth)
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE evergreen.labels SET time = time + interval '1 second'")

    seen = shop.watch()

    assert (seen.outcome, seen.labelled, seen.live) == ("calm", 0, None)
    assert any("0 of 400 labels that are due have come" in told for told in seen.unknowns)


def test_far_less_traffic_than_usual_warns(shop: Shop) -> None:
    shop.log(shop.resampled(60))
    before = shop.watch(Window(start=END - 2 * HOUR, end=END - HOUR))
    for hours in range(1, 7):
        end = END - hours * HOUR
        shop.windows.keep(replace(before, outcome="unknown", start=end - HOUR, end=end, rows=700))

    seen = shop.watch()

    assert seen.alarms == ("60 predictions were logged; in the windows before, 700",)


def test_a_sample_stands_for_many_rows_and_is_always_the_same(shop: Shop) -> None:
    shop.log(shop.resampled(1500))

    seen = shop.watch(sample=200)
    again = shop.watch(Window(start=WINDOW.start, end=END + timedelta(seconds=1)), sample=200)

    facts, repeated = shop.report(seen)["facts"], shop.report(again)["facts"]
    assert (facts["rows"], facts["sampled"], facts["reference_sampled"]) == (1500, 200, 200)
    assert facts["columns"] == repeated["columns"]


def test_what_was_dropped_unlogged_is_told(shop: Shop) -> None:
    shop.log(shop.resampled(400))
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evergreen.serving_drops VALUES (gen_random_uuid(), %s, 7, 'full')", (END,)
        )

    seen = shop.watch()

    assert "7 predictions of the service were answered and not logged" in seen.unknowns


def test_features_that_look_back_are_watched_by_their_raw_columns(weather: Shop) -> None:
    weather.log(weather.rows.iloc[:700].sample(300, random_state=0).sort_index())

    calm = weather.watch()
    weather.log(
        weather.rows.iloc[:300].assign(temp_max=lambda rows: rows["temp_max"] + 15), end=END + HOUR
    )
    warm = weather.watch(Window(start=END, end=END + HOUR))

    assert set(weather.report(calm)["facts"]["columns"][0]) >= {"name", "distance"}
    names = {c["name"]: c["kind"] for c in weather.report(calm)["facts"]["columns"]}
    assert names["date"] == "time"
    assert calm.drift_share == 0.0, calm.sentence
    assert "temp_max" in warm.drifted


def test_the_report_stands_alone_and_evidentlys_lies_beside_it(shop: Shop) -> None:
    shop.log(shop.resampled(400).assign(age=20.0))

    seen = shop.watch()

    folder = shop.settings.home / "drift" / "shop" / seen.report_id
    page = (folder / "report.html").read_text()
    assert WindowRef.from_json(shop.report(seen)["decision"]) == seen
    assert page.count("<figure>") == 8  # six columns, the answers, and the furthest pair
    assert "<script" not in page
    assert "drawn with seed 0" in page
    assert (folder / "evidently.html").stat().st_size > 1e6


def test_a_personal_column_is_on_no_page_and_in_no_alarm(shop: Shop) -> None:
    private = replace(SHOP, source=replace(SHOP.source, personal=("city",)))
    shop.log(shop.resampled(400).assign(city="Bobtown"))

    seen = watch(private, WINDOW, records=records_of(shop.settings), settings=shop.settings)

    folder = shop.settings.home / "drift"
    pages = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert seen.outcome == "calm", seen.sentence
    assert pages
    assert not any("Bobtown" in page for page in pages)


@pytest.mark.parametrize("rows", [450, 900])
def test_the_newest_half_is_that_of_the_labels_which_were_drawn(shop: Shop, rows: int) -> None:
    old, new = shop.resampled(rows // 2), shop.resampled(rows // 2, seed=1)
    shop.log(old, end=END - 2 * HOUR, label=lambda all: all["bought"].to_numpy())
    shop.log(new, label=lambda all: 1 - all["bought"].to_numpy())

    seen = shop.watch(sample=300)

    facts = shop.report(seen)["facts"]["quality"]
    assert (facts["labelled"], facts["scored"]) == (rows, 300)
    late, whole = facts["newest"][0]["live"], facts["metrics"][0]["live"]
    assert late < 0.4 < whole
    assert f"on the newest 150 of 300 drawn of {rows} labels" in seen.sentence


def test_another_sample_is_drawn_of_what_the_champion_learned_from_too(shop: Shop) -> None:
    shop.log(shop.resampled(400))

    few = shop.watch(sample=300).estimate
    many = shop.watch(Window(start=END - 2 * HOUR, end=END)).estimate

    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low

"""Would the fit before have answered better? On models that were trained, and labels that came."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from database import query, records_of
from evergreen.learning import models, tracking
from evergreen.records.quarantine import Quarantine
from evergreen.serving import history
from evergreen.serving.ids import new_id
from evergreen.serving.left_out import LeftOut
from evergreen.watching import instead, look_back
from evergreen.watching.facts import Hindsight
from learning import built, served
from watching.conftest import END, HOUR, Shop, promoted

DAY = timedelta(days=1)


def truth(rows: pd.DataFrame) -> "np.ndarray":
    return rows["bought"].to_numpy()


def served_since(shop: Shop, version: int, moment: datetime) -> None:
    """Put back when a version became champion: it does so now, and the log is older."""
    query(
        shop.url,
        f"UPDATE evergreen.promotions SET created_at = '{moment.isoformat()}'"
        f" WHERE use_case = '{shop.use_case.name}' AND version = {version}",
    )


def refreshed(shop: Shop, rows: pd.DataFrame, kind: str = "refresh") -> Shop:
    """Refresh the champion by a fit on other rows; the first served until five days ago."""
    features = built(shop.use_case, rows, shop.settings)
    trained = served(shop.use_case, features, "logistic", shop.settings)
    champion = promoted(shop.settings, shop.use_case, features, trained, 2, kind)
    served_since(shop, 1, END - 40 * DAY)
    served_since(shop, 2, END - 5 * DAY)
    model = tracking.fetch_model(shop.settings, trained.model_uri, trained.sha256)
    return Shop(shop.use_case, rows, shop.settings, features, champion, model)


@pytest.fixture
def poisoned(shop: Shop) -> Shop:
    """The same shop after a refresh on labels that were turned round."""
    return refreshed(shop, shop.rows.assign(bought=1 - shop.rows["bought"]))


def look(shop: Shop, **limits: Any) -> Hindsight:
    monitoring = replace(shop.use_case.monitoring, **limits)
    return look_back(
        replace(shop.use_case, monitoring=monitoring), END,
        records=records_of(shop.settings), settings=shop.settings,
    )  # fmt: skip


def test_the_fit_before_a_poisoned_refresh_surely_would_have_answered_better(
    poisoned: Shop,
) -> None:
    poisoned.log(
        poisoned.resampled(400).assign(bought=lambda rows: 1 - rows["bought"]), label=truth
    )

    found = look(poisoned)

    assert (found.version, found.rows, found.problem) == (1, 400, "")
    assert found.surely_better
    assert found.before is not None
    assert found.before > 0.75
    assert found.given == pytest.approx(1 - found.before, abs=0.02)
    assert "version 1, which served until 2026-11-16 15:00 UTC, surely would" in found.sentence


def test_after_a_change_of_the_world_the_way_back_is_no_better(shop: Shop) -> None:
    later = refreshed(shop, shop.rows.iloc[:-1])
    later.log(later.resampled(400), label=lambda rows: 1 - truth(rows))

    found = look(later)

    assert found.given is not None
    assert found.given < 0.3
    assert not found.surely_better
    assert "would not surely have answered better" in found.sentence


def test_what_has_healed_by_itself_is_no_reason_to_go_back(poisoned: Shop, shop: Shop) -> None:
    rows = shop.resampled(400)
    poisoned.log(rows, end=END - 2 * DAY, label=truth)
    shop.log(rows.sample(frac=1, random_state=1), label=truth)  # answered as well as before

    found = look(poisoned)

    assert found.difference is not None
    assert found.difference.low > 0
    assert not found.surely_better


def test_answers_from_before_the_refresh_and_of_challengers_do_not_count(poisoned: Shop) -> None:
    rows = poisoned.resampled(100)
    poisoned.log(rows, label=truth)
    poisoned.log(rows, end=END - 6 * DAY, label=truth)
    poisoned.log(rows, variant="challenger", label=truth)

    assert look(poisoned).rows == 100


def test_few_labels_prove_nothing(poisoned: Shop) -> None:
    poisoned.log(poisoned.resampled(49), label=truth)

    found = look(poisoned)

    assert not found.surely_better
    assert found.problem == "49 labels have come since it was replaced, 50 are needed"


def test_the_fit_is_the_one_that_served_when_the_window_of_labels_began(poisoned: Shop) -> None:
    served_since(poisoned, 2, END - 31 * DAY)

    assert look(poisoned, labels_window=32 * DAY).version == 1
    assert look(poisoned).problem == "no earlier fit has served in the window of labels"


def test_a_fit_that_was_replaced_after_the_window_is_not_looked_back_at(poisoned: Shop) -> None:
    poisoned.log(poisoned.resampled(60), label=truth)
    served_since(poisoned, 2, END + timedelta(minutes=3))

    found = look(poisoned)

    assert found.problem == "version 1 was replaced after the window ended"
    assert not found.surely_better


def test_a_version_that_was_left_by_a_rollback_is_no_way_back(shop: Shop, poisoned: Shop) -> None:
    promoted(shop.settings, shop.use_case, shop.features, shop.champion, 3)
    query(
        poisoned.url,
        "UPDATE evergreen.promotions SET version = 1, kind = 'rollback' WHERE version = 3",
    )
    served_since(poisoned, 2, END - 40 * DAY)

    assert look(poisoned).version == 0


def test_a_fit_that_reads_what_is_asked_no_more_is_unknown(poisoned: Shop) -> None:
    poisoned.log(poisoned.resampled(60), label=truth)
    query(poisoned.url, "UPDATE evergreen.predictions SET inputs = inputs - 'age'")

    found = look(poisoned)

    assert not found.surely_better
    assert found.problem == "version 1: it needs age, which what was asked does not hold"


@pytest.fixture
def worse(weather: Shop) -> Iterator[Shop]:
    """The weather after a refresh on labels that were turned round, with its rows in the source."""
    rain = weather.rows["rain_tomorrow"]
    found = refreshed(weather, weather.rows.assign(rain_tomorrow=~rain))
    _into_the_source(weather)
    lines, labels = _answered(found, weather.rows.iloc[-200:-1])
    records_of(weather.settings).predictions.insert(lines)
    query(weather.url, "INSERT INTO evergreen.labels SELECT id, use_case, label::jsonb,"
          " told.time::timestamptz, predictions.time FROM evergreen.predictions"
          f" JOIN (VALUES {', '.join(labels)}) AS told (id, label, time) USING (id)")  # fmt: skip
    yield found
    query(weather.url, f"DROP TABLE {weather.use_case.source.table}")


def test_where_features_look_back_the_rows_before_are_read_from_the_source(
    weather: Shop, worse: Shop
) -> None:
    found = look(worse, labels_window=30 * DAY)

    assert (found.problem, found.rows) == ("", 199)
    assert found.surely_better, found.sentence
    assert found.before == pytest.approx(_expected(weather), abs=1e-9)


def test_what_looks_back_at_too_many_rows_for_one_reading_is_read_in_parts(
    weather: Shop, worse: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_ROWS", 60)

    found = look(worse, labels_window=30 * DAY)

    assert (found.problem, found.rows) == ("", 199)
    assert found.before == pytest.approx(_expected(weather), abs=1e-9)


def test_rows_that_are_gone_from_the_source_count_as_unlabelled_until_most_are(
    worse: Shop,
) -> None:
    gone = f"DELETE FROM {worse.use_case.source.table} WHERE date >= "
    query(worse.url, f"{gone} '2015-12-23'")
    few = look(worse, labels_window=30 * DAY)
    query(worse.url, f"{gone} '2015-07-01'")
    most = look(worse, labels_window=30 * DAY)

    assert (few.problem, few.rows) == ("", 192)
    assert few.surely_better, few.sentence
    assert re.search("of the 199 rows, the source holds only \\d+ still$", most.problem)


def test_what_is_in_quarantine_is_not_looked_back_at(
    worse: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(instead, "LeftOut", lambda *said: asked.append(said) or LeftOut(*said))

    look(worse, labels_window=30 * DAY)

    [(_, _, quarantine)] = asked
    assert isinstance(quarantine, Quarantine)


def _expected(weather: Shop) -> float:
    """What the fit before reaches on what was asked, by all rows at once."""
    rain = weather.rows["rain_tomorrow"].to_numpy()[-200:-1]
    output = models.predict(weather.model, weather.rows)
    return _area(rain, np.asarray(output.probabilities)[-200:-1, 1])


def _area(truth: "np.ndarray", given: "np.ndarray") -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth.astype(int), given))


def _into_the_source(shop: Shop) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(shop.url.replace("postgresql://", "postgresql+psycopg2://"))
    shop.rows.to_sql(str(shop.use_case.source.table), engine, schema="public", index=False)
    engine.dispose()


def _answered(shop: Shop, rows: pd.DataFrame) -> tuple[list[bytes], list[str]]:
    """Return answers to rows that end with those asked for, as the service logs them."""
    output = models.predict(shop.model, shop.rows)
    places = shop.rows.index.get_indexer(rows.index)
    lines, labels = [], []
    for n, place in enumerate(places):
        inputs = json.loads(
            rows[list(shop.use_case.features.raw)].iloc[n].to_json(date_format="iso")
        )
        one = {
            "id": new_id(), "time": (END - HOUR * (n + 0.5) / len(places)).isoformat(),
            "use_case": shop.use_case.name, "version": 2, "run_id": "r",
            "sha256": shop.champion.sha256, "snapshot_sha256": "0", "code": "", "engine": "sklearn",
            "variant": "champion", "latency_ms": 1.0, "inputs": inputs,
            "output": int(output.labels[place]),
            "probabilities": {str(c): float(p) for c, p in zip(
                output.classes, output.probabilities[place], strict=True)},
        }  # fmt: skip
        lines.append(json.dumps(one | {"request_id": one["id"]}).encode())
        labels.append(f"('{one['id']}'::uuid, '{int(rows['rain_tomorrow'].iloc[n])}', '{END}')")
    return lines, labels

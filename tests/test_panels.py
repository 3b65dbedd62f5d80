"""A panel by entity: from the table to the answers, each city on its own, all the same."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cities import AS_OF, CITIES, NAMES, USE_CASE, put, rows
from database import query, records_of
from databases import Databases
from evergreen import catalog, cycle, dossier, scaffold, scoring
from evergreen.cycle import Cycle
from evergreen.data.warehouse import reading
from evergreen.dossier import Dossier
from evergreen.learning import features, models, tracking
from evergreen.records import Scored
from evergreen.scoring import ScoringInterval, chunks
from evergreen.scoring.raw import of_query
from evergreen.serving import history
from evergreen.serving.app import create_app
from evergreen.serving.contract import Contract
from evergreen.settings import PROJECT, Settings
from evergreen.steps import Run
from serving.conftest import Client, live

ROWS = rows()
RUFF = Path(sys.executable).with_name("ruff")
WEEK = ScoringInterval(
    start=datetime(2026, 10, 20, tzinfo=UTC), end=datetime(2026, 10, 27, tzinfo=UTC)
)


def asked_for(key: str) -> Run:
    return Run(as_of=AS_OF, asked_at=AS_OF, key=key, actor="ada")


class Panel:
    """One championship for all tests here: rows, what was trained, and a service."""

    def __init__(self, settings: Settings, done: Cycle, client: Client) -> None:
        self.settings, self.done, self.client = settings, done, client
        self.records = records_of(settings)

    @property
    def known(self) -> Dossier:
        return dossier.read(self.records.dossiers, "sales", 1)

    def in_training(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        model = tracking.fetch_model(self.settings, self.known.model.uri, self.known.model.sha256)
        found = models.predict(model, ROWS).labels
        return np.asarray(found)


@pytest.fixture(scope="module")
def panel(
    databases: Databases, mlflow_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Panel]:
    home = tmp_path_factory.mktemp("panel")
    with databases.lend() as url, mlflow_databases.lend() as tracking_url:
        settings = Settings(
            home=home, database_url=url, tracking_uri=tracking_url.replace("postgresql://", "postgresql+psycopg2://"),
            artifacts_url=str(home / "artifacts"), use_cases_dir=home / "use_cases",
            expectations_dir=home / "expectations",
        )  # fmt: skip
        put(url, ROWS)
        scaffold.new("sales", table="sales", target="sold", time="day", settings=settings)
        done = cycle.run(
            USE_CASE, asked_for("t/1"), records=records_of(settings), settings=settings
        )
        assert done.to_json()["promoted"], done.sentence
        with live(create_app(settings), settings) as client:
            yield Panel(settings, done, client)


def test_a_draft_of_a_panel_divides_it_by_entity(settings: Settings, tmp_path: Path) -> None:
    put(settings.database_url, ROWS)
    here = replace(settings, use_cases_dir=tmp_path / "one", expectations_dir=tmp_path / "two")

    module, *_ = scaffold.new("sales", table="sales", target="sold", time="day", settings=here)

    proposed = catalog.load(here.use_cases_dir).find("sales")
    assert proposed.features.entity == ("city",)
    assert proposed.features.lookback == timedelta(days=7)
    assert proposed.features.inputs == ("day", "city", "visits")
    assert proposed.features.numeric == ("visits", "visits_recently")
    found = features.compute(proposed, ROWS)
    first = found.loc[ROWS.drop_duplicates("city").index]
    assert (first["visits"] == first["visits_recently"]).all()  # nothing of another city
    config = f"--config={PROJECT / 'pyproject.toml'}"
    for command in (["format", "--check", "--diff"], ["check"]):
        subprocess.run([RUFF, *command, config, module], check=True)


def keys_of(places: list[int]) -> list[dict[str, str]]:
    chosen = ROWS.iloc[places]
    return [
        {"city": city, "day": str(day.date())}
        for city, day in zip(chosen["city"], chosen["day"], strict=True)
    ]


def test_a_panel_is_answered_alike_everywhere(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = panel.in_training()
    week = np.flatnonzero((ROWS["day"] >= "2026-10-20") & (ROWS["day"] < "2026-10-27"))
    places = [*week[[0, 5, 11, -1]].tolist(), len(ROWS) - 1]

    answers = panel.client.post("/sales/predict/batch", json={"keys": keys_of(places)}).json()
    one = panel.client.post("/sales/predict", json={"key": keys_of(places[:1])[0]}).json()
    monkeypatch.setattr(chunks, "CHUNK", 30)  # a city lies in two chunks
    scoring.score(
        USE_CASE, scoring.asked(USE_CASE, WEEK), asked_for("s/1"), records=panel.records,
        settings=panel.settings,
    )  # fmt: skip
    written = query(
        panel.settings.database_url,
        "SELECT prediction FROM predictions.sales ORDER BY day, city",
    )

    assert [each["prediction"] for each in answers["predictions"]] == there[places].tolist()
    assert one["prediction"] == there[places[0]]
    assert np.array(written).ravel().tolist() == there[week].tolist()


def test_a_key_reads_its_own_city_within_the_lookback(panel: Panel) -> None:
    inputs, url = panel.known.inputs, panel.settings.database_url
    contract = Contract.of(panel.known, panel.settings.expectations_dir / "none.json")
    keys = [{"city": NAMES[3], "day": datetime(2026, 10, 20).date()},
            {"city": NAMES[5], "day": datetime(2026, 9, 1).date()}]  # fmt: skip

    found, places = history.read(url, contract, keys, inputs.lookback)

    assert len(found) == 2 * 8
    assert set(found["city"]) == {NAMES[3], NAMES[5]}
    assert found["city"].iloc[places].tolist() == [NAMES[3], NAMES[5]]


def test_an_index_is_advised_where_the_plan_reads_the_whole_table(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inputs, url = panel.known.inputs, panel.settings.database_url
    key = {"city": NAMES[3], "day": datetime(2026, 10, 20).date()}
    query(url, "CREATE TABLE bare AS SELECT * FROM sales")

    with reading(url) as moment:
        bare = history.advice(replace(inputs, table="bare"), [key], inputs.lookback, moment)
        moment.query("SELECT set_config('enable_seqscan', 'off', true)")  # of so small a table
        keyed = history.advice(inputs, [key], inputs.lookback, moment)

    monkeypatch.setattr(history, "SLOW", 0.0)
    known = replace(panel.known, inputs=replace(inputs, table="bare"))
    contract = Contract.of(known, panel.settings.expectations_dir / "none.json")
    history.read(url, contract, [key], inputs.lookback)

    assert [record.message for record in caplog.records] == [bare]
    assert bare == "rows by key read all of bare: an index on (city, day) would spare that"
    assert keyed == ""


def test_a_history_may_hold_several_cities_and_the_short_one_is_told(panel: Panel) -> None:
    there = panel.in_training()
    newest = ROWS[(ROWS["day"] >= "2026-10-24") & ROWS["city"].isin(NAMES[:2])]
    newest = newest[(newest["city"] == NAMES[0]) | (newest["day"] >= "2026-10-30")]
    sent = newest.assign(day=newest["day"].dt.strftime("%Y-%m-%d"))[["day", "city", "visits"]]

    told = panel.client.post(
        "/sales/predict/batch", json={"history": sent.to_dict("records"), "last": 2}
    ).json()

    assert told["predictions"][0]["prediction"] == there[newest.index[-2]]
    assert told["notes"] == [
        f"city {NAMES[1]}: history begins 1 day before the row; the features look back 7 days"
    ]


def test_figures_are_pooled_and_by_city_and_the_worst_are_named(panel: Panel) -> None:
    verdict = panel.done.verdict
    assert verdict is not None
    report = panel.settings.home / "reports" / verdict.report
    evidence = json.loads((report.parent / "evidence.json").read_text())
    challenger = evidence["models"][0]
    run = tracking.client(panel.settings).get_run(challenger["run_id"])

    of_cities = evidence["entities"]
    assert (of_cities["by"], of_cities["count"], of_cities["few"]) == (["city"], CITIES, 1)
    assert len(of_cities["worst"]) == 5
    values = [one["value"] for one in of_cities["worst"]]
    assert values == sorted(values, reverse=True)
    assert NAMES[-1] not in [one["name"] for one in of_cities["worst"]]
    assert challenger["macro"]["mae"] != challenger["metrics"]["mae"]
    assert run.data.metrics["holdout_macro_mae"] == pytest.approx(challenger["macro"]["mae"])
    assert f"<th>{of_cities['worst'][0]['name']}</th>" in report.read_text()
    assert evidence["against_baseline"]["unit"].startswith("day, and city")


def scored(panel: Panel, changes: str) -> Scored:
    """Score a copy of the table, with changes, into a table of its own."""
    url = panel.settings.database_url
    query(url, f"DROP TABLE IF EXISTS odd; CREATE TABLE odd AS SELECT * FROM sales; {changes}")
    assert USE_CASE.scoring is not None
    use_case = replace(USE_CASE, scoring=replace(USE_CASE.scoring, max_refused=0.2))
    wanted = "SELECT * FROM odd WHERE day >= %(start)s AND day < %(end)s"
    asked = scoring.asked(use_case, WEEK, query=wanted, into="predictions.odd")
    return scoring.score(
        use_case, asked, asked_for("s/2"), records=panel.records, settings=panel.settings
    )


def test_a_bad_row_taints_its_own_city_and_a_row_without_one_is_refused(panel: Panel) -> None:
    done = scored(
        panel,
        f"UPDATE odd SET visits = 'Infinity' WHERE city = '{NAMES[2]}' AND day = '2026-10-21';"
        f"UPDATE odd SET city = NULL WHERE city = '{NAMES[3]}' AND day = '2026-10-22'",
    )

    assert done.reasons == {
        "visits is not a finite number": 1,
        "a row that its features look back at was refused": 5,
        "city is null": 1,
    }
    assert done.rows == 11 * 7 + 2 - 7


def test_only_cities_that_are_asked_about_are_read_in_batch(panel: Panel) -> None:
    url, inputs = panel.settings.database_url, panel.known.inputs
    wanted = (
        "SELECT * FROM sales WHERE day >= %(start)s AND day < %(end)s"
        f" AND (day < '2026-10-20' OR city = '{NAMES[4]}')"
    )

    with of_query(url, wanted, inputs, WEEK) as raw:
        found = [city for batch in raw.batches for city in batch["city"].to_pylist()]

    assert raw.by_entity
    assert found == [NAMES[4]] * 14

"""LightGBM with categories, gaps and sentences: from the table to the answers, all the same."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lightgbm import LGBMClassifier

from database import query, records_of
from evergreen import catalog, cycle, dossier, scaffold, scoring
from evergreen.data import warehouse
from evergreen.dossier import Dossier
from evergreen.judging.evidence import Evidence
from evergreen.learning import models, tracking
from evergreen.learning.models import Array, Output
from evergreen.records.predictions import Labelled
from evergreen.scoring import ScoringInterval
from evergreen.serving.app import create_app
from evergreen.settings import Settings
from evergreen.spec import Candidate, Features, Gate, Metric, Scoring, UseCase
from evergreen.steps import Run
from evergreen.watching import quality
from evergreen.watching.facts import QualityFacts
from flights import flights
from serving.conftest import live

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)
DAY = ScoringInterval(start=datetime(2026, 11, 19, tzinfo=UTC), end=AS_OF)
RAW = ("distance", "carrier", "tailnum", "notes")


@dataclass
class Airline:
    """A table of flights, and its use case."""

    settings: Settings
    use_case: UseCase
    rows: pd.DataFrame


@pytest.fixture
def airline(settings: Settings) -> Airline:
    rows = flights()
    rows["notes"] = rows["notes"] + [" clear" * (n % 50) for n in range(len(rows))]
    rows["trust"] = 1.0 + rows["id"] % 2
    table = pa.Table.from_pandas(rows, preserve_index=False)
    warehouse.write(settings.database_url, "flights", table, "replace")
    here = replace(
        settings,
        use_cases_dir=settings.home / "use_cases",
        expectations_dir=settings.home / "expectations",
    )
    scaffold.new("flights", table="flights", target="delayed", key=("id",), settings=here)
    proposed = catalog.load(here.use_cases_dir).find("flights")
    return Airline(
        here,
        replace(
            proposed,
            draft=False,
            features=Features(numeric=RAW[:1], categorical=RAW[1:3], text=RAW[3:]),
            candidates=(Candidate(name="light", build=partial(LGBMClassifier, n_estimators=40)),),
            gate=Gate(metric="roc_auc", floors={"roc_auc": 0.6}, beat_baseline_surely=False),
            scoring=Scoring(query="SELECT * FROM flights", into="predictions.flights"),
        ),
        rows,
    )


def cost(truth: Array, late: Array) -> float:
    """A delay that nobody was told of costs five, a false alarm one."""
    missed, alarmed = (truth == 1) & (late != 1), (truth != 1) & (late == 1)
    return float((5 * missed + alarmed).mean())


def two_airlines(evidence: Evidence) -> tuple[bool, str]:
    """A check of one's own, which nothing here can pass."""
    return False, f"{evidence.holdout.rows} rows of one airline only"


def asked_for(key: str) -> Run:
    return Run(as_of=AS_OF, asked_at=AS_OF, key=key, actor="ada")


def test_training_http_and_batch_answer_the_same(airline: Airline) -> None:
    settings, use_case = airline.settings, airline.use_case
    records = records_of(settings)

    done = cycle.run(use_case, asked_for("t/1"), records=records, settings=settings)
    assert done.to_json()["promoted"], done.sentence
    known = dossier.read(records.dossiers, "flights", 1)
    model = tracking.fetch_model(settings, known.model.uri, known.model.sha256)
    there = _sure(models.predict(model, airline.rows))

    odd = {"distance": None, "carrier": None, "tailnum": "never seen", "notes": "rain " * 1_000}
    sent = airline.rows.head(50).astype(object).where(airline.rows.head(50).notna(), None)
    rows = [{name: row[name] for name in RAW} for row in sent.to_dict("records")]
    with live(create_app(settings), settings) as client:
        answers = client.post("/flights/predict/batch", json={"rows": rows})
        alone = client.post("/flights/predict", json={"row": odd})
        endless = client.post("/flights/predict", json={"row": odd | {"notes": "x" * 20_001}})
    scoring.score(
        use_case, scoring.asked(use_case, DAY), asked_for("s/1"), records=records, settings=settings
    )
    written = query(
        settings.database_url, "SELECT probability FROM predictions.flights ORDER BY id"
    )

    said = [one["probability"] for one in answers.json()["predictions"]]
    assert said == there[:50]
    assert np.array(written).ravel().tolist() == there
    [expected] = _sure(models.predict(model, pd.DataFrame([odd])))
    assert alone.json()["probability"] == pytest.approx(expected, abs=1e-12)
    assert endless.status_code == 422
    assert endless.json()["error"]["field"] == "row.notes"


def measured(known: Dossier, metrics: tuple[Metric, ...]) -> QualityFacts:
    """Measure live answers of which every second is a miss."""
    chances = [{"0": 0.8, "1": 0.2}] * 40
    labelled = Labelled(40, 40, [AS_OF] * 40, [0, 1] * 20, [0] * 40, chances)
    return quality.measure(known, None, labelled, AS_OF, 10, metrics)


def _sure(output: Output) -> list[float]:
    """Return the probability of what is said, as the answers have it."""
    assert output.probabilities is not None
    chances: list[float] = output.probabilities.max(axis=1).tolist()
    return chances


def test_a_metric_and_a_check_of_ones_own_decide(airline: Airline) -> None:
    metric = Metric(name="cost", function=cost, more_is_better=False)
    gate = Gate(metric="cost", floors={"cost": 4.0}, beat_baseline_surely=False)
    source = replace(airline.use_case.source, weight="trust")
    use_case = replace(airline.use_case, metrics=(metric,), gate=gate, source=source)
    settings = airline.settings
    passed = cycle.run(use_case, asked_for("o/1"), records=records_of(settings), settings=settings)
    strict = replace(use_case, gate=replace(gate, checks=(two_airlines,)))
    refused = cycle.run(strict, asked_for("o/2"), records=records_of(settings), settings=settings)

    assert passed.to_json()["promoted"], passed.sentence
    assert "cost" in passed.sentence and "against the ceiling 4" in passed.sentence
    known = dossier.read(records_of(settings).dossiers, "flights", 1)
    assert not known.more_is_better
    [live] = measured(known, (metric,)).metrics
    assert (live.name, live.live, live.more_is_better, live.floor) == ("cost", 2.5, False, 4.0)
    assert live.error > 0
    gone = measured(known, ())
    assert gone.metrics[0].live is None
    assert gone.problem == "cost: not defined for these labels, or told by too few of them"
    assert refused.verdict is not None
    report = (settings.home / "reports" / refused.verdict.report).read_text()
    assert "own: two airlines" in report
    assert "rows of one airline only" in report

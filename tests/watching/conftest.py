"""Two champions that were really trained, and traffic as the service logs it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from database import records_of
from evergreen.data import warehouse
from evergreen.dossier import writing
from evergreen.learning import models, tracking
from evergreen.records import Decision, Promotion, WatchedWindows, decision_id
from evergreen.refs import CandidateRef, ChampionRef, FeaturesRef, Window, WindowRef
from evergreen.serving.ids import new_id
from evergreen.settings import PROJECT, Settings
from evergreen.spec import Candidate, Features, Gate, Kind, Source, UseCase, Windows
from evergreen.watching import watch
from evergreen_workshop.stack.postgres import EmbeddedPostgres
from learning import WEATHER, built, served, weather_rows
from verdicts import verdict_on

END = datetime(2026, 11, 21, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(start=END - HOUR, end=END)

SHOP = UseCase(
    name="shop",
    doc="Will a visitor buy?",
    owner="shop-team",
    kind=Kind.BINARY,
    source=Source(table="shop", key=("id",), target="bought"),
    windows=Windows(holdout=0.3),
    features=Features(
        numeric=("spend", "visits", "age", "distance"), categorical=("city", "member")
    ),
    candidates=(Candidate(name="logistic", build=LogisticRegression),),
    baselines=(Candidate(name="prior", build=DummyClassifier),),
    gate=Gate(metric="roc_auc", floors={"roc_auc": 0.6, "accuracy": 0.6}),
)


def visitors(rows: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Visitors of the shop; whether they buy depends on what they spent, mostly."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "spend": draw.lognormal(3, 1, rows).round(2),
            "visits": draw.poisson(3, rows),
            "age": draw.normal(45, 12, rows).round(),
            "distance": np.where(draw.random(rows) < 0.02, np.nan, draw.exponential(10, rows)),
            "city": draw.choice(["Graz", "Linz", "Wien"], rows, p=[0.3, 0.2, 0.5]),
            "member": draw.random(rows) < 0.3,
        }
    )
    score = 1.5 * np.log(frame["spend"]) - 4.5 + 0.8 * frame["member"] + draw.logistic(size=rows)
    return frame.assign(bought=(score > 0).astype(int))


@dataclass
class Shop:
    """A champion, the rows that it learned from, and a service's log to fill."""

    use_case: UseCase
    rows: pd.DataFrame
    settings: Settings
    features: FeaturesRef
    champion: ChampionRef
    model: Any

    @cached_property
    def training(self) -> pd.DataFrame:
        """The rows that the model that serves has learned from."""
        from evergreen.learning import features

        part = features.load(self.features, self.settings)["part"]
        return self.rows[part.isin(["training", "holdout"]).to_numpy()]

    @property
    def url(self) -> str:
        return self.settings.database_url

    def resampled(self, rows: int, seed: int = 0) -> pd.DataFrame:
        """Draw rows from the training rows: traffic without any drift."""
        return self.training.sample(rows, replace=True, random_state=seed)

    def log(
        self,
        rows: pd.DataFrame,
        *,
        end: datetime = END,
        label: Callable[[pd.DataFrame], Any] | None = None,
        **changes: Any,
    ) -> None:
        """Log rows in the hour before `end`, answered by the champion; label them if asked."""
        raw = rows.drop(columns=[self.use_case.source.target]).reset_index(drop=True)
        output = models.predict(self.model, raw)
        names = [name for name in self.use_case.features.raw if name in raw]
        given = json.loads(raw[names].to_json(orient="records", date_format="iso"))
        classes = output.classes.tolist()
        lines, labels = [], []
        truth = label(rows) if label else None
        for n, row in enumerate(given):
            one = {
                "id": new_id(), "time": (end - HOUR * (n + 0.5) / len(given)).isoformat(),
                "use_case": self.use_case.name, "version": self.champion.version,
                "run_id": self.champion.run_id, "sha256": self.champion.sha256,
                "snapshot_sha256": self.champion.snapshot_sha256, "code": "", "engine": "sklearn",
                "variant": "champion", "latency_ms": 1.0, "inputs": row,
                "output": output.labels[n].item(),
                "probability": float(output.probabilities[n].max()),
                "probabilities": {
                    str(c): float(p) for c, p in zip(classes, output.probabilities[n], strict=True)
                },
            } | changes  # fmt: skip
            lines.append(json.dumps(one | {"request_id": one["id"]}).encode())
            if truth is not None:
                labels.append((one["id"], int(truth[n])))
        records_of(self.settings).predictions.insert(lines)
        with warehouse.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO evergreen.labels (prediction_id, use_case, label, time, answered_at)"
                " SELECT id, use_case, %s::jsonb, %s, time FROM evergreen.predictions"
                " WHERE id = %s",
                [(str(value), end, id) for id, value in labels],
            )

    @property
    def windows(self) -> WatchedWindows:
        return records_of(self.settings).windows

    def watch(self, window: Window = WINDOW, **limits: Any) -> WindowRef:
        monitoring = replace(self.use_case.monitoring, **limits)
        return watch(
            replace(self.use_case, monitoring=monitoring),
            window,
            records=records_of(self.settings),
            settings=self.settings,
        )

    def report(self, seen: WindowRef) -> dict[str, Any]:
        file = self.settings.home / "drift" / self.use_case.name / seen.report_id / "report.json"
        document: dict[str, Any] = json.loads(file.read_text())
        return document

    def promote(self, version: int) -> None:
        """Make the same model champion under another version."""
        promoted(self.settings, self.use_case, self.features, self.champion, version)


def promoted(
    settings: Settings,
    use_case: UseCase,
    features: FeaturesRef,
    model: Any,
    version: int,
    kind: str = "change",
) -> ChampionRef:
    """Write a gate decision and a promotion, as the pipeline does."""
    ledger = records_of(settings)
    before = ledger.promotions.of(use_case.name)
    key = f"{use_case.name}_training/{version}"
    decision = ledger.decisions.record(
        Decision(
            id=decision_id(use_case.name, "fit/train", key), use_case=use_case.name, kind="fit",
            outcome="passed", sentence="Better.", as_of=None, run_key=key, actor="ada",
            evidence={},
        )
    )  # fmt: skip
    challenger = CandidateRef(
        name="logistic", run_id=model.run_id, model_uri=model.model_uri, sha256=model.sha256,
        cv={}, metrics={}, seconds=1, answers_uri=getattr(model, "answers_uri", ""),
        answers_sha256=getattr(model, "answers_sha256", ""),
    )  # fmt: skip
    verdict = verdict_on(use_case, challenger, features=features)
    kept = records_of(settings).dossiers
    writing.write(use_case, verdict, decision.id, version, kept=kept, settings=settings)
    return ledger.promotions.append(
        Promotion(
            use_case=use_case.name, version=version, run_id=model.run_id,
            model_uri=model.model_uri, sha256=model.sha256,
            snapshot_sha256=features.snapshot.sha256, golden_sha256=None,
            training=features.training, predecessor_id=before[0].id if before else None,
            decision_id=decision.id, kind=kind, reason="better", actor="ada",
        )
    ).ref  # fmt: skip


def opened(use_case: UseCase, rows: pd.DataFrame, settings: Settings) -> Shop:
    """Train, promote, and open the log."""
    quick = replace(use_case.candidates[0], name="logistic", search={})
    use_case = replace(use_case, candidates=(quick,))
    features = built(use_case, rows, settings)
    trained = served(use_case, features, "logistic", settings)
    champion = promoted(settings, use_case, features, trained, 1)
    model = tracking.fetch_model(settings, trained.model_uri, trained.sha256)
    return Shop(use_case, rows, settings, features, champion, model)


@pytest.fixture(scope="session")
def studio(
    postgres: EmbeddedPostgres, mlflow_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """One database and one MLflow for all tests here: training takes seconds."""
    home = tmp_path_factory.mktemp("studio")
    postgres.create_database("studio")
    postgres.create_database("studio_mlflow", template=mlflow_template)
    tracking_uri = postgres.url("studio_mlflow").replace("postgresql://", "postgresql+psycopg2://")
    settings = Settings(
        home=home, database_url=postgres.url("studio"), tracking_uri=tracking_uri,
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases", expectations_dir=PROJECT / "expectations",
    )  # fmt: skip
    records_of(settings).migrate()
    return settings


@pytest.fixture(scope="session")
def the_shop(studio: Settings) -> Shop:
    return opened(SHOP, visitors(), studio)


@pytest.fixture(scope="session")
def the_weather(studio: Settings) -> Shop:
    return opened(WEATHER, weather_rows(), studio)


def cleared(shop: Shop, before: int) -> Iterator[Shop]:
    """Give the shop with an empty log, and empty it again."""
    yield shop
    with warehouse.connect(shop.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE evergreen.labels, evergreen.predictions, evergreen.windows,"
            " evergreen.serving_drops, evergreen.scorings, evergreen.releases"
        )
        cursor.execute(
            "DELETE FROM evergreen.promotions WHERE use_case = %s AND id > %s",
            (shop.use_case.name, before),
        )
        cursor.execute("DELETE FROM evergreen.dossiers WHERE version > 1")
        cursor.execute("DELETE FROM evergreen.decisions WHERE kind = 'trial'")


@pytest.fixture
def shop(the_shop: Shop) -> Iterator[Shop]:
    yield from cleared(the_shop, the_shop.champion.promotion_id)


@pytest.fixture
def weather(the_weather: Shop) -> Iterator[Shop]:
    yield from cleared(the_weather, the_weather.champion.promotion_id)

"""A service over real parts: trained models, the ledger in PostgreSQL, files in a folder."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest
import uvicorn
from sklearn.pipeline import Pipeline

from database import records_of
from evergreen import catalog
from evergreen.data import warehouse
from evergreen.dossier import Dossier
from evergreen.dossier.writing import describe
from evergreen.errors import ModelRefused
from evergreen.learning import models
from evergreen.records import Decision, Promotion, decision_id
from evergreen.refs import CandidateRef, Span
from evergreen.serving.app import Service, create_app
from evergreen.serving.artifacts import MODEL
from evergreen.serving.model_ref import ModelRef
from evergreen.serving.server import config
from evergreen.settings import Settings
from evergreen.spec import Features, UseCase
from evergreen_workshop.stack.ports import free_port
from learning import AS_OF, CATALOG, iris_rows, weather_rows
from verdicts import NOBODY, verdict_on

ROWS: dict[str, Callable[[], pd.DataFrame]] = {"iris": iris_rows, "weather": weather_rows}


def declared(name: str, columns: tuple[str, ...] = ()) -> UseCase:
    """Return a use case as it is declared, or one that reads these columns only."""
    use_case = CATALOG.find(name)
    return replace(use_case, features=Features(numeric=columns)) if columns else use_case


@cache
def trained(name: str, candidate: str, seed: int = 0, columns: tuple[str, ...] = ()) -> Pipeline:
    use_case = declared(name, columns)
    rows = ROWS[name]().sample(frac=1.0 if not seed else 0.9, random_state=seed).sort_index()
    model = models.pipeline(use_case, use_case.candidate(candidate))
    return model.fit(rows, rows[use_case.source.target])


class Client(httpx.Client):
    """Asks a service that runs in a thread of this process, over a real connection."""

    service: Service


@contextmanager
def live(app: Any, settings: Settings) -> Iterator[Client]:
    """Run the service as `evergreen serve` does, on a free port."""
    port = free_port()
    server = uvicorn.Server(config(app, settings, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, 30)
        with Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            client.service = app.state.service
            yield client
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Shop:
    """Where models are put on offer, and the service that should follow."""

    settings: Settings
    catalog: catalog.Catalog
    dossiers: dict[str, Dossier] = field(default_factory=dict)
    """Of what was put on the shelf, by digest."""

    @property
    def shelf(self) -> Path:
        return self.settings.home / "shelf"

    def put(
        self, name: str, candidate: str, seed: int = 0, columns: tuple[str, ...] = ()
    ) -> ModelRef:
        """Lay a trained model on the shelf, under its digest."""
        use_case, model = declared(name, columns), trained(name, candidate, seed, columns)
        made = self.shelf / f"{name}-{candidate}-{seed}-{len(columns)}"
        made.mkdir(parents=True, exist_ok=True)
        sha256 = models.save(model, made / MODEL)
        rows = ROWS[name]()
        golden = models.golden(model, rows[list(use_case.features.raw)].tail(40))
        table = pa.Table.from_pandas(rows, preserve_index=False)
        challenger = CandidateRef(
            name=candidate, run_id="run", model_uri=str(made), sha256=sha256, cv={}, metrics={},
            seconds=1,
        )  # fmt: skip
        verdict = verdict_on(use_case, challenger)
        found = describe(use_case, verdict, NOBODY, 1, model, golden, table)
        self.dossiers[sha256] = found
        return ModelRef.of(found)

    def register(self, ref: ModelRef, version: int) -> ModelRef:
        """Write the dossier of a version, and the decision of the gate that passed its bytes."""
        ledger = records_of(self.settings)
        gate = decision_id(ref.use_case, "fit/train", f"{version}/{ref.sha256}")
        ledger.decisions.record(
            Decision(
                id=gate, use_case=ref.use_case, kind="fit", outcome="passed", sentence="Better.",
                evidence={"evaluation": {"challenger": {"sha256": ref.sha256}}}, as_of=AS_OF,
                run_key=f"{version}", actor="ada",
            )
        )  # fmt: skip
        found = self.dossiers[ref.sha256]
        proof = replace(found.proof, decision_id=gate)
        self.put_dossier(replace(found, version=version, proof=proof))
        return replace(ref, version=version)

    def put_dossier(self, found: Dossier) -> None:
        kept = records_of(self.settings).dossiers
        kept.put(found.use_case, found.version, found.to_json())

    def promote(self, ref: ModelRef, version: int) -> ModelRef:
        """Make it champion in the ledger."""
        self.register(ref, version)
        ledger = records_of(self.settings)
        rows = ledger.promotions.of(ref.use_case)
        about = f"{version}/{len(rows)}"
        decision = ledger.decisions.record(
            Decision(
                id=decision_id(ref.use_case, "fit/train", about), use_case=ref.use_case,
                kind="fit", outcome="passed", sentence="Better.", evidence={},
                as_of=datetime(2026, 8, 24, tzinfo=UTC), run_key=about, actor="ada",
            )
        )  # fmt: skip
        ledger.promotions.append(
            Promotion(
                use_case=ref.use_case, version=version, run_id=ref.run_id,
                model_uri=ref.model_uri, sha256=ref.sha256,
                snapshot_sha256=ref.snapshot_sha256, golden_sha256=None, training=Span(rows=9),
                predecessor_id=rows[0].id if rows else None, decision_id=decision.id,
                kind="change", reason="better", actor="ada",
            )
        )  # fmt: skip
        return replace(ref, version=version)

    def fetch(self, ref: ModelRef, folder: Path) -> None:
        if not Path(ref.model_uri).exists():
            raise ModelRefused(f"{ref.model_uri} cannot be fetched")
        for file in Path(ref.model_uri).iterdir():
            shutil.copy(file, folder)

    def open(self, **changes: Any) -> AbstractContextManager[Client]:
        settings = replace(self.settings, **changes)
        return live(create_app(settings, fetch=self.fetch), settings)


@pytest.fixture
def shop(settings: Settings) -> Shop:
    records_of(settings).migrate()
    return Shop(settings, CATALOG)


@pytest.fixture
def iris(shop: Shop) -> Iterator[Client]:
    """The service with one champion: iris, logistic."""
    shop.promote(shop.put("iris", "logistic"), 1)
    with shop.open() as client:
        yield client


def eventually(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def rows_of(url: str, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connect(url) as opened, opened.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()

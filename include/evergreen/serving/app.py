"""The service's HTTP side.

Usage::

    app = create_app(settings)
    uvicorn.run(app)
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from prometheus_client import ProcessCollector
from pydantic import ConfigDict, TypeAdapter, with_config
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from evergreen import records
from evergreen.records import Told
from evergreen.records.errors import DatabaseError
from evergreen.serving import docs_page, guard, openapi
from evergreen.serving.artifacts import Artifacts, Fetch, from_mlflow
from evergreen.serving.contract import TEXT, Refused, parsed
from evergreen.serving.desk import Desk
from evergreen.serving.guard import Json
from evergreen.serving.ids import made_at
from evergreen.serving.journal import Journal
from evergreen.serving.meters import Meters
from evergreen.serving.pipeline import Pipeline
from evergreen.serving.predicting import Predictor
from evergreen.serving.stored import Shelf
from evergreen.serving.tally import RequestTally
from evergreen.serving.upstream import Upstream
from evergreen.serving.watch import Watcher
from evergreen.settings import Settings
from evergreen.spec.lengths import spelled

log = logging.getLogger(__name__)
START_SECONDS, STATEMENT_SECONDS = 30.0, 10.0
YOUNG = 300.0
"""Seconds in which a prediction that another process answered may be on its way to the database."""
MOMENTS = ("promoted_at", "knowledge_until")
"""Fields of a served model that are seconds since 1970."""
Handler = Callable[[Request], Awaitable[Response]]


@with_config(ConfigDict(extra="forbid", strict=True))
class Feedback(TypedDict):
    """What turned out to be true of a prediction."""

    id: TEXT
    label: bool | int | float | TEXT


FEEDBACK = TypeAdapter(Feedback)


def create_app(settings: Settings, *, fetch: Fetch | None = None) -> FastAPI:
    """Build the service; `fetch` brings model files from elsewhere than MLflow."""
    service = Service(settings, fetch or from_mlflow(settings))
    app = FastAPI(title="Evergreen", routes=service.routes(), lifespan=service.lifespan,
                  docs_url=None, redoc_url=None, exception_handlers=_HANDLERS)  # fmt: skip
    app.add_middleware(guard.KeyGuard, ring=service.watcher.keys)
    app.openapi = lambda: openapi.document(  # type: ignore[method-assign]
        service.watcher.desks, service.watcher.papers, keys=service.watcher.keys.needed
    )
    app.state.service = service
    return app


class Service:
    """The parts of one service, and its routes."""

    def __init__(self, settings: Settings, fetch: Fetch) -> None:
        self.settings = settings
        self.records = records.open(settings, statement_seconds=STATEMENT_SECONDS)
        artifacts = Artifacts(settings.home / "models", fetch)
        self.watcher = Watcher(self.records, settings, artifacts)
        self.journal = Journal(settings.home / "spool", self.records)
        self.tally = RequestTally(self.records)
        self.meters = Meters(self.journal, settings.ui_url)
        self.meters.registry.register(Pipeline(self.records))
        ProcessCollector(registry=self.meters.registry)
        self.predictor = Predictor(
            settings, self.watcher, self.journal, self.meters, self.records.quarantine,
            Shelf(self.records.features),
        )  # fmt: skip
        self.upstream = Upstream(settings)
        self._was_ready = False

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Follow the ledger and ship predictions as long as the app lives."""
        self.journal.start()
        self.tally.start()
        self.watcher.start()
        asking = asyncio.create_task(self.upstream.follow())
        await asyncio.to_thread(self.watcher.looked.wait, START_SECONDS)
        yield
        asking.cancel()
        await self.predictor.finish()
        await asyncio.to_thread(self.watcher.close)
        await asyncio.to_thread(self.journal.close)
        await asyncio.to_thread(self.tally.close)
        self.records.close()

    def routes(self) -> list[BaseRoute]:
        """Return the routes; all handlers are `async`, as a thread per request costs more."""
        return [
            Route("/health", self.health),
            Route("/ready", self.ready),
            Route("/metrics", self.metrics),
            Route("/live", self.live),
            *docs_page.routes(),
            self._route("predict", "POST", self.predictor.one),
            self._route("predict/batch", "POST", self.predictor.batch),
            self._route("model-info", "GET", self.model_info),
            self._route("feedback", "POST", self.feedback),
        ]

    async def health(self, _: Request) -> Response:
        """Tell that the process answers, and whose champion does not, and why."""
        unserved = self.watcher.unserved
        return Json(to_json({"status": "alive"} | ({"unserved": unserved} if unserved else {})))

    async def metrics(self, _: Request) -> Response:
        """Tell everything that is counted."""
        self._measure()
        text = await asyncio.to_thread(self.meters.text)  # it asks PostgreSQL
        return Response(text, media_type="text/plain; version=0.0.4")

    async def live(self, _: Request) -> Response:
        """Tell the last minutes of this process."""
        return Json(to_json(self.meters.minutes.document()))

    async def ready(self, _: Request) -> Response:
        """Tell whether what can be served is, and what is not in step, and why.

        Whoever has tried all champions, and lacks some, answers for the others: none of its like
        may load those, and all would be taken away. A bad image is not ready: it can load none, or
        begins with the files of one that it cannot answer with.
        """
        problems = dict(self.watcher.problems)
        if self.journal.problem:
            problems["journal"] = self.journal.problem
        if self.upstream.problem:
            problems["mlflow"] = self.upstream.problem
        if not self.watcher.looked.is_set():
            problems["ledger"] = "the ledger has not been read yet"
        desks = self.watcher.desks
        none = not (desks or self.watcher.papers) and bool(self.watcher.problems)
        unfit = bool(self.watcher.unfit & self.watcher.unserved.keys()) and not self._was_ready
        bad = none or unfit or not self.watcher.looked.is_set()
        self._was_ready = self._was_ready or not bad
        reasons = self.watcher.remarks | problems
        document = {
            "status": "not ready" if bad else "degraded" if reasons else "ready",
            "reasons": reasons,
            "champions": {name: desk.champion.ref.version for name, desk in desks.items()},
        }
        return Json(to_json(document), status_code=503 if bad else 200)

    async def model_info(self, request: Request) -> Response:
        """Tell which model answers."""
        desk = self.predictor.desk(request)
        served, dossier, trial = desk.champion, desk.champion.dossier, desk.trial
        inputs, ref = dossier.inputs, served.ref.to_json()
        document = {
            "use_case": dossier.use_case,
            "doc": dossier.doc,
            "kind": dossier.answers.kind,
            "recipe": dossier.recipe,
            "engine": served.engine.name,
            **{k: v for k, v in ref.items() if k not in {"model_uri", *MOMENTS}},
            **{k: datetime.fromtimestamp(ref[k], UTC) if ref[k] else None for k in MOMENTS},
            "on_paper": desk.paper is not None,
            "pinned": await asyncio.to_thread(self._pinned, dossier.use_case),
            "target": dossier.answers.target,
            "labels": served.labels,
            "positive": dossier.answers.positive,
            "inputs": {column.name: column.told for column in inputs.columns},
            "looks_back": spelled(inputs.lookback) if inputs.looks_back else None,
            "takes_key": inputs.lookup or (inputs.looks_back and [c.name for c in inputs.key]),
            "trial": trial and {
                "id": trial.id, "strategy": trial.strategy, "share": trial.share,
                "version": trial.challenger.ref.version, "engine": trial.challenger.engine.name,
            },
        }  # fmt: skip
        return Json(to_json(document))

    def _pinned(self, name: str) -> str | None:
        try:
            pin = self.records.pins.get(name)
        except DatabaseError:
            return "unknown: the database is away"
        return pin.sentence if pin else None

    async def feedback(self, request: Request) -> Response:
        """Take what turned out to be true of a prediction."""
        desk = self.predictor.desk(request)
        given = parsed(FEEDBACK, await guard.body(request))
        _check_label(desk, given["label"])
        told = await asyncio.to_thread(self._give, desk, _uuid(given["id"]), given["label"])
        if told is Told.UNKNOWN:
            raise Refused("id", told.value, 404)
        if told is Told.CONFLICT:
            raise Refused("label", told.value, 409)
        return Json(to_json({"id": given["id"], "stored": told is Told.STORED}))

    def _give(self, desk: Desk, prediction_id: str, label: Any) -> Told:
        name = desk.champion.ref.use_case
        try:
            told = self.records.labels.give(name, prediction_id, label)
            if told is Told.UNKNOWN:  # it may have been on its way to the database
                shipped = self.journal.flush()
                told = self.records.labels.give(name, prediction_id, label)
                young = abs(time.time() - made_at(prediction_id)) < YOUNG
                if told is Told.UNKNOWN and (young or not shipped):
                    raise Refused("id", "the prediction is not on record yet; send it again", 503)
        except DatabaseError as error:
            log.warning("a label cannot be stored: %s", error)
            raise Refused("label", "the database is away; send it again later", 503) from None
        return told

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        async def counted(request: Request) -> Response:
            name, started = request.path_params["use_case"], time.perf_counter()
            known, why = name if self.watcher.knows(name) else "unknown", ""
            try:
                response = await handler(request)
            except Refused as refused:
                response, why = guard.refusal(refused), str(refused)
            except ClientDisconnect:
                raise
            except Exception:
                self.meters.requests.labels(known, path, 500).inc()
                raise
            self.meters.requests.labels(known, path, response.status_code).inc()
            if path.startswith("predict"):
                self.tally.note(known, why)
                took = time.perf_counter() - started
                self.meters.latency.labels(known).observe(took)
                if known == name:
                    self.meters.minutes.asked(name, took, refused=bool(why))
            return response

        return Route(f"/{{use_case}}/{path}", counted, methods=[method])

    def _measure(self) -> None:
        """Copy what the watcher knows to the metrics."""
        for name in self.watcher.names:
            self.meters.problem.labels(name).set(name in self.watcher.problems)
            if desk := self.watcher.desks.get(name):
                self.meters.version.labels(name).set(desk.champion.ref.version)
                self.meters.promoted.labels(name).set(desk.champion.ref.promoted_at)


def _check_label(desk: Desk, label: Any) -> None:
    if problem := desk.champion.dossier.answers.problem_of(label):
        raise Refused("label", problem[:300])


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Refused("id", "is not a UUID") from None


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    refused = Refused("request", str(error.detail), error.status_code)
    response = guard.refusal(refused)
    response.headers.update(error.headers or {})
    return response


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return guard.refusal(Refused("request", "the service failed; its log says why", 500))


_HANDLERS: dict[int | type[Exception], Any] = {HTTPException: _http, Exception: _unexpected}

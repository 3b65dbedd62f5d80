"""One prediction request from its bytes to its answer: read, choose, score, keep, try out."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response

from evergreen.errors import did_you_mean
from evergreen.learning import provenance
from evergreen.learning.models import Array
from evergreen.records.errors import DatabaseAway, DatabaseError
from evergreen.refs import PAPER
from evergreen.serving import answers, guard, history, newest, releases
from evergreen.serving.answers import CHALLENGER, CHAMPION, SHADOW, Answer, Task
from evergreen.serving.contract import Order, Refused, Row
from evergreen.serving.desk import Desk, Served, Trial
from evergreen.serving.guard import Json
from evergreen.serving.journal import Journal
from evergreen.serving.left_out import LeftOut, Quarantined
from evergreen.serving.meters import Meters
from evergreen.serving.stored import RAW_ROWS, Shelf
from evergreen.serving.watch import Watcher
from evergreen.settings import Settings

log = logging.getLogger(__name__)
INLINE_ROWS = 64
"""Larger frames are scored in a thread, so that small requests need not wait for them."""
MOST_SHADOWS, SHADOW_THREADS = 64, 2
"""So many wait at most; nobody waits for the threads that score them."""


class Predictor:
    """Handles the two prediction routes."""

    def __init__(
        self,
        settings: Settings,
        watcher: Watcher,
        journal: Journal,
        meters: Meters,
        quarantine: Quarantined,
        shelf: Shelf,
    ) -> None:
        self._url = settings.warehouse_url
        self._quarantine, self._shelf = quarantine, shelf
        self._watcher, self._journal, self._meters = watcher, journal, meters
        self._shadows: set[asyncio.Task[None]] = set()
        self._beside = ThreadPoolExecutor(SHADOW_THREADS, thread_name_prefix="shadow")
        self._code = provenance.commit(settings)

    async def one(self, request: Request) -> Response:
        """Answer for one row."""
        desk = self.desk(request)
        content = await guard.body(request)
        return await self._respond(desk, desk.champion.contract.one(content))

    async def batch(self, request: Request) -> Response:
        """Answer for up to 1,000 rows, all by one version."""
        desk = self.desk(request)
        content = await guard.body(request)
        if len(content) > 20_000:
            order = await asyncio.to_thread(desk.champion.contract.batch, content)
        else:
            order = desk.champion.contract.batch(content)
        return await self._respond(desk, order)

    def desk(self, request: Request) -> Desk:
        """Take the desk of the use case in the path.

        While there is no champion, who asks for it gets the one that answers on paper.

        Raises:
            Refused: there is no such use case, it is retired, or it has no champion.
        """
        name = request.path_params["use_case"]
        if reason := self._watcher.retired.get(name):
            raise Refused("use_case", reason[:300], 404)
        desk, paper = self._watcher.desks.get(name), self._watcher.papers.get(name)
        if desk is not None:
            return desk
        if paper is not None and request.query_params.get("on_paper") == "true":
            return paper
        known = self._watcher.names
        if name not in known:
            raise Refused("use_case", f"there is none of that name{did_you_mean(name, known)}", 404)
        if reason := self._watcher.problems.get(name) or self._watcher.problems.get("ledger"):
            raise Refused("use_case", f"the champion of {name} is not loaded: {reason}"[:300], 503)
        hint = "; an unproven model answers on paper: ?on_paper=true" if paper else ""
        raise Refused("use_case", f"it has no champion yet{hint}", 404)

    async def finish(self) -> None:
        """Wait for the shadows."""
        await asyncio.gather(*self._shadows)
        self._beside.shutdown()

    async def _respond(self, desk: Desk, order: Order) -> Response:
        started = time.perf_counter()
        task = await self._read(desk, Task(order, answers.ids(order)))
        rows = len(task.order.rows) if task.raw is None else len(task.raw)
        if rows > INLINE_ROWS:
            answer = await asyncio.to_thread(self._answer, desk, task, started)
        else:
            answer = self._answer(desk, task, started)
        self._journal.keep(answer.lines)
        self._count(answer, len(task.ids))
        if desk.trial is not None and desk.trial.strategy == SHADOW:
            self._shadow(desk.trial, task)
        return Json(answer.body)

    async def _read(self, desk: Desk, task: Task) -> Task:
        if not task.order.keys:
            return task
        contract = desk.champion.contract
        if contract.inputs.definition:
            task = await asyncio.to_thread(self._stored, desk, task)
            if task.stored is not None:
                return task
        try:
            raw, wanted, keys = await asyncio.to_thread(self._rows, desk, task.order.keys)
        except DatabaseError as error:
            log.warning("rows cannot be read: %s", error)
            away = isinstance(error, DatabaseAway)
            reason = "the database is away" if away else "the source cannot be read"
            form = "history" if contract.looks_back else "row"
            raise Refused("key", f"{reason}; send the {form}, or try later", 503) from None
        return replace(task, order=replace(task.order, keys=keys), raw=raw, wanted=wanted)

    def _stored(self, desk: Desk, task: Task) -> Task:
        """Take the features of the rows from where a training has stored them, or say why not."""
        found = self._shelf.find(desk, task.order.keys, datetime.now(UTC))
        where = "computed" if found.why else "stored"
        self._meters.features.labels(desk.champion.ref.use_case, where).inc(len(task.order.keys))
        if found.why:
            return replace(task, told=(f"{RAW_ROWS}: {found.why}",))
        return replace(task, stored=found.columns, read=found.rows, as_of=found.as_of)

    def _rows(self, desk: Desk, keys: Sequence[Row]) -> tuple[pd.DataFrame, Array, Sequence[Row]]:
        contract = desk.champion.contract
        if contract.looks_back:
            name = desk.champion.ref.use_case
            left_out = LeftOut(name, contract.inputs, self._quarantine)
            return *history.read(self._url, contract, keys, desk.lookback, left_out), keys
        return newest.read(self._url, contract, keys)

    def _answer(self, desk: Desk, task: Task, started: float) -> Answer:
        served, variant = answers.choose(desk, task)
        if variant == CHALLENGER and desk.trial is not None:
            tried = self._challenger(desk, desk.trial, task, started)
            if tried is not None:
                return tried
            served, variant = desk.champion, CHAMPION
        answer = self._safely(served, variant, task, started, desk.release)
        if desk.trial is not None:
            desk.trial.sides[CHAMPION].add(answer.latency_ms)
        return answer

    def _challenger(self, desk: Desk, trial: Trial, task: Task, started: float) -> Answer | None:
        """Let the challenger answer; None when it cannot: then the champion does."""
        side = trial.sides[CHALLENGER]
        answer: Answer | None = None
        try:
            answer = self._safely(trial.challenger, CHALLENGER, task, started, trial.id)
        except Refused as refused:
            self._safely(
                desk.champion, CHAMPION, task, started, trial.id
            )  # else the input is at fault
            log.warning("version %d failed: %s", trial.challenger.ref.version, refused)
            side.add(None)
        else:
            side.add(answer.latency_ms)
        if trial.strategy == "canary" and (outcome := releases.verdict(trial)):
            self._watcher.end_trial(desk.champion.ref.use_case, trial, f"aborted: {outcome}")
        return answer

    def _safely(
        self, served: Served, variant: str, task: Task, started: float, release: int | None
    ) -> Answer:
        context = {"code": self._code, "release_id": release}
        try:
            told = answers.notes(served, task)
            return answers.answer(served, variant, task, started, context, told)
        except Refused:
            raise
        except Exception as error:  # the feature code of a use case may raise anything on odd rows
            self._meters.failures.labels(served.ref.use_case, served.ref.version).inc()
            log.info("%s cannot be scored", served.ref.use_case, exc_info=error)
            kind = type(error).__name__
            raise Refused("row", f"the model cannot score these values ({kind})") from None

    def _count(self, answer: Answer, rows: int) -> None:
        ref = answer.served.ref
        self._meters.predictions.labels(ref.use_case, ref.version, answer.variant).inc(rows)
        if answer.variant != PAPER:
            self._meters.minutes.answered(ref.use_case, answer.scored.output)
        for column, count in answer.scored.unseen.items():
            self._meters.unseen.labels(ref.use_case, column).inc(count)

    def _shadow(self, trial: Trial, task: Task) -> None:
        if len(self._shadows) >= MOST_SHADOWS:
            self._meters.shadow_drops.labels(trial.challenger.ref.use_case).inc(len(task.ids))
            return
        made = asyncio.create_task(self._score_shadow(trial, task))
        self._shadows.add(made)
        made.add_done_callback(self._shadows.discard)

    async def _score_shadow(self, trial: Trial, task: Task) -> None:
        context: dict[str, Any] = {"code": self._code, "release_id": trial.id}
        side, started = trial.sides[CHALLENGER], time.perf_counter()
        try:
            lines = await asyncio.get_running_loop().run_in_executor(
                self._beside, answers.shadow_lines, trial, task, started, context
            )
        except Exception as error:
            log.warning("the shadow failed: %s", error)
            side.add(None)
            return
        side.add((time.perf_counter() - started) * 1000)
        self._journal.keep(lines)

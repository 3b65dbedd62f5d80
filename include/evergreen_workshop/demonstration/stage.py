"""What the stories of `make demo` are told on: a running stack, watched from outside.

Every figure comes from where the stack put it, and what comes out otherwise than it was told ends
the story.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.markup import escape

from evergreen.deciding.alerts import report_link
from evergreen.deciding.decision import matter
from evergreen.errors import EvergreenError, StackError
from evergreen.records import Decision, Records, Retrained
from evergreen.records.retrainings import ASKED
from evergreen.refs import WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen_workshop.simulation import Shift, service, simulate
from evergreen_workshop.stack.airflow import AirflowApi

PATIENCE = 240.0
ENDED = {"success", "failed"}


class Unexpected(EvergreenError):
    """Something came out otherwise than it was told."""


class Explained(Exception):
    """The story ends early, for a reason that has been told."""


@dataclass(frozen=True)
class Stage:
    """A use case on a running stack, and who listens."""

    use_case: UseCase
    records: Records
    settings: Settings
    api: AirflowApi
    console: Console

    def introduce(self) -> int:
        """Say what it is about; return the champion's version.

        Raises:
            StackError: there is no champion.
        """
        champion = self.records.promotions.champion(self.use_case.name)
        if champion is None:
            raise StackError(f"{self.use_case.name} has no champion yet; `make up` trains one")
        self._wait("a training that runs already", self._nothing_trains)
        self.console.rule(f"[bold]{self.use_case.name}")
        self.say(self.use_case.doc)
        self.say(f"Version {champion.version} is champion. {self._ui}/plugin/models")
        return champion.version

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.console.rule(title)

    def train(self, as_of: datetime, why: str) -> int:
        """Train on what was known at a moment; return the champion's version.

        Raises:
            Unexpected: the training failed.
        """
        dag_id = self._dag("training")
        run = self._follow(dag_id, self.api.trigger(dag_id, why, {"as_of": as_of.isoformat()}))
        self.expect(run["state"] == "success", f"{dag_id} went well")
        champion = self.records.promotions.champion(self.use_case.name)
        assert champion is not None, "there was one before"  # noqa: S101
        until = f"{champion.knowledge_until:%Y-%m-%d}"
        self.say(f"Version {champion.version} knows rows up to {until}.")
        return champion.version

    def retraining(self, asked: Retrained) -> Retrained:
        """Follow the training that was asked for, up to the gate."""
        dag_id, _, run_id = asked.run_key.partition("/")
        self.say(self._run_link(dag_id, run_id))
        run = self._follow(dag_id, run_id)
        self.expect(run["conf"]["cause"] == asked.cause, f"the run's conf names {asked.cause}")
        self.expect("Retrain: " in (run["note"] or ""), "the note of the run says why")
        found = self.records.retrainings.newest(self.use_case.name)
        judged = next(row for row in found if row.run_key == asked.run_key)
        self.expect(judged.outcome != ASKED, f"the gate decided: {judged.outcome}")
        self.say(escape(judged.sentence))
        (gate,) = self.records.decisions.newest(self.use_case.name, kind="gate", limit=1)
        report = str(gate.evidence.get("report", "")).removesuffix("report.html")
        self.say(f"{self._ui}/evergreen/reports/{report}")
        return judged

    def swap(self, before: int, judged: Retrained) -> None:
        """Wait until the service answers with what the ledger says."""
        champion = self.records.promotions.champion(self.use_case.name)
        assert champion is not None, "there was one before"  # noqa: S101
        answers = f"version {champion.version} to answer"
        self._wait(answers, lambda: self._served() == champion.version)
        changed = champion.version != before
        served = judged.outcome == "passed" or self._was_refreshed(judged)
        self.expect(changed == served, "the champion moves when gate or refresh say so")
        how = f"swapped from version {before}" if changed else "nothing to swap"
        self.say(f"The service answers with version {champion.version} ({how}).")

    def _was_refreshed(self, judged: Retrained) -> bool:
        found = self.records.decisions.newest(self.use_case.name, kind="fit", limit=1)
        return bool(found) and (found[0].run_key, found[0].outcome) == (judged.run_key, "passed")

    def watch(
        self, what: str, *shifts: str, rows: int, seed: int, fresh: bool = False
    ) -> tuple[WindowRef, Decision]:
        """Send traffic, watch just this stretch of time, and tell what was found and decided."""
        sent = simulate(
            self.use_case, rows, [Shift.parse(each) for each in shifts], seed=seed, fresh=fresh,
            records=self.records, settings=self.settings,
        )  # fmt: skip
        told = f" ({', '.join(shifts)})" if shifts else ""
        self.say(f"{sent.rows} requests of {what}{told}, {sent.labelled} labels.")
        dag_id = self._dag("monitoring")
        conf = {"since": sent.started.isoformat(), "as_of": sent.ended.isoformat()}
        run_id = self.api.trigger(dag_id, f"make demo: {what}", conf)
        run = self._follow(dag_id, run_id)
        self.expect(run["state"] == "success", f"{dag_id} went well")
        window = self._window(sent.ended)
        decision = self.records.decisions.get(matter(window))
        if decision is None:
            raise Unexpected("no decision about the window is on record")
        self.say(f"[bold]{window.outcome}[/bold]: {escape(window.sentence)}")
        self.say(f"[bold]{decision.outcome}[/bold]: {escape(decision.sentence)}")
        self.say(report_link(self.settings, window) or self._run_link(dag_id, run_id))
        return window, decision

    def _window(self, end: datetime) -> WindowRef:
        found = self.records.windows.newest(self.use_case.name)
        for window in found:
            if window.end == end:
                return window
        raise Unexpected(f"the window that ended {end} is not on record")

    def asked(self, champion: int) -> Retrained | None:
        """Return the retraining of this champion that nothing came of yet."""
        found = self.records.retrainings.newest(self.use_case.name, limit=1)
        fresh = [row for row in found if row.champion == champion and row.outcome == ASKED]
        return fresh[0] if fresh else None

    def _follow(self, dag_id: str, run_id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.api.run(dag_id, run_id)
            return run if run and run["state"] in ENDED else None

        return dict(self._wait(f"{dag_id} {run_id}", ended))

    def _nothing_trains(self) -> bool:
        return self.api.active_run(self._dag("training")) is None

    def _served(self) -> int:
        try:
            with service(self.settings) as client:
                answer = client.get(f"/{self.use_case.name}/model-info")
        except httpx.HTTPError as error:
            url = self.settings.serve_url
            raise StackError(f"the service at {url} does not answer: {error}") from error
        return int(answer.json()["version"]) if answer.is_success else 0

    def _wait(self, what: str, done: Callable[[], Any]) -> Any:
        started = time.monotonic()
        with self.console.status(f"waiting for {what}"):
            while not (found := done()):
                if time.monotonic() - started > PATIENCE:
                    raise StackError(f"gave up waiting for {what} after {PATIENCE:.0f} s")
                time.sleep(0.3)
        return found

    def expect(self, holds: bool, what: str) -> None:
        """Say what holds.

        Raises:
            Unexpected: it does not.
        """
        if not holds:
            raise Unexpected(f"otherwise than expected: {what}")
        self.say(f"[green]✓[/green] {what}")

    def say(self, sentence: str) -> None:
        """Tell a sentence."""
        self.console.print(sentence, soft_wrap=True)

    def _dag(self, story: str) -> str:
        return f"{self.settings.dag_prefix}{self.use_case.name}_{story}"

    def _run_link(self, dag_id: str, run_id: str) -> str:
        return f"{self._ui}/dags/{dag_id}/runs/{quote(run_id)}"

    @property
    def _ui(self) -> str:
        return self.settings.ui_url

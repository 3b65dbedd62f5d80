"""`make demo`: the loop closes before your eyes, on a stack that `make up` has started.

Normal traffic, and monitoring finds nothing; warmer, drier weather, and after two windows it asks
for a retraining; Airflow runs it with its cause on show; the gate decides; the service follows.
Every figure comes from where the stack put it. Exit code 0: it all came out as told.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.markup import escape

from evergreen import catalog, records, settings
from evergreen.deciding.alerts import report_link
from evergreen.deciding.decision import matter
from evergreen.deciding.policy import HELD, RETRAIN, drifted
from evergreen.errors import EvergreenError, StackError
from evergreen.records import Decision, Records, Retrained
from evergreen.records.retrainings import ASKED
from evergreen.refs import WindowRef
from evergreen.settings import Settings
from evergreen.spec import UseCase
from evergreen_workshop.simulation import Shift, service, simulate
from evergreen_workshop.stack.airflow import AirflowApi
from evergreen_workshop.stack.environment import PASSWORD, USER

NAME, ROWS, PATIENCE = "weather", 150, 240.0
WARMER_AND_DRIER = ("temp_max=+2sd", "temp_min=+2sd", "precipitation=*0.2")
ENDED = {"success", "failed"}


class Unexpected(EvergreenError):
    """Something came out otherwise than it was told."""


@dataclass(frozen=True)
class Demonstration:
    """The story, and what it is told on."""

    use_case: UseCase
    records: Records
    settings: Settings
    api: AirflowApi
    console: Console

    def tell(self) -> None:
        """Tell it from beginning to end.

        Raises:
            Unexpected: something came out otherwise.
            StackError: a part of the stack does not answer.
        """
        before = self._introduction()
        self._normal_traffic()
        asked = self._drift()
        judged = self._retraining(asked)
        self._service(before, judged)
        self._afterwards()

    def _introduction(self) -> int:
        champion = self.records.promotions.champion(self.use_case.name)
        if champion is None:
            raise StackError(f"{self.use_case.name} has no champion yet; `make up` trains one")
        self._wait("a training that runs already", self._nothing_trains)
        self.console.rule(f"[bold]{self.use_case.name}")
        self._say(self.use_case.doc)
        self._say(f"Version {champion.version} is champion. {self._ui}/plugin/models")
        return champion.version

    def _normal_traffic(self) -> None:
        self.console.rule("1. The weather as it was")
        window, decision = self._watch("ordinary weather", seed=1)
        self._expect(not drifted(window), "no drift in ordinary traffic")
        self._expect(decision.outcome != RETRAIN, "no retraining without a cause")

    def _drift(self) -> Retrained:
        """Send shifted traffic until monitoring asks for a retraining; return what it asked for."""
        self.console.rule("2. Warmer and drier")
        rules = self.use_case.retraining
        for number in range(1, rules.of_windows + 1):
            window, decision = self._watch("warmer, drier weather", *WARMER_AND_DRIER, seed=number)
            self._expect(drifted(window), f"{len(window.drifted)} columns drifted critically")
            if decision.outcome in {RETRAIN, HELD} and (asked := self._asked(window.champion)):
                enough = f"{rules.alarming} of {rules.of_windows} windows are enough"
                self._expect(number <= rules.alarming, enough)
                return asked
            if decision.outcome == HELD:
                raise Explained("The policy holds the retraining back, for the reason above.")
        raise Unexpected(f"{rules.of_windows} windows drifted, and nobody asked for a retraining")

    def _retraining(self, asked: Retrained) -> Retrained:
        """Follow the training that was asked for, up to the gate."""
        self.console.rule("3. Airflow trains anew, and says why")
        dag_id, _, run_id = asked.run_key.partition("/")
        self._say(self._run_link(dag_id, run_id))
        run = self._follow(dag_id, run_id)
        self._expect(run["conf"]["cause"] == asked.cause, f"the run's conf names {asked.cause}")
        self._expect("Retrain: " in (run["note"] or ""), "the note of the run says why")
        found = self.records.retrainings.newest(self.use_case.name)
        judged = next(row for row in found if row.run_key == asked.run_key)
        self._expect(judged.outcome != ASKED, f"the gate decided: {judged.outcome}")
        self._say(escape(judged.sentence))
        (gate,) = self.records.decisions.newest(self.use_case.name, kind="gate", limit=1)
        report = str(gate.evidence.get("report", "")).removesuffix("report.html")
        self._say(f"{self._ui}/evergreen/reports/{report}")
        return judged

    def _service(self, before: int, judged: Retrained) -> None:
        self.console.rule("4. The service follows the ledger")
        champion = self.records.promotions.champion(self.use_case.name)
        assert champion is not None, "there was one before"  # noqa: S101
        started = time.monotonic()
        self._wait(
            f"version {champion.version} to answer", lambda: self._served() == champion.version
        )
        seconds = time.monotonic() - started
        changed = champion.version != before
        served = judged.outcome == "passed" or self._was_refreshed(judged)
        self._expect(changed == served, "the champion moves when gate or refresh say so")
        how = f"swapped from version {before}, {seconds:.1f} s" if changed else "nothing to swap"
        self._say(f"The service answers with version {champion.version} ({how}).")

    def _was_refreshed(self, judged: Retrained) -> bool:
        found = self.records.decisions.newest(self.use_case.name, kind="fit", limit=1)
        return bool(found) and (found[0].run_key, found[0].outcome) == (judged.run_key, "passed")

    def _afterwards(self) -> None:
        self.console.rule("5. And if it goes on?")
        shifts = WARMER_AND_DRIER
        _, decision = self._watch("warmer, drier weather", *shifts, seed=9)
        self._expect(decision.outcome != RETRAIN, "nothing is trained twice for one cause")

    def _watch(self, what: str, *shifts: str, seed: int) -> tuple[WindowRef, Decision]:
        """Send traffic, watch just this stretch of time, and tell what was found and decided."""
        sent = simulate(
            self.use_case, ROWS, [Shift.parse(each) for each in shifts], seed=seed,
            records=self.records, settings=self.settings,
        )  # fmt: skip
        told = f" ({', '.join(shifts)})" if shifts else ""
        self._say(f"{sent.rows} requests of {what}{told}, {sent.labelled} labels.")
        dag_id = f"{self.use_case.name}_monitoring"
        conf = {"since": sent.started.isoformat(), "as_of": sent.ended.isoformat()}
        run_id = self.api.trigger(dag_id, f"make demo: {what}", conf)
        run = self._follow(dag_id, run_id)
        self._expect(run["state"] == "success", f"{dag_id} went well")
        window = self._window(sent.ended)
        decision = self.records.decisions.get(matter(window))
        if decision is None:
            raise Unexpected("no decision about the window is on record")
        self._say(f"[bold]{window.outcome}[/bold]: {escape(window.sentence)}")
        self._say(f"[bold]{decision.outcome}[/bold]: {escape(decision.sentence)}")
        self._say(report_link(self.settings, window) or self._run_link(dag_id, run_id))
        return window, decision

    def _window(self, end: datetime) -> WindowRef:
        found = self.records.windows.newest(self.use_case.name)
        for window in found:
            if window.end == end:
                return window
        raise Unexpected(f"the window that ended {end} is not on record")

    def _asked(self, champion: int) -> Retrained | None:
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
        return self.api.active_run(f"{self.use_case.name}_training") is None

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

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise Unexpected(f"otherwise than expected: {what}")
        self._say(f"[green]✓[/green] {what}")

    def _say(self, sentence: str) -> None:
        self.console.print(sentence, soft_wrap=True)

    def _run_link(self, dag_id: str, run_id: str) -> str:
        return f"{self._ui}/dags/{dag_id}/runs/{quote(run_id)}"

    @property
    def _ui(self) -> str:
        return self.settings.ui_url


class Explained(Exception):
    """The story ends early, for a reason that has been told."""


def main(name: str = NAME) -> int:
    """Tell the story of a use case; return the exit code."""
    console, started = Console(highlight=False), time.monotonic()
    try:
        with records.open(_settings()) as kept:
            _demonstration(name, console, kept).tell()
    except Explained as reason:
        console.print(f"[yellow]{reason}[/yellow]")
    except EvergreenError as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    seconds = time.monotonic() - started
    console.print(
        f"\nDone in {seconds:.0f} s. `evergreen decisions {name}` shows every decision again."
    )
    return 0


def _settings() -> Settings:
    if PASSWORD not in settings.environment():
        raise StackError("no stack runs here: `make up` first")
    return settings.get()


def _demonstration(name: str, console: Console, kept: Records) -> Demonstration:
    env, here = settings.environment(), settings.get()
    return Demonstration(
        use_case=catalog.load(Path(here.use_cases_dir)).find(name),
        records=kept,
        settings=here,
        api=AirflowApi(here.ui_url, USER, env[PASSWORD]),
        console=console,
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""What the benchmarks share: options, figures, a house of their own, a champion in it."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from evergreen.settings import PROJECT, Settings
from evergreen_workshop.stack.ports import free_port
from evergreen_workshop.stack.postgres import EmbeddedPostgres

Found = TypeVar("Found")


class DidNotHappen(Exception):
    """What was to be timed did not take place: there is no figure."""


def options(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--small", action="store_true", help="try it out: its figures mean little")
    return parser


class Figures:
    """Figures, each told in a sentence for people and kept by name for `--json`."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.kept: list[dict[str, Any]] = []

    def tell(self, sentence: str, **figures: Any) -> None:
        if figures:
            self.kept.append(figures)
        if not self.as_json:
            print(sentence, flush=True)


@contextmanager
def measuring(arguments: argparse.Namespace) -> Iterator[Figures]:
    """Collect figures, and print them with the day, the cores and the load of the machine.

    What did not happen ends the benchmark with a sentence, and exit code 1.
    """
    figures = Figures(arguments.json)
    try:
        yield figures
    except DidNotHappen as reason:
        sys.exit(f"error: {reason}")
    machine = {"date": f"{datetime.now(UTC):%F}", "cores": os.cpu_count(), "load": os.getloadavg()}
    if arguments.json:
        print(json.dumps({"benchmark": Path(sys.argv[0]).stem, **machine, "figures": figures.kept}))
    else:
        loads = ", ".join(f"{load:.1f}" for load in machine["load"])
        print(f"{machine['date']}, {machine['cores']} cores, load averages {loads}")


def happened(what: str, done: Any, expected: Any) -> None:
    """Check that a benchmark did what it times.

    Raises:
        DidNotHappen: it did something else.
    """
    if done != expected:
        raise DidNotHappen(f"{what}: {done!r} instead of {expected!r}, so there is no figure")


def alone(function: Callable[..., Found], *arguments: Any) -> Found:
    """Call a function in a process of its own that has our imports already, and return its result.

    The process's peak of memory is that of the imports and the call.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([name for name in sys.modules if name.startswith("evergreen.")])
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


@contextmanager
def house() -> Iterator[Settings]:
    """Settings of a PostgreSQL and an MLflow of the benchmark's own, in a folder that goes away."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = EmbeddedPostgres(home / "postgres", free_port())
        server.start()
        try:
            for name in ("warehouse", "mlflow"):
                server.create_database(name)
            yield settings(home, server.url("warehouse"), server.url("mlflow"))
        finally:
            server.destroy()


def settings(home: Path, url: str = "", mlflow: str = "") -> Settings:
    """Settings whose state lives in a folder."""
    return Settings(
        home=home, database_url=url,
        tracking_uri=mlflow.replace("postgresql://", "postgresql+psycopg2://"),
        artifacts_url=str(home / "artifacts"),
        use_cases_dir=PROJECT / "include" / "use_cases", expectations_dir=PROJECT / "expectations",
    )  # fmt: skip


def records_of(here: Settings) -> Any:
    """The records of the house."""
    from evergreen.records import Records

    return Records(here.database_url)


def champion(use_case: Any, table: Any, candidate: str, here: Settings) -> Any:
    """Train a candidate on the rows of an Arrow table, make it champion, and return it."""
    from evergreen.data import snapshots
    from evergreen.dossier import writing
    from evergreen.learning import features, training
    from evergreen.records import Decision, Promotion, decision_id
    from evergreen.refs import Counts, EvaluationRef, SnapshotRef, Verdict

    now = datetime(2026, 11, 21, 15, tzinfo=UTC)
    stored = snapshots.of(here).write(use_case.name, table.to_batches(), table.schema, {})
    snapshot = SnapshotRef(
        use_case=use_case.name, uri=stored.uri, sha256=stored.sha256, rows=stored.rows, as_of=now,
        counts=Counts(taken=stored.rows),
    )  # fmt: skip
    built = features.build(snapshot, use_case, here)
    walked = training.train(
        use_case, built, candidate, trainings=training.Forgetful(), settings=here
    )
    trained = training.fit(use_case, built, walked, settings=here)
    evaluation = EvaluationRef(
        uri="", report_id="", challenger=trained, champion=None, features=built
    )
    verdict = Verdict(evaluation=evaluation, passed=True, sentence="", checks=(), report="")
    ledger = records_of(here)
    decision = ledger.decisions.record(Decision(
        id=decision_id(use_case.name, "fit/train", "1"), use_case=use_case.name, kind="fit",
        outcome="passed", sentence="Better.", as_of=now, evidence=verdict.to_json(),
        run_key="benchmark", actor="benchmark",
    ))  # fmt: skip
    kept = ledger.dossiers
    writing.write(use_case, verdict, decision.id, 1, kept=kept, settings=here)
    ledger.promotions.append(Promotion(
        use_case=use_case.name, version=1, run_id=trained.run_id, model_uri=trained.model_uri,
        sha256=trained.sha256, snapshot_sha256=snapshot.sha256, golden_sha256=None,
        training=built.training, predecessor_id=None, decision_id=decision.id, kind="change",
        reason="", actor="benchmark",
    ))  # fmt: skip
    return trained


def eventually(condition: Any, seconds: float = 120) -> Any:
    """Wait for what a condition returns, once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise DidNotHappen(f"nothing came within {seconds:.0f} s")

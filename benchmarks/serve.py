"""How fast is the service, beside `mlflow models serve` of the same model in the same run?

    python benchmarks/serve.py [--seconds 5] [--rounds 3] [--candidate logistic] [--no-mlflow]

A champion of iris is trained in a PostgreSQL and an MLflow of its own. Each server is asked for
one row at 1 and 16 connections by a raw asyncio client in a process of its own; all share this
machine.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from common import eventually, happened, house, measuring, options, records_of
from evergreen_workshop.stack.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
EVERGREEN, UNLOGGED, MLFLOW = "evergreen", "evergreen, no logging", "mlflow models serve"
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


async def connection(port, request, end, latencies):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < end:
        started = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - started)
    writer.close()


async def load(port, request, connections, seconds):
    latencies = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(connection(port, request, end, latencies) for _ in range(connections)))
    return latencies


def measure(port, path, body, connections, seconds):
    """Return requests per second, p50 and p99 in ms."""
    content = json.dumps(body).encode()
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode() + content
    found = sorted(asyncio.run(load(port, request, connections, seconds)))
    cut = [found[int(len(found) * share)] * 1000 for share in (0.5, 0.99)]
    return len(found) / seconds, *cut


def apart(*arguments):
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


def answers(url):
    import httpx

    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def engine_of(port):
    import httpx

    return httpx.get(f"http://127.0.0.1:{port}/iris/model-info").json()["engine"]


@contextmanager
def process(command, env, log):
    with log.open("wb") as stream:
        child = subprocess.Popen(
            command, env=os.environ | env, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            yield child
        finally:
            os.killpg(child.pid, 15)
            child.wait(20)


def promote(candidate, here):
    """Make a candidate of iris champion, by its gate; return the model."""
    from evergreen import catalog, cycle
    from evergreen.learning import tracking
    from evergreen.steps import Run
    from evergreen_workshop import demo

    now = datetime.now(UTC)
    demo.load("iris", here.database_url, until=now.date())
    iris = catalog.load(here.use_cases_dir).find("iris")
    only = replace(iris, candidates=(iris.candidate(candidate),))
    asked = Run(as_of=now, asked_at=now, key="benchmark", actor="benchmark")
    done = cycle.run(only, asked, records=records_of(here), settings=here)
    happened(f"{done.sentence} It was promoted", done.promotion.promoted, True)
    champion = done.promotion.champion
    return tracking.fetch_model(here, champion.model_uri, champion.sha256)


def ours(here, port, logging):
    env = {
        "EVERGREEN_HOME": str(here.home),
        "EVERGREEN_DATABASE_URL": here.database_url,
        "MLFLOW_TRACKING_URI": here.tracking_uri,
        "EVERGREEN_ARTIFACTS_URL": here.artifacts_url,
        "EVERGREEN_SERVE_PORT": str(port),
        "PYTHONPATH": f"{ROOT / 'include'}:{os.environ.get('PYTHONPATH', '')}",
    }
    start = "from evergreen.serving import server; from evergreen import settings\n"
    if not logging:
        start += "from evergreen.serving.journal import Journal\nJournal.keep = lambda *_: True\n"
    return [sys.executable, "-c", start + "server.run(settings.get())"], env


def mlflow_command(model, folder, port):
    import mlflow.sklearn

    path = folder / "mlflow-model"
    mlflow.sklearn.save_model(
        model, path, serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
        code_paths=None,
    )  # fmt: skip
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(path),
               "-p", str(port), "--env-manager", "local"]  # fmt: skip
    paths = f"{ROOT / 'include'}:{os.environ.get('PYTHONPATH', '')}"
    bin_dir = str(Path(sys.executable).parent)
    env = {"PYTHONPATH": paths, "PATH": f"{bin_dir}:{os.environ['PATH']}",
           "MLFLOW_DISABLE_TELEMETRY": "true"}  # fmt: skip
    return command, env


def rounds(port, path, body, arguments):
    """Return for 1 and 16 connections the medians over the rounds."""
    apart(port, path, body, 1, 1)
    found = {}
    for connections in (1, 16):
        results = [
            apart(port, path, body, connections, arguments.seconds) for _ in range(arguments.rounds)
        ]
        found[connections] = [statistics.median(column) for column in zip(*results, strict=True)]
    return found


def main():
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidate", default="logistic", help="of iris")
    parser.add_argument("--no-mlflow", action="store_true")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.seconds, arguments.rounds = 0.5, 1
    with measuring(arguments) as figures, house() as here:
        results = measured(here, promote(arguments.candidate, here), arguments)
        tell(results, figures)


def measured(here, model, arguments):
    """Rates and latencies of each server, by connections."""
    results, folder = {}, here.home
    for name, logging in ((EVERGREEN, True), (UNLOGGED, False)):
        port = free_port()
        command, env = ours(here, port, logging)
        with process(command, env, folder / "ours.log"):
            eventually(lambda port=port: answers(f"http://127.0.0.1:{port}/ready"))
            results[f"{name}, {engine_of(port)}"] = rounds(
                port, "/iris/predict", {"row": ROW}, arguments
            )
    if not arguments.no_mlflow:
        port = free_port()
        command, env = mlflow_command(model, folder, port)
        with process(command, env, folder / "mlflow.log"):
            eventually(lambda: answers(f"http://127.0.0.1:{port}/ping"))
            body = {"dataframe_records": [ROW]}
            results[MLFLOW] = rounds(port, "/invocations", body, arguments)
    return results


def tell(results, figures):
    figures.tell(f"{'':32}{'connections':>12}{'rows/s':>10}{'p50 ms':>9}{'p99 ms':>9}")
    for name, found in results.items():
        for connections, (rate, p50, p99) in found.items():
            figures.tell(
                f"{name:32}{connections:12}{rate:10.0f}{p50:9.2f}{p99:9.2f}",
                server=name, connections=connections, rows_per_second=rate, p50_ms=p50, p99_ms=p99,
            )  # fmt: skip
    logged, unlogged, *mlflow = results.values()
    for connections in (1, 16):
        rates = [found[connections][0] for found in (logged, unlogged, *mlflow)]
        for other in rates[2:]:
            ratio = rates[0] / other
            figures.tell(
                f"{connections} connections: {ratio:.1f} × mlflow, logging on",
                connections=connections, times_mlflow=ratio,
            )  # fmt: skip
        cost = 1 - rates[0] / rates[1]
        figures.tell(
            f"{connections} connections: logging takes {cost:.0%} of the throughput",
            connections=connections, cost_of_logging=cost,
        )  # fmt: skip


if __name__ == "__main__":
    main()

"""How fast is the service, beside `mlflow models serve` of the same model in the same run?

    python benchmarks/serve.py [--seconds 5] [--rounds 3] [--candidate logistic] [--no-mlflow]

A champion of iris is put into a PostgreSQL of its own. Each server is asked for one row
at 1 and 16 connections by a raw asyncio client in a process of its own; all share this machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "include"), str(ROOT / "tests")]
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


def wait_for(url, seconds=120):
    import httpx

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(url)


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


def prepare(folder, stack, candidate):
    """Put a champion into a PostgreSQL; return the shop and the model."""
    from evergreen.serving import store
    from evergreen.settings import Settings
    from evergreen_workshop.stack.ports import free_port
    from evergreen_workshop.stack.postgres import EmbeddedPostgres
    from learning import CATALOG
    from serving.conftest import Shop, trained

    server = EmbeddedPostgres(folder / "postgres", free_port())
    server.start()
    stack.callback(server.destroy)
    server.create_database("evergreen")
    settings = Settings(
        home=folder / "home", database_url=server.url("evergreen"), tracking_uri=str(folder),
        artifacts_url=str(folder), snapshots_url=str(folder),
        use_cases_dir=ROOT / "include" / "use_cases", expectations_dir=ROOT / "expectations",
    )  # fmt: skip
    store.migrate(settings.database_url)
    shop = Shop(settings, CATALOG)
    ref = shop.promote(shop.put("iris", candidate), 1)
    copy = settings.home / "models" / ref.sha256
    copy.parent.mkdir(parents=True)
    Path(ref.model_uri).rename(copy)
    return shop, trained("iris", candidate), free_port


def ours(shop, port, logging):
    env = {
        "EVERGREEN_HOME": str(shop.settings.home),
        "EVERGREEN_DATABASE_URL": shop.settings.database_url,
        "MLFLOW_TRACKING_URI": shop.settings.tracking_uri,
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidate", default="logistic", help="of iris")
    parser.add_argument("--no-mlflow", action="store_true")
    arguments = parser.parse_args()
    results = {}
    with TemporaryDirectory(dir="/var/tmp") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        shop, model, free_port = prepare(folder, stack, arguments.candidate)
        for name, logging in (("evergreen", True), ("evergreen, no logging", False)):
            port = free_port()
            command, env = ours(shop, port, logging)
            with process(command, env, folder / "ours.log"):
                wait_for(f"http://127.0.0.1:{port}/ready")
                engine = f"{arguments.candidate} by {engine_of(port)}"
                results[name] = rounds(port, "/iris/predict", {"row": ROW}, arguments)
        if not arguments.no_mlflow:
            port = free_port()
            command, env = mlflow_command(model, folder, port)
            with process(command, env, folder / "mlflow.log"):
                wait_for(f"http://127.0.0.1:{port}/ping")
                body = {"dataframe_records": [ROW]}
                results["mlflow models serve"] = rounds(port, "/invocations", body, arguments)
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{time.strftime('%F')}, {os.cpu_count()} cores, load averages {busy}, {engine}")
    print(f"{'':24}{'connections':>12}{'rows/s':>10}{'p50 ms':>9}{'p99 ms':>9}")
    for name, found in results.items():
        for connections, (rate, p50, p99) in found.items():
            print(f"{name:24}{connections:12}{rate:10.0f}{p50:9.2f}{p99:9.2f}")
    if "mlflow models serve" in results:
        for connections in (1, 16):
            ours_, theirs = (results[n][connections][0] for n in
                             ("evergreen", "mlflow models serve"))  # fmt: skip
            print(f"{connections} connections: {ours_ / theirs:.1f} × mlflow, logging on")
    for connections in (1, 16):
        on, off = (results[n][connections][0] for n in ("evergreen", "evergreen, no logging"))
        print(f"{connections} connections: logging takes {1 - on / off:.0%} of the throughput")


if __name__ == "__main__":
    main()

"""MLflow as a server over HTTP, in processes of its own, with a folder that nobody else sees."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen


class MlflowServer:
    """`mlflow server`, which keeps artifacts below `folder` and hands them out itself."""

    def __init__(self, database_url: str, folder: Path, port: int) -> None:
        self.url, self._log = f"http://127.0.0.1:{port}", folder / "mlflow.log"
        folder.mkdir()
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", database_url, "--artifacts-destination", folder / "artifacts"),
        ]
        env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                urlopen(f"{self.url}/health").close()  # noqa: S310
            except (URLError, ConnectionError):
                alive = self._process.poll() is None
                assert alive and time.monotonic() < deadline, self._log.read_text()[-3000:]
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()

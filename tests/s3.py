"""An S3 endpoint on loopback, in a process of its own as a real one would be."""

import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

KEYS = {"key": "an access key", "secret": "a secret key of S3"}


@dataclass(frozen=True)
class Bucket:
    """A bucket, and what a store needs to reach it."""

    endpoint: str
    name: str = field(default_factory=lambda: f"b-{uuid.uuid4().hex}")

    @property
    def url(self) -> str:
        return f"s3://{self.name}/evergreen"

    @property
    def options(self) -> dict[str, Any]:
        return {**KEYS, "endpoint_url": self.endpoint}


class Endpoint:
    """moto's server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def bucket(self) -> Bucket:
        import s3fs

        bucket = Bucket(self.url)
        s3fs.S3FileSystem(**bucket.options).mkdir(bucket.name)
        return bucket

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                urlopen(f"{self.url}/moto-api/").close()  # noqa: S310
            except URLError:
                assert time.monotonic() < deadline and self._process.poll() is None
                time.sleep(0.1)
            else:
                return

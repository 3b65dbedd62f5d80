"""Images that buildah has built, and what runs in them."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evergreen.settings import PROJECT
from tools import tool

SEALED = PROJECT / "tests" / "deploy" / "sealed.sh"
VERSION = "0.1.0"


@dataclass(frozen=True)
class Image:
    """An image, mounted."""

    name: str
    root: Path

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the image says of itself: `config`, `size` in bytes and its `digest`."""
        found = json.loads(buildah("inspect", "--type", "image", self.name))
        [listed] = json.loads(buildah("images", "--json", self.name))
        return found["Docker"] | {"digest": listed["digest"], "size": size_of(self.root)}

    @property
    def environment(self) -> dict[str, str]:
        """Its ENV."""
        return dict(line.split("=", 1) for line in self.about["config"]["Env"])

    def command(self, volume: Path, env: Mapping[str, str], words: tuple[str, ...]) -> list[str]:
        """How to run words in it; without any, what it runs by itself."""
        given = [f"{name}={value}" for name, value in (self.environment | env).items()]
        isolated = [str(tool("unshare")), "--mount", "--pid", "--fork", "--kill-child"]
        return [*isolated, "sh", str(SEALED), str(self.root), str(volume), *given,
                *(words or self.about["config"]["Cmd"])]  # fmt: skip

    def run(self, volume: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it."""
        return subprocess.run(
            self.command(volume, env, words), capture_output=True, text=True, check=False,
            timeout=300,
        )  # fmt: skip

    @contextmanager
    def started(self, volume: Path, log: Path, **env: str) -> Iterator[None]:
        """Let it run what it runs by itself."""
        with log.open("wb") as told:
            child = subprocess.Popen(
                self.command(volume, env, ()), stdout=told, stderr=told, start_new_session=True
            )
        with child:
            try:
                yield
            finally:
                os.killpg(child.pid, signal.SIGKILL)


@contextmanager
def mounted(name: str) -> Iterator[Image]:
    """Mount an image that `make image` has built."""
    image = f"localhost/{name}:{VERSION}"
    container = buildah("from", "--pull-never", image).strip()
    try:
        yield Image(image, Path(buildah("mount", container).strip()))
    finally:
        buildah("rm", container)


def buildah(*words: str) -> str:
    done = subprocess.run(
        [tool("buildah", of="make test-images"), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def size_of(root: Path) -> int:
    """The bytes of all files below; a file of several names once."""
    done = subprocess.run(
        [tool("du"), "--summarize", "--apparent-size", "--block-size=1", root],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout.split()[0])

"""The service runs on what is in its image, and on nothing else."""

import signal
from pathlib import Path

import httpx

from evergreen.settings import PROJECT
from evergreen_workshop.stack.ports import free_port
from serving.conftest import Shop, eventually, rows_of
from serving.test_app import ROW
from serving.test_server import answers, started

WITHOUT_THE_OTHERS = """
import importlib.metadata, re, sys
from importlib.machinery import PathFinder

lines = open({requirements!r}).read().splitlines()
kept = {{line.split("==")[0] for line in lines if "==" in line}} | {{"evergreen"}}
tops = importlib.metadata.packages_distributions()
version = importlib.metadata.version

def name_of(distribution):
    return re.sub("[-_.]+", "-", distribution).lower()

def version_of(distribution):
    if name_of(distribution) not in kept:
        raise importlib.metadata.PackageNotFoundError(distribution)
    return version(distribution)

class OnlyTheImage(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        sources = tops.get(name.partition(".")[0])
        if sources and not kept & set(map(name_of, sources)):
            return None  # as if it were not installed
        return super().find_spec(name, path, target)

sys.meta_path[:] = [OnlyTheImage if f is PathFinder else f for f in sys.meta_path]
importlib.metadata.version = version_of
import evergreen.learning.tracking  # what brings a new champion
"""
"""Hides every package that is not in the requirements of the image."""


def test_needs_no_package_that_is_not_in_its_image(shop: Shop) -> None:
    ref = shop.promote(shop.put("iris", "logistic"), 1)
    copy = shop.settings.home / "models" / ref.sha256
    copy.parent.mkdir()
    Path(ref.model_uri).rename(copy)
    hide = WITHOUT_THE_OTHERS.format(requirements=str(PROJECT / "requirements-serve.txt"))
    port = free_port()

    with started(shop, port, hide, killed_by=signal.SIGTERM):
        eventually(lambda: answers(port), 240)
        answer = httpx.post(f"http://127.0.0.1:{port}/iris/predict", json={"row": ROW})

    assert (answer.status_code, answer.json()["engine"]) == (200, "onnx")
    stored = rows_of(shop.settings.database_url, "SELECT id::text FROM evergreen.predictions")
    assert stored == [(answer.json()["id"],)]

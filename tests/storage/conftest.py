"""The stores that the tests are run on: a folder, memory, and an S3 endpoint on loopback."""

import uuid
from pathlib import Path

import pytest

from evergreen.storage import Store
from s3 import Bucket


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    match request.param:
        case "folder":
            return Store(str(tmp_path / "store"))
        case "memory":
            return Store(f"memory://{uuid.uuid4().hex}")
    bucket: Bucket = request.getfixturevalue("bucket")
    return Store(bucket.url, bucket.options)


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))

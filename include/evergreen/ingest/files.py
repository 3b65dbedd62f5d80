"""CSV and Parquet files on any file system that fsspec knows."""

import hashlib
import io

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from evergreen.errors import DataRefused
from evergreen.spec import Files


def paths(source: Files) -> list[str]:
    """Return the files that match the pattern, in the order of their names.

    Raises:
        DataRefused: there are none.
    """
    system, pattern = fsspec.core.url_to_fs(source.url)
    found = sorted(system.unstrip_protocol(path) for path in system.glob(pattern))
    if not found:
        raise DataRefused([f"no file matches {source.url}"])
    return found


def read(path: str) -> tuple[str, pa.Table]:
    """Return the sha256 of a file's bytes, and its rows.

    Raises:
        DataRefused: it is gone, or is not what its name says.
    """
    try:
        with fsspec.open(path, "rb") as stream:
            content = stream.read()
        return hashlib.sha256(content).hexdigest(), _table(path, content)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataRefused([f"{path} cannot be read: {error}"]) from error


def _table(path: str, content: bytes) -> pa.Table:
    if path.endswith(".parquet"):
        return pyarrow.parquet.read_table(io.BytesIO(content))
    packed = pa.CompressedInputStream(io.BytesIO(content), "gzip") if path.endswith(".gz") else None
    return pyarrow.csv.read_csv(packed or io.BytesIO(content))

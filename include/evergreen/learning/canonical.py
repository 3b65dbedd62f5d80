"""The same model, the same bytes.

skops names objects and files by their address in memory, and a zip archive carries times, so that
two dumps of one model differ. Digests need dumps that do not.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any


def canonical(content: bytes) -> bytes:
    """Return the skops archive with its objects and files numbered in order, and without times."""
    source = zipfile.ZipFile(io.BytesIO(content))
    schema = json.loads(source.read("schema.json"))
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    _number(schema, ids, files)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for old, new in files.items():
            target.writestr(zipfile.ZipInfo(new), source.read(old), zipfile.ZIP_DEFLATED)
        document = json.dumps(schema, separators=(",", ":"))
        target.writestr(zipfile.ZipInfo("schema.json"), document, zipfile.ZIP_DEFLATED)
    return result.getvalue()


def _number(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Replace, in place, skops' object ids and file names by their order of appearance."""
    if isinstance(node, list):
        for child in node:
            _number(child, ids, files)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if node.get("__loader__") and isinstance(node.get("file"), str):
            suffix = Path(node["file"]).suffix
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1}{suffix}")
        for child in node.values():
            _number(child, ids, files)

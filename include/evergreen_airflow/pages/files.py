"""Serves the files of one folder and nothing outside it."""

from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import FileResponse

NOT_FOUND = "There is no such page."


def locate(root: Path, path: str) -> Path:
    """Return the file of that path below root.

    Raises:
        HTTPException: 404, if there is none, or if the path or a symbolic link leads outside.
    """
    if "\0" in path or "\\" in path or path.startswith("/"):
        raise HTTPException(404, NOT_FOUND)
    root = root.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise HTTPException(404, NOT_FOUND)
    return file


def serve(root: Path, path: str, policy: str) -> FileResponse:
    """Answer with a file below root, to be asked for again each time (it may have changed)."""
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": policy}
    return FileResponse(locate(root, path), headers=headers)

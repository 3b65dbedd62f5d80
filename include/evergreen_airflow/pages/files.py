"""Serves the files of a store and nothing outside it."""

from mimetypes import guess_type

from fastapi import HTTPException, Response

from evergreen.storage import OutsideStore, Store

NOT_FOUND = "There is no such page."


def find(store: Store, path: str) -> None:
    """Check that there is such a file.

    Raises:
        HTTPException: 404, if there is none, or if the path or a symbolic link leads outside.
    """
    try:
        found = store.exists(path)
    except OutsideStore:
        found = False
    if not found:
        raise HTTPException(404, NOT_FOUND)


def serve(store: Store, path: str, policy: str) -> Response:
    """Answer with a file of a store, to be asked for again each time (it may have changed).

    Raises:
        HTTPException: 404, as `find`.
    """
    find(store, path)
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": policy}
    return Response(store.read(path), media_type=guess_type(path)[0], headers=headers)

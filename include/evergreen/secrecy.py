"""What must not be told: passwords and tokens, found in the settings and struck out of texts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evergreen.settings import Settings, of_stack

SECRET_NAMES = re.compile(r"(PASSWORD|SECRET|TOKEN|FERNET|_KEY$)(?!.*_FILE$)", re.IGNORECASE)
"""Settings that hold a secret; `…PASSWORDS_FILE` only says where one is."""
OPTION_NAMES = re.compile(r"key|secret|token|password|credential|connection_string", re.IGNORECASE)
"""Options of the store's file system that hold a secret."""
URL_WITH_PASSWORD = re.compile(r"\b([a-z][\w+.-]*://[^\s:/@]*):[^\s/@]+@", re.IGNORECASE)
SHORTEST = 6
"""Shorter values stand in every other text by chance; inside URLs they are struck out as well."""
STRUCK = "***"


def redact(text: str, settings: Settings) -> str:
    """Strike the secrets of the settings, and the password of every URL, out of a text."""
    for secret in sorted(values(settings), key=len, reverse=True):
        text = text.replace(secret, STRUCK)
    return URL_WITH_PASSWORD.sub(rf"\1:{STRUCK}@", text)


def values(settings: Settings) -> frozenset[str]:
    """Return the secret values that the settings and `stack.env` hold."""
    urls = (
        settings.database_url,
        settings.apart_warehouse_url,
        settings.direct_url,
        settings.airflow_database_url,
        settings.tracking_uri,
        settings.tracking_database_url,
        settings.artifacts_url,
        settings.store_url,
        *settings.notify_urls,
    )
    found = {password for url in urls for password in _passwords(url)}
    found |= {part for url in settings.notify_urls for part in _tokens(url)}
    found |= {*settings.api_keys, *_of_options(settings.store_options)}
    found |= _of_file(settings.home / "stack.env")
    return frozenset(value for value in found if len(value) >= SHORTEST)


def _passwords(url: str) -> set[str]:
    password = urlsplit(url).password or ""
    return {password, unquote(password)}


def _of_options(options: Mapping[str, Any]) -> set[str]:
    found = set()
    for name, value in options.items():
        if isinstance(value, Mapping):
            found |= _of_options(value)
        elif OPTION_NAMES.search(name):
            found.add(str(value))
    return found


def _tokens(url: str) -> set[str]:
    """Return the parts of a notification address that give access, as in `slack://A/B/C`."""
    address = urlsplit(url)
    if address.scheme in {"json", "jsons", "mailto", "mailtos"}:
        return set()
    return set(address.path.split("/")) | {address.netloc}


def _of_file(file: Path) -> set[str]:
    entries = of_stack(file)
    named = {value for name, value in entries.items() if value and SECRET_NAMES.search(name)}
    in_urls = {p for value in entries.values() if value and "://" in value for p in _all(value)}
    return named | in_urls


def _all(value: str) -> set[str]:
    return {password for url in value.split() for password in _passwords(url)}

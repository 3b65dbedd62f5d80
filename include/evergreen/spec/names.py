"""The rule for names."""

import re

from evergreen.errors import DeclarationError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_name(field: str, name: str) -> None:
    """Refuse a name that could not be a table, a DAG, a model and a folder alike.

    Raises:
        DeclarationError: it is not `^[a-z][a-z0-9_]{0,62}$`.
    """
    if not NAME.fullmatch(name):
        raise DeclarationError(field, name, "^[a-z][a-z0-9_]{0,62}$")

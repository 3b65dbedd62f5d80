"""The rule for names."""

import re

from evergreen.errors import DeclarationError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = ("operations", "journal", "ledger", "mlflow")
"""What we call ourselves where a use case may stand: in alerts, in ids of DAGs, in `/ready`."""


def check_use_case(field: str, name: str) -> None:
    """Refuse a name that is none, or that is ours.

    Raises:
        DeclarationError: it is.
    """
    check_name(field, name)
    if name in TAKEN:
        raise DeclarationError(field, name, f"any name but ours: {', '.join(TAKEN)}")


def check_name(field: str, name: str) -> None:
    """Refuse a name that could not be a table, a DAG, a model and a folder alike.

    Raises:
        DeclarationError: it is not `^[a-z][a-z0-9_]{0,62}$`.
    """
    if not NAME.fullmatch(name):
        raise DeclarationError(field, name, "^[a-z][a-z0-9_]{0,62}$")

"""What docker-compose's services run besides Airflow and MLflow themselves.

Usage::

    python -m evergreen_workshop.stack.container init       # before Airflow starts
    python -m evergreen_workshop.stack.container secrets    # lines for .env
"""

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from evergreen.errors import SettingError

PASSWORDS = (
    "EVERGREEN_POSTGRES_PASSWORD",
    "EVERGREEN_AIRFLOW_DB_PASSWORD",
    "EVERGREEN_MLFLOW_DB_PASSWORD",
    "EVERGREEN_REDIS_PASSWORD",
    "EVERGREEN_ADMIN_PASSWORD",
    "EVERGREEN_API_SECRET",
    "EVERGREEN_JWT_SECRET",
)


def main(arguments: list[str]) -> None:
    """Do what the first argument says."""
    match arguments:
        case ["init"]:
            init(os.environ, datetime.now(UTC).date() - timedelta(days=1))
        case ["secrets"]:
            sys.stdout.writelines(f"{line}\n" for line in secret_lines())
        case _:
            raise SystemExit(__doc__)


def init(env: Mapping[str, str], yesterday: date) -> None:
    """Migrate Airflow's database, write its passwords file, load the demo tables if asked to.

    Into a warehouse of the user's own, `evergreen db load` puts them.

    Raises:
        subprocess.CalledProcessError: the migration failed; its output tells why.
    """
    subprocess.run(["airflow", "db", "migrate"], check=True)  # noqa: S607
    write_passwords(env)
    if env.get("EVERGREEN_DEMO", "true").lower() != "true":
        return
    if env.get("EVERGREEN_WAREHOUSE_URL"):
        sys.stdout.write("No demo table is loaded: EVERGREEN_WAREHOUSE_URL is yours.\n")
    else:
        load_demo_tables(env["EVERGREEN_DATABASE_URL"], yesterday)


def write_passwords(env: Mapping[str, str]) -> None:
    """Write the passwords file of the simple auth manager, for its owner's eyes only."""
    from evergreen_workshop.stack.layout import write_private

    password = env["EVERGREEN_ADMIN_PASSWORD"]
    check_password(password)
    file = Path(env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    write_private(file, json.dumps({"admin": password}) + "\n")


def check_password(password: str) -> None:
    """Refuse a password that everybody would try first.

    Raises:
        SettingError: it has fewer than 8 characters.
    """
    if len(password) < 8:
        raise SettingError(
            f"EVERGREEN_ADMIN_PASSWORD has {len(password)} characters; allowed: 8 or more"
        )


def load_demo_tables(database_url: str, yesterday: date) -> None:
    """Load the demo tables beside the records; those that hold rows stay as they are."""
    from evergreen_workshop import demo

    for name in demo.names():
        demo.load(name, database_url, until=yesterday)


def secret_lines() -> list[str]:
    """Return a line for `.env` for each secret that docker-compose needs, newly made."""
    fernet = base64.urlsafe_b64encode(os.urandom(32)).decode()
    made = {name: secrets.token_urlsafe(64 if "JWT" in name else 24) for name in PASSWORDS}
    return [f"{name}={value}" for name, value in (made | {"EVERGREEN_FERNET_KEY": fernet}).items()]


if __name__ == "__main__":
    main(sys.argv[1:])

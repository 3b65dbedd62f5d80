"""PgBouncer in transaction mode, in front of the tests' PostgreSQL."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from evergreen_workshop.stack.ports import free_port

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 5
"""


@contextmanager
def in_front_of(database_url: str, program: Path) -> Iterator[str]:
    """Yield the URL of the same database through sessions that are everybody's in turn."""
    server, port = urlsplit(database_url), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
        file = folder / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(server=server.port, port=port, folder=folder))
        who = ["-u", "nobody"] if os.getuid() == 0 else []
        process = subprocess.Popen([program, "-q", *who, file])
        url = f"postgresql://{server.username}@127.0.0.1:{port}{server.path}"
        try:
            wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PgBouncer does not answer")

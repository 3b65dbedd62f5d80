"""A command without what it takes to import it: each call is forked from a process that has.

Of the six processor seconds of a command in the docs, four were imports. What is called is a
program like the command's own: a shell runs it, with any arguments, folder, variables and pipes.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

COMMAND = "evergreen.cli:main"
KNOWN = (
    "evidently.legacy.metrics",
    "great_expectations",
    "matplotlib.backends.backend_agg",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "sklearn.ensemble",
    "sklearn.inspection",
    "skops.io",
)
"""What commands import when they come to it."""
CALLER = """#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    sys.exit(int(server.recv(4) or b"70"))
"""
"""Stands for the command; 70 if the call ended without a word, as `EX_SOFTWARE`."""


@contextmanager
def forking(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Yield a program that does as `evergreen`, with this environment below its caller's."""
    address = str(folder / "calls")
    program = folder / "evergreen"
    program.write_text(CALLER.format(python=sys.executable, address=address))
    program.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, __file__, address], env=env, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        try:
            yield program
        finally:
            server.terminate()


def serve(address: str) -> NoReturn:
    """Import what commands need; then answer every call by a fork."""
    main: Callable[[], None] = pkgutil.resolve_name(COMMAND)
    for name in KNOWN:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as calls:
        calls.bind(address)
        calls.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            caller, _ = calls.accept()
            if not os.fork():
                calls.close()
                answer(caller, main)
            caller.close()


def answer(caller: socket.socket, main: Callable[[], None]) -> NoReturn:
    """Be the command: with the caller's arguments, folder, variables and streams."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(caller, 4, 3)
    with caller.makefile("rb") as said:
        sys.argv, folder, env = json.loads(said.read(int.from_bytes(size, "big")))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.update(env)
    code = outcome(main)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(str(code).encode())
    os._exit(0)


def outcome(main: Callable[[], None]) -> int:
    """Run the command, and return its exit code as Python would."""
    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])

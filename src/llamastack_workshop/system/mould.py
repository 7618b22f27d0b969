"""A fork server: it imports a program's packages once, and forks for each request on its socket.

`python -m llamastack_workshop.system.mould ADDRESS PROGRAM REPOSITORY` serves until its standard input closes. PROGRAM
is a module: its `prepare` does the slow imports, its `run` gets a fork's arguments. REPOSITORY is not used here: it
identifies the forks in the list of processes. A request is the length of a JSON object in 4 bytes, together with the
file descriptor of the log, and then the object: arguments, environment and folder. The connection becomes the fork's
standard input; the fork answers with its pid, in 4 bytes.
"""

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

_REQUEST_TIMEOUT = 10  # seconds


def main() -> None:
    address, program = Path(sys.argv[1]), importlib.import_module(sys.argv[2])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    print("listening", flush=True)
    program.prepare()
    # Frozen objects are not touched by the garbage collector, so their memory stays shared with the forks.
    gc.collect()
    gc.freeze()
    # Forks that have ended are reaped by the system.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    arguments = _next_fork(listener)
    if arguments is None:
        shutil.rmtree(address.parent, ignore_errors=True)
    else:
        program.run(arguments)


def import_all(names: Iterable[str]) -> None:
    """Import the modules `names`; ignore errors, because the import fails again, visibly, in a fork."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def _next_fork(listener: socket.socket) -> list[str] | None:
    """In each fork, return its request's arguments; in the mould itself, return None once standard input closes."""
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return None
        connection, _ = listener.accept()
        connection.settimeout(_REQUEST_TIMEOUT)
        with connection:
            try:
                request, log = _receive(connection)
            except (OSError, ValueError):
                # A client that disconnects in mid-request gets no fork.
                continue
            try:
                forked = os.fork() == 0
            except OSError as error:
                os.write(log, f"OSError: {error}\n".encode())
                forked = False
            if forked:
                listener.close()
                _become(request, connection, log)
                return request["arguments"]
            os.close(log)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], int]:
    length, (log,), _, _ = socket.recv_fds(connection, 4, 1)
    content = connection.recv(int.from_bytes(length), socket.MSG_WAITALL)
    return json.loads(content), log


def _become(request: dict[str, Any], connection: socket.socket, log: int) -> None:
    """Set up this process as if it had been started on its own: outputs, session, folder, environment, input."""
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    os.setsid()
    os.chdir(request["folder"])
    # The first place where `python -m` looks for modules.
    sys.path[0] = request["folder"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    connection.setblocking(True)
    connection.sendall(os.getpid().to_bytes(4))
    os.dup2(connection.fileno(), 0)


if __name__ == "__main__":
    main()

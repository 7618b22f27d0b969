"""The process that imports a program's packages once, and forks for each request that comes to its socket.

`python -m llamastack_workshop.system.mould ADDRESS PROGRAM REPOSITORY` serves until its standard input closes. PROGRAM
is a module: its `prepare` imports what takes long, its `run` gets a fork's arguments. The repository is for whoever
looks for its forks among the processes. A request is the length of a JSON object in 4 bytes, with the descriptor of the
log, and the object: the arguments, the environment and the folder. The connection becomes the fork's standard input; it
answers its pid there, in 4 bytes.
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
    # Objects that no garbage collection touches stay in memory that the forks share.
    gc.collect()
    gc.freeze()
    # The forks that end are nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    arguments = _next_fork(listener)
    if arguments is None:
        shutil.rmtree(address.parent, ignore_errors=True)
    else:
        program.run(arguments)


def import_all(names: Iterable[str]) -> None:
    """Import the modules `names`; one that fails here, fails in a fork with a reason."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def _next_fork(listener: socket.socket) -> list[str] | None:
    """Return a request's arguments, in each process that is forked for one; in this one, return None at the end."""
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
                # Whoever goes away in mid-request gets no fork.
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
    """Give this process what a program of its own would have started with."""
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    os.setsid()
    os.chdir(request["folder"])
    # Where `python -m` looks for modules first.
    sys.path[0] = request["folder"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    connection.setblocking(True)
    connection.sendall(os.getpid().to_bytes(4))
    os.dup2(connection.fileno(), 0)


if __name__ == "__main__":
    main()

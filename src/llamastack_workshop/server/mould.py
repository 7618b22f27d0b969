"""The process that imports LlamaStack once, and forks a server for each request that comes to its socket.

`python -m llamastack_workshop.server.mould ADDRESS REPOSITORY` serves until its standard input closes; the repository
is for whoever looks for its servers among the processes. A request is the length of a JSON object in 4 bytes, with the
descriptor of the log, and the object: the arguments of run_server, the environment and the folder. The connection
becomes the server's standard input; it answers its pid there, in 4 bytes.
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
from contextlib import suppress
from pathlib import Path
from typing import Any

from llamastack_workshop.server import run_server
from llamastack_workshop.system.processes import PRIVATE_UMASK

# What a server with the providers of run.yaml imports only in the course of its start, or for its first request.
IMPORTED_LATER = (
    "llama_stack.cli.llama",
    *(f"llama_stack.core.routers.{name}" for name in ("datasets", "eval_scoring", "inference", "safety")),
    *(f"llama_stack.core.routers.{name}" for name in ("tool_runtime", "vector_io")),
    *(f"llama_stack.core.routing_tables.{name}" for name in ("benchmarks", "datasets", "models", "scoring_functions")),
    *(f"llama_stack.core.routing_tables.{name}" for name in ("shields", "toolgroups", "vector_stores")),
    "llama_stack.core.storage.kvstore.sqlite",
    "llama_stack.core.storage.sqlstore.sqlalchemy_sqlstore",
    *(f"llama_stack.providers.registry.{name}" for name in ("agents", "file_processors", "files", "inference")),
    *(f"llama_stack.providers.registry.{name}" for name in ("safety", "tool_runtime", "vector_io")),
    "llama_stack.providers.inline.agents.meta_reference.agents",
    "llama_stack.providers.inline.files.localfs.files",
    "llama_stack.providers.inline.tool_runtime.rag.memory",
    "llama_stack.providers.inline.vector_io.faiss.faiss",
    "llama_stack.providers.remote.inference.llama_cpp_server.llama_cpp_server",
    "llama_stack.providers.remote.inference.openai.openai",
    "openai.resources",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "tiktoken_ext.openai_public",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
_REQUEST_TIMEOUT = 10  # seconds


def main() -> None:
    address = Path(sys.argv[1])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    print("listening", flush=True)
    _import()
    # Objects that no garbage collection touches stay in memory that the servers share.
    gc.collect()
    gc.freeze()
    # The servers that end are nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    arguments = _next_server(listener)
    if arguments is None:
        shutil.rmtree(address.parent, ignore_errors=True)
    else:
        run_server.run(arguments)


def _import() -> None:
    """Import what a server imports before its start and in its course; what fails here, fails there with a reason."""
    with suppress(Exception):
        run_server.import_server()
    for name in IMPORTED_LATER:
        with suppress(Exception):
            importlib.import_module(name)


def _next_server(listener: socket.socket) -> list[str] | None:
    """Return a server's arguments, in each process that is forked for one; in this one, return None at the end."""
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
                # Whoever goes away in mid-request gets no server.
                continue
            try:
                is_server = os.fork() == 0
            except OSError as error:
                os.write(log, f"OSError: {error}\n".encode())
                is_server = False
            if is_server:
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
    os.umask(PRIVATE_UMASK)
    os.chdir(request["folder"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    connection.setblocking(True)
    connection.sendall(os.getpid().to_bytes(4))
    os.dup2(connection.fileno(), 0)


if __name__ == "__main__":
    main()

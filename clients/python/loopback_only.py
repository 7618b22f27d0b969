"""Block connections to other machines: import this first, and Python's sockets raise PermissionError for them.

Subprocesses, and libraries with their own network code, are not covered. A server in OPENAI_BASE_URL or
LLAMA_STACK_BASE_URL may be on another machine, unless it is OpenAI's.

Each host is written to standard error before its lookup or connection, on a line that begins with `host:`.
"""

import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

_ours = {"localhost", "127.0.0.1", "::1"}
for _variable in ("OPENAI_BASE_URL", "LLAMA_STACK_BASE_URL"):
    _server = urlsplit(os.environ.get(_variable, "")).hostname
    if _server and _server not in _ours | {"api.openai.com"}:
        _found = socket.getaddrinfo(_server, None)
        _ours |= {_server, *(address[0] for *_, address in _found)}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not host:
        return
    host = host.decode() if isinstance(host, bytes) else host
    print(f"host: {host}", file=sys.stderr)
    if host not in _ours:
        raise PermissionError(f"{host} is not this machine")


sys.addaudithook(_watch)

"""Keep the web pages of others out of a server that listens for this machine alone.

A page in the user's browser can send requests to loopback. One whose name leads to 127.0.0.1 by now (DNS rebinding,
https://en.wikipedia.org/wiki/DNS_rebinding) can read the answers as well, and any page can post a form with a file. The
browser says in `Host` and `Origin` which page it was.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

_HERE = {"localhost", "127.0.0.1", "::1"}
_VARIABLE = "WORKSHOP_ALLOWED_HOSTS"

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class LocalOnly:
    """An ASGI middleware that answers 403 to requests for, or from a page of, another host than this machine.

    WORKSHOP_ALLOWED_HOSTS names further hosts, with commas between them: those of a proxy, for example.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        named = os.environ.get(_VARIABLE, "").split(",")
        self._allowed = _HERE | {host.strip().lower() for host in named if host.strip()}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (foreign := self._foreign(scope["headers"])):
            await _refuse(send, foreign)
        else:
            await self._app(scope, receive, send)

    def _foreign(self, headers: list[tuple[bytes, bytes]]) -> str | None:
        """Return the header that names another host, or None."""
        for name, value in headers:
            if name in (b"host", b"origin"):
                address = value.decode("latin-1")
                if _host(address if name == b"origin" else f"//{address}") not in self._allowed:
                    return f"{name.decode().capitalize()}: {address[:80]}"
        return None


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def _refuse(send: Any, header: str) -> None:
    message = (
        f"This server is for programs on its own machine, and the request says {header}. "
        f"To let another host in, start the server with {_VARIABLE}."
    )
    body = json.dumps({"error": {"message": message, "type": "forbidden"}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Protect a server that is only for this machine from foreign web pages.

A page in the user's browser can send requests to loopback, and post a form with a file. If its host name now resolves
to 127.0.0.1 (DNS rebinding, https://en.wikipedia.org/wiki/DNS_rebinding), it can also read the answers. The browser
sends the page's host in the headers `Host` and `Origin`.
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
    """An ASGI middleware that returns 403 if the `Host` or `Origin` of a request is not this machine.

    WORKSHOP_ALLOWED_HOSTS is a comma-separated list of further hosts to allow, for example a proxy's.
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
        """Return the header that names a foreign host, or None."""
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
        f"This server only accepts requests from its own machine, and this one has the header {header}. "
        f"To allow another host, start the server with {_VARIABLE}."
    )
    body = json.dumps({"error": {"message": message, "type": "forbidden"}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})

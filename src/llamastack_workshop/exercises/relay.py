"""A relay in front of a server: it records the requests of an attendee's code for a check, and can change them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from llamastack_workshop.system import ports

type _Body = dict[str, Any]
_OF_THE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


@dataclass(frozen=True)
class Relay:
    """A relay's address, which ends in /v1, and the JSON bodies that it received; {} for a request without one."""

    base_url: str
    asked: list[_Body] = field(default_factory=list)


@contextmanager
def relay(base_url: str, change: Callable[[_Body], _Body] = lambda body: body) -> Iterator[Relay]:
    """Forward requests to the server at `base_url` during the block, with each JSON body replaced by `change(body)`."""
    asked: list[_Body] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"] or 0))
            body = _json(content)
            asked.append(body)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            url = f"{base_url.removesuffix('/')}{self.path.removeprefix('/v1')}"
            answer = upstream.request(
                self.command, url, content=json.dumps(change(dict(body))) if body else content, headers=headers
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_DELETE = _pass_on

        def log_message(self, *_: object) -> None:
            """Print nothing into the notebook."""

    with httpx.Client(timeout=120) as upstream, ThreadingHTTPServer((ports.HOST, 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield Relay(f"http://{ports.HOST}:{server.server_port}/v1", asked)
        finally:
            server.shutdown()


def _json(content: bytes) -> _Body:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

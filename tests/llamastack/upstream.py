"""A fake model server for LlamaStack: it returns errors, or forwards requests and counts."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

from llamastack_workshop.system.ports import HOST

STATUSES = (401, 403, 404, 429, 500, 503)


@dataclass
class Upstream:
    """Its address with /v1, the number of requests for each model, and the lines written for each prompt."""

    base_url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)


@contextmanager
def upstream(behind: str, model: str) -> Iterator[Upstream]:
    """Yield a model server with a model `status-NNN` for each of STATUSES, which always returns that status.

    A request for its model `counted` is forwarded to `model` of the server `behind`, whose address ends in /v1, and
    answered up to its token limit: how early a model ends differs between processors.
    """
    seen = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.asked[body["model"]] += 1
            if body["model"].startswith("status-"):
                self._answer(int(body["model"][-3:]), {"error": {"message": "refused", "type": "x", "code": None}})
            else:
                self._pass_on(body)

        def do_GET(self) -> None:
            models = [{"id": f"status-{status}", "object": "model"} for status in STATUSES]
            self._answer(200, {"object": "list", "data": [*models, {"id": "counted", "object": "model"}]})

        def _answer(self, status: int, value: object) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def _pass_on(self, body: dict) -> None:
            prompt = body["messages"][-1]["content"]
            body |= {"model": model, "ignore_eos": True}
            with httpx.stream("POST", f"{behind}/chat/completions", json=body, timeout=60) as answer:
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                for piece in answer.iter_raw():
                    # Raises if LlamaStack has closed the connection.
                    self.wfile.write(piece)
                    seen.written[prompt] += piece.count(b"data:")
            seen.ended.add(prompt)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        seen.base_url = f"http://{HOST}:{server.server_port}/v1"
        try:
            yield seen
        finally:
            server.shutdown()

"""Checks of chapter 18, One API over many backends."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from llamastack_workshop.exercises.check import exercise, given, require
from llamastack_workshop.system import ports

_PASS_EVERYTHING_ON = {"remote::openai", "remote::vllm", "remote::llama-cpp-server"}


@exercise
def stop_probe(function: Callable[[str, str], bool], base_url: str, model: str) -> str:
    """Check that `function(url, name)` tells a server that honours `stop` from one that leaves it out."""
    honoured = given(function(base_url, model))
    require(isinstance(honoured, bool), f"return True or False, not {honoured!r}.")
    require(honoured, "your server honours `stop`, and your probe says that it does not: is the word in the answer?")
    with _without("stop", base_url) as address:
        require(
            function(address, model) is False,
            "your probe says True of a server that never sees `stop`: ask without it too, and compare the answers.",
        )
    return "True for your server, and False for a relay before it that takes `stop` out"


@exercise
def tgi_provider(block: dict[str, Any]) -> str:
    """Check a provider for a TGI at TGI_URL: off where that is not set, and of a kind with which a server starts."""
    block = given(block)
    require(isinstance(block, dict), f"give a dictionary, not {type(block).__name__}.")
    missing = [key for key in ("provider_id", "provider_type", "config") if not block.get(key)]
    require(not missing, f"the block has no `{missing[0] if missing else ''}`.")
    kind, config = block["provider_type"], block["config"]
    require(
        kind != "remote::tgi", "no server starts with remote::tgi; take a kind that speaks OpenAI's API to anybody."
    )
    require(
        kind in _PASS_EVERYTHING_ON,
        f"{kind} is for another upstream; these pass everything on: {', '.join(sorted(_PASS_EVERYTHING_ON))}.",
    )
    require(
        block["provider_id"] == "${env.TGI_URL:+tgi}",
        f"with the id {block['provider_id']!r} it is not just on where TGI_URL is set, as `tgi`; see `:+` in run.yaml.",
    )
    require("${env.TGI_URL" in str(config.get("base_url")), "take `base_url` from the variable TGI_URL.")
    for key in ("base_url", "api_key"):
        bare = re.fullmatch(r"\$\{env\.(\w+)\}", str(config.get(key)))
        name = bare[1] if bare else ""
        require(
            not bare,
            f"give `{key}` a default, `${{env.{name}:=…}}`: without one no server starts where {name} is not set.",
        )
    without_key = str(config.get("api_key") or ":=}").endswith(":=}")
    require(not (kind == "remote::openai" and without_key), "without an `api_key`, remote::openai lists no models.")
    return f"{kind}, on where TGI_URL is set"


@contextmanager
def _without(parameter: str, base_url: str) -> Iterator[str]:
    """Relay what is posted to `base_url` without `parameter` until the block ends; yield the relay's address."""

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body.pop(parameter, None)
            answer = httpx.post(base_url + self.path.removeprefix("/v1"), json=body, timeout=120)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Print nothing into the notebook."""

    relay = ThreadingHTTPServer((ports.HOST, 0), Relay)
    Thread(target=relay.serve_forever, daemon=True).start()
    try:
        yield f"http://{ports.HOST}:{relay.server_port}/v1"
    finally:
        relay.shutdown()
        relay.server_close()

"""Run `llama stack run`, or its successor `ogx run`, as a child process of the workshop.

It imports the server, which takes seconds, while its parent starts the embedded model; the first line on
standard input then lets it go on, because the server asks its upstreams for their models once, at its start.
"""

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from llamastack_workshop.server.local_only import LocalOnly
from llamastack_workshop.system.processes import end_with_parent, end_within

_PACKAGE = "ogx" if find_spec("ogx") else "llama_stack"
# Whatever address it stands for: a container's port is published for the machine that runs it, see Containerfile.
_HOST_OF_RUN_YAML = "${env.WORKSHOP_HOST:=127.0.0.1}"
_LONGEST_END = 10  # seconds
_COMMAND = ["ogx", "run"] if _PACKAGE == "ogx" else ["llama", "stack", "run"]


def main() -> None:
    # What `opentelemetry-instrument` does for `llama stack run`: it has to come before what it instruments.
    # An environment of another line may lack it.
    if os.environ.get("OTEL_TRACES_EXPORTER") and find_spec("opentelemetry.instrumentation"):
        from opentelemetry.instrumentation import auto_instrumentation

        auto_instrumentation.initialize()
    import_server()
    run(sys.argv[1:])


def import_server() -> None:
    """Import what every server needs: the slow part of a start."""
    importlib.import_module(f"{_PACKAGE}.core.server.server")
    log = importlib.import_module(f"{_PACKAGE}.log")
    # LlamaStack has rich draw each traceback with its source. For an MCP server that is down this took 3.6 s,
    # in which the server answered nobody, against 0.2 s for a plain one (2 cores, 2026-11-22). No setting turns it off.
    log.CustomRichHandler.rich_tracebacks = property(lambda handler: False, lambda handler, value: None)
    # Later lines have structlog draw it with the values of all variables. For an upstream that is down, this took more
    # than 60 s on a busy machine, against 1.5 s (2026-11-27).
    if find_spec("structlog"):
        dev = importlib.import_module("structlog.dev")
        dev.RichTracebackFormatter.__call__ = lambda _, output, error: dev.plain_traceback(output, error)


def run(arguments: list[str]) -> None:
    """Wait for a line on standard input, and then serve with the `arguments` of the command until it closes."""
    if not sys.stdin.buffer.readline():
        return
    end_with_parent()
    if _is_for_this_machine(Path(arguments[0])):
        _guard()
    sys.argv = [*_COMMAND, *arguments]
    try:
        importlib.import_module(f"{_PACKAGE}.cli.{_COMMAND[0]}").main()
    finally:
        # A start of OGX that fails late leaves databases open, whose threads would keep this process for good.
        end_within(_LONGEST_END)


def _is_for_this_machine(run_yaml: Path) -> bool:
    """Return whether the server listens on loopback or is in our container, and allows no web pages (`server.cors`)."""
    import yaml

    settings = yaml.safe_load(run_yaml.read_text(encoding="utf-8")).get("server") or {}
    return settings.get("host") in ("127.0.0.1", "localhost", "::1", _HOST_OF_RUN_YAML) and not settings.get("cors")


def _guard() -> None:
    """Have the server's app, which uvicorn makes when it starts, refuse the web pages of others."""
    server = importlib.import_module(f"{_PACKAGE}.core.server.server")
    create_app = server.create_app

    def create_guarded_app() -> LocalOnly:
        return LocalOnly(create_app())

    server.create_app = create_guarded_app


if __name__ == "__main__":
    main()

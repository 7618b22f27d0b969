"""Run `llama stack run`, or its successor `ogx run`, as a child process of the workshop.

It imports the server, which takes seconds, while its parent starts the embedded model. The first line on standard
input then lets it continue, because the server asks its upstreams for their models only once, when it starts.
"""

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from llamastack_workshop.server.local_only import LocalOnly
from llamastack_workshop.system.processes import end_with_parent, end_within

_PACKAGE = "ogx" if find_spec("ogx") else "llama_stack"
# For any value of the variable: a container's port is published on its host machine only, see Containerfile.
_HOST_OF_RUN_YAML = "${env.WORKSHOP_HOST:=127.0.0.1}"
_LONGEST_END = 10  # seconds
_COMMAND = ["ogx", "run"] if _PACKAGE == "ogx" else ["llama", "stack", "run"]


def main() -> None:
    # Like `opentelemetry-instrument` for `llama stack run`: it has to run before the imports that it instruments.
    # The environment of another line may not have it.
    if os.environ.get("OTEL_TRACES_EXPORTER") and find_spec("opentelemetry.instrumentation"):
        from opentelemetry.instrumentation import auto_instrumentation

        auto_instrumentation.initialize()
    import_server()
    run(sys.argv[1:])


def import_server() -> None:
    """Import the modules that every server needs: the slow part of a start."""
    importlib.import_module(f"{_PACKAGE}.core.server.server")
    log = importlib.import_module(f"{_PACKAGE}.log")
    # LlamaStack lets rich format each traceback with its source code. For an MCP server that is down, that blocked the
    # server for 3.6 s, against 0.2 s for a plain traceback (2 cores, 2026-11-22). No setting turns it off.
    log.CustomRichHandler.rich_tracebacks = property(lambda handler: False, lambda handler, value: None)
    # Later lines let structlog format it with the values of all variables. For an upstream that is down, that took
    # more than 60 s on a busy machine, against 1.5 s (2026-11-27).
    if find_spec("structlog"):
        dev = importlib.import_module("structlog.dev")
        dev.RichTracebackFormatter.__call__ = lambda _, output, error: dev.plain_traceback(output, error)


def run(arguments: list[str]) -> None:
    """Wait for a line on standard input, then run the server with `arguments` until standard input closes."""
    if not sys.stdin.buffer.readline():
        return
    end_with_parent()
    if _is_for_this_machine(Path(arguments[0])):
        _guard()
    # Drivers that the lab lacks, for one. After the lab's packages, whose versions count.
    if more := os.environ.get("WORKSHOP_PACKAGES"):
        sys.path.append(more)
    sys.argv = [*_COMMAND, *arguments]
    try:
        importlib.import_module(f"{_PACKAGE}.cli.{_COMMAND[0]}").main()
    finally:
        # If OGX fails late in its start, it leaves databases open, whose threads would keep this process alive forever.
        end_within(_LONGEST_END)


def _is_for_this_machine(run_yaml: Path) -> bool:
    """Return whether the server is for this machine only (loopback or our container) and has no `server.cors`."""
    import yaml

    settings = yaml.safe_load(run_yaml.read_text(encoding="utf-8")).get("server") or {}
    return settings.get("host") in ("127.0.0.1", "localhost", "::1", _HOST_OF_RUN_YAML) and not settings.get("cors")


def _guard() -> None:
    """Wrap the server's app, which uvicorn creates when it starts, in `LocalOnly`."""
    server = importlib.import_module(f"{_PACKAGE}.core.server.server")
    create_app = server.create_app

    def create_guarded_app() -> LocalOnly:
        return LocalOnly(create_app())

    server.create_app = create_guarded_app


if __name__ == "__main__":
    main()

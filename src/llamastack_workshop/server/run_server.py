"""Run `llama stack run`, or its successor `ogx run`, as a child process of the workshop.

It imports the server, which takes seconds, while its parent starts the embedded model; the first line on
standard input then lets it go on, because the server asks its upstreams for their models once, at its start.
"""

import importlib
import os
import sys
from importlib.util import find_spec

from llamastack_workshop.system.processes import end_with_parent

_PACKAGE = "ogx" if find_spec("ogx") else "llama_stack"
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


def run(arguments: list[str]) -> None:
    """Wait for a line on standard input, and then serve with the `arguments` of the command until it closes."""
    if not sys.stdin.buffer.readline():
        return
    end_with_parent()
    sys.argv = [*_COMMAND, *arguments]
    importlib.import_module(f"{_PACKAGE}.cli.{_COMMAND[0]}").main()


if __name__ == "__main__":
    main()

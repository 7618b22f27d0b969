"""The code of the LlamaStack Workshop around its lessons.

The packages, from the top layer down; each imports only from those below it:

- `cli`: the `workshop` command
- `exercises`: the checks for the notebooks' exercises
- `proving`: testing and measuring the workshop
- `publishing`: building the site, the slides and the bundle
- `patterns`: the five patterns of chapters 11 to 15, and their commands
- `attending`: the attendee's tools
- `server`: model and server
- `system`: the base layer

Apart from the checks, notebooks import from here: throw-away servers, models and databases, and the differences between
the lines of LlamaStack and OGX.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "line_of": "server.lines",
    "on_postgres": "classroom.throwaway",
    "python_of": "server.stacks",
    "skip_cells": "attending.skipping",
    "throwaway_model": "server.throwaway",
    "throwaway_postgres": "classroom.throwaway",
    "throwaway_server": "server.throwaway",
    "upstream_variables": "server.throwaway",
}

__all__ = [
    "line_of",
    "lines",
    "on_postgres",
    "python_of",
    "skip_cells",
    "throwaway_model",
    "throwaway_postgres",
    "throwaway_server",
    "upstream_variables",
]


def __getattr__(name: str) -> Any:
    # Imported on use, because most commands do not need them.
    if name in _MODULES:
        return getattr(import_module(f"llamastack_workshop.{_MODULES[name]}"), name)
    if name == "lines":
        return import_module("llamastack_workshop.server.lines")
    # The old location, for copies of the welcome page that attendees have changed.
    if name == "progress":
        return import_module("llamastack_workshop.attending.progress")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What the LlamaStack Workshop needs around its lessons.

The rooms, from the top floor down; imports run downwards only:

- `cli`: the `workshop` command
- `exercises`: the checks that the notebooks' exercises call
- `proving`: what tests and measures the workshop
- `publishing`: what makes the site, the slides, the bundle
- `patterns`: the five patterns of chapters 11 to 15, and their commands
- `attending`: what an attendee uses
- `server`: model and server
- `system`: the ground

Notebooks import from here what they need beside the checks: a server or a model for a few lines, and what differs
between the lines of LlamaStack and OGX.
"""

from importlib import import_module
from typing import Any

_MODULES = {"line_of": "lines", "python_of": "stacks"} | dict.fromkeys(
    ["throwaway_model", "throwaway_server", "upstream_variables"], "throwaway"
)

__all__ = ["line_of", "lines", "python_of", "throwaway_model", "throwaway_server", "upstream_variables"]


def __getattr__(name: str) -> Any:
    # On use, because the other commands never try out a server.
    if name in _MODULES:
        return getattr(import_module(f"llamastack_workshop.server.{_MODULES[name]}"), name)
    if name == "lines":
        return import_module("llamastack_workshop.server.lines")
    # Its old place, for copies of the welcome page that somebody has made their own.
    if name == "progress":
        return import_module("llamastack_workshop.attending.progress")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

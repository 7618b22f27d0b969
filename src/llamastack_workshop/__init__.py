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

Notebooks import `throwaway_server` and `throwaway_model` from here.
"""

from importlib import import_module
from typing import Any

__all__ = ["throwaway_model", "throwaway_server"]


def __getattr__(name: str) -> Any:
    # On use, because the other commands never try out a server.
    if name in __all__:
        return getattr(import_module("llamastack_workshop.server.throwaway"), name)
    # Its old place, for copies of the welcome page that somebody has made their own.
    if name == "progress":
        return import_module("llamastack_workshop.attending.progress")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

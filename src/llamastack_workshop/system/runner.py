"""Ending with the program that runs our command for somebody: make, or uv."""

import os
import select
import signal
import sys
import threading
from contextlib import suppress

import psutil

_RUNNERS = {"make", "gmake", "uv"}


def end_with_runner() -> None:
    """Send this process SIGTERM once the make or the uv that runs it is gone, however that ended, or the terminal.

    Where a terminal closes, make may be all that is told, and it waits for us.
    With any other parent this does nothing: a job of a shell may go on when the shell ends.
    """
    parent = os.getppid()
    with suppress(psutil.Error):
        if os.name == "posix" and psutil.Process(parent).name() in _RUNNERS:
            threading.Thread(target=_terminate_after, args=[parent], daemon=True).start()


def _terminate_after(parent: int) -> None:
    terminal = select.poll()
    if sys.stdout.isatty():
        terminal.register(sys.stdout, 0)
    # The system gives us another parent, also where nobody has taken note of the first one's end.
    while os.getppid() == parent and not terminal.poll(1000):
        continue
    os.kill(os.getpid(), signal.SIGTERM)

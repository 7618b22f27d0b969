"""Ending together with the program that runs our command: make or uv."""

import os
import select
import signal
import sys
import threading
from contextlib import suppress

import psutil

_RUNNERS = {"make", "gmake", "uv"}


def end_with_runner() -> None:
    """Send this process SIGTERM once its terminal closes or the make or uv that runs it has ended, even if killed.

    If a terminal closes, the signal may reach only make, which then waits for us.
    With any other parent this does nothing: a shell's background job may outlive the shell.
    """
    parent = os.getppid()
    with suppress(psutil.Error):
        if os.name == "posix" and psutil.Process(parent).name() in _RUNNERS:
            threading.Thread(target=_terminate_after, args=[parent], daemon=True).start()


def _terminate_after(parent: int) -> None:
    terminal = select.poll()
    if sys.stdout.isatty():
        terminal.register(sys.stdout, 0)
    # The system gives us a new parent, even if the old one has not been reaped.
    while os.getppid() == parent and not terminal.poll(1000):
        continue
    os.kill(os.getpid(), signal.SIGTERM)

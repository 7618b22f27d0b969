"""Ending with the program that runs our command for somebody: make, or uv."""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil

_RUNNERS = {"make", "gmake", "uv"}


def end_with_runner() -> None:
    """Send this process SIGTERM once the make or the uv that runs it is gone, also where that was killed.

    With any other parent this does nothing: a job of a shell may go on when the shell ends.
    """
    parent = os.getppid()
    with suppress(psutil.Error):
        if os.name == "posix" and psutil.Process(parent).name() in _RUNNERS:
            threading.Thread(target=_wait_for_another_parent, args=[parent], daemon=True).start()


def _wait_for_another_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)

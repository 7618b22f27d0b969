"""Tie a child process's life to its parent's: when the parent ends, however it ends, the pipe between them closes."""

import os
import signal
import threading
import time

_GRACE = 15  # seconds


def end_with_parent() -> None:
    """Send this process SIGTERM once its standard input closes, so that it shuts down as it would by itself.

    If it has not done so after 15 s, it ends at once.
    """
    threading.Thread(target=_wait_then_terminate, daemon=True).start()


def _wait_then_terminate() -> None:
    # Not sys.stdin: a thread that holds its lock would abort an interpreter that ends by itself.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # A server waits for its requests to end, and one of them may never do.
    time.sleep(_GRACE)
    os._exit(1)

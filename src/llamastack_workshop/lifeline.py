"""Tie a child process's life to its parent's: when the parent ends, however it ends, the pipe between them closes."""

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """Send this process SIGTERM once its standard input closes, so that it shuts down as it would by itself."""
    threading.Thread(target=_wait_then_terminate, daemon=True).start()


def _wait_then_terminate() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)

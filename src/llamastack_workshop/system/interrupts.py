"""Ctrl-C at an unlucky moment: Python drops what is raised while it tidies up an object."""

import _thread
import signal
import sys
import threading
from typing import Any

_SOON = 0.05  # seconds


def keep_interrupts() -> None:
    """Let a Ctrl-C that Python drops come again, a moment later."""
    sys.unraisablehook = _hook


def _hook(dropped: Any) -> None:
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        # Not at once: this function would be left with it, and what it raises is dropped as well.
        threading.Timer(_SOON, _interrupt).start()
    else:
        sys.__unraisablehook__(dropped)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        # This ends a wait in the main thread as well.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()

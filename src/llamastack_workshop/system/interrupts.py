"""Lost interrupts: Python drops a KeyboardInterrupt that is raised inside a finalizer."""

import _thread
import signal
import sys
import threading
from typing import Any

_SOON = 0.05  # seconds


def keep_interrupts() -> None:
    """Repeat a Ctrl-C that Python has dropped, a moment later."""
    sys.unraisablehook = _hook


def _hook(dropped: Any) -> None:
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        # Not immediately: an exception raised in this hook would be dropped as well.
        threading.Timer(_SOON, _interrupt).start()
    else:
        sys.__unraisablehook__(dropped)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        # Unlike interrupt_main, this also ends a blocking call in the main thread.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()

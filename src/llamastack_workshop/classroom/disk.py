"""Whether the disk of a classroom has room: without it, LlamaStack answers 200 and stores nothing.

The readiness check doesn't notice: its rows are small, and find a place in the tables as they are.
"""

import shutil
import threading
from pathlib import Path

from llamastack_workshop.system.errors import Say

_LEAST = 100_000_000  # bytes, for the answers that are being given, and the database's log of them


class Disk:
    """The disk with `folder`; `tell` gets a line when it becomes full, and when it has room again."""

    def __init__(self, folder: Path, tell: Say) -> None:
        self._folder, self._tell = folder, tell
        self._full = False
        self._lock = threading.Lock()

    def has_room(self) -> bool:
        """Return whether there is room for more answers. Once there isn't, twice as much has to become free."""
        free = shutil.disk_usage(self._folder).free
        with self._lock:
            full = free < (2 * _LEAST if self._full else _LEAST)
            if full != self._full:
                self._full = full
                until = f"requests get a 503 until {2 * _LEAST / 1e6:.0f} MB are free"
                self._tell(f"The disk with {self._folder} {f'is full: {until}' if full else 'has room again'}.")
        return not full

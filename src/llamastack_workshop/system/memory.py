"""The memory that is still available to this process."""

from contextlib import suppress
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Return the available memory in bytes: the machine's, or what is left of a container's limit if that is less."""
    free = psutil.virtual_memory().available
    with suppress(OSError, ValueError):
        # Without a limit, the first file says "max".
        left = int((_CGROUP / "memory.max").read_text()) - int((_CGROUP / "memory.current").read_text())
        free = min(free, max(0, left))
    return free

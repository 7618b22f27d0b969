"""How much memory this process may still take."""

from contextlib import suppress
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Return the bytes of memory that are free for us: the machine's, and a container's limit where there is one."""
    free = psutil.virtual_memory().available
    with suppress(OSError, ValueError):
        # Without a limit, the first file says "max".
        left = int((_CGROUP / "memory.max").read_text()) - int((_CGROUP / "memory.current").read_text())
        free = min(free, max(0, left))
    return free

"""How many threads llama.cpp gets on a machine that it shares."""

import math
import os
from pathlib import Path

from llamastack_workshop.system.errors import WorkshopError

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")
# Of no use beyond this for our models: their matrices are too small to split further.
_MAX_THREADS = 4


def thread_count(*, large: bool = False) -> int:
    """Return WORKSHOP_THREADS if it is set, else one core fewer than this process may use (1 to 4).

    A `large` model, which ours are not, may have more than 4.

    llama.cpp's threads wait for each other by spinning, so with as many threads as cores one busy neighbour
    (the server, a kernel, pytest) stalls them all. Measured on 2 cores of an AMD EPYC on 2026-11-22, in tokens
    per second: 2 threads wrote 123 alone and 34 beside a busy process, 1 thread 90 and 92.
    """
    if wanted := os.environ.get("WORKSHOP_THREADS"):
        if not wanted.isdecimal() or wanted == "0":
            raise WorkshopError(
                f"WORKSHOP_THREADS={wanted} is not a number of threads.", "Give 1 or more, or unset it."
            )
        return int(wanted)
    spare = max(1, usable_cores() - 1)
    return spare if large else min(_MAX_THREADS, spare)


def usable_cores() -> int:
    """Return the cores that this process may use: its CPU affinity, and a container's limit where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return min(cores, max(1, math.floor(int(quota) / int(period))))

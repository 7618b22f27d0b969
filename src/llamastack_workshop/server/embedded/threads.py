"""The number of threads for llama.cpp on a machine that it shares with other processes."""

import math
import os
from pathlib import Path

from llamastack_workshop.system.errors import WorkshopError

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")
# Our models do not gain from more threads: their matrices are too small to split further.
_MAX_THREADS = 4


def thread_count(*, large: bool = False) -> int:
    """Return WORKSHOP_THREADS if it is set, otherwise one fewer than the cores that this process may use (1 to 4).

    A `large` model may use more than 4; our models are small.

    llama.cpp's threads spin while they wait for each other, so with as many threads as cores, one other busy process
    (the server, a kernel, pytest) stalls them all. Measured on 2 cores of an AMD EPYC on 2026-11-22, in tokens
    per second: 2 threads wrote 123 alone and 34 next to a busy process, 1 thread 90 and 92.
    Raises WorkshopError if WORKSHOP_THREADS is not a positive number.
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
    """Return the number of cores that this process may use, by its CPU affinity and its container's limit, if any."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return min(cores, max(1, math.floor(int(quota) / int(period))))

"""What this machine is, in the words that a figure is published with."""

import os
import platform
import re
from pathlib import Path


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists() and (match := re.search(r"model name\s*: (.*)", information.read_text())):
        return match[1].strip()
    return platform.processor() or platform.machine()

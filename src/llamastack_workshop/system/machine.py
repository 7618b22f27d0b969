"""The description of this machine that is published with measurements."""

import os
import platform
import re
from pathlib import Path


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Return the processor's model name, or its architecture if the system does not report one."""
    information = Path("/proc/cpuinfo")
    if information.exists() and (match := re.search(r"model name\s*: (.*)", information.read_text())):
        return match[1].strip()
    return platform.processor() or platform.machine()

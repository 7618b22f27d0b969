"""Locks between processes. Not in files.py, which the servers of other lines import: they have no filelock."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from llamastack_workshop.system.errors import Say


@contextmanager
def one_at_a_time(lock_file: Path, say: Say, waiting: str) -> Iterator[None]:
    """Let one process at a time into the block; a process that has to wait calls `say(waiting)` first."""
    lock = FileLock(lock_file, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

"""Notebooks run from top to bottom, on kernels that are reached privately and that no Ctrl-C leaves behind."""

import atexit
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

# A kernel that is reached over TCP warns on standard error that its messages are not encrypted.
CONFIG = Config({"KernelManager": {"transport": "ipc"}} if os.name == "posix" else {})

# How long a cell's outputs may take to arrive once it has run; nbclient would go on without them after 4 s.
_OUTPUTS_TIMEOUT = 60  # seconds

_running: set[NotebookClient] = set()


def execute(notebook: NotebookNode, folder: Path, environment: Mapping[str, str], *, timeout: int) -> None:
    """Execute `notebook` in place, in `folder`; a cell may take `timeout` seconds.

    Call it in a thread of `in_parallel`.
    Raises nbclient's CellExecutionError if a cell fails, CellTimeoutError if it takes too long, and RuntimeError if
    the kernel does not start or ends (DeadKernelError); the outputs so far are then in the notebook.
    """
    with TemporaryDirectory(prefix="kernel-") as sockets:
        # The default is a path relative to a folder that the kernel and this process need not share.
        config = Config({"KernelManager": {"ip": f"{sockets}/kernel"}} if os.name == "posix" else {})
        config.merge(CONFIG)
        client = NotebookClient(
            notebook,
            config=config,
            resources={"metadata": {"path": str(folder)}},
            timeout=timeout,
            iopub_timeout=_OUTPUTS_TIMEOUT,
            raise_on_iopub_timeout=True,
            # Times in the cells' metadata would make it another notebook for Jupyter Book's cache.
            record_timing=False,
        )
        _running.add(client)
        try:
            client.execute(env=dict(environment))
        finally:
            _running.discard(client)
            # nbclient leaves it behind where a kernel is killed while it starts, and trips over it in the end.
            atexit.unregister(client._cleanup_kernel)


def in_parallel[T, R](work: Callable[[T], R], items: Iterable[T], at_once: int, done: Callable[[T, R], None]) -> None:
    """Call `work`, which runs notebooks, with each item, `at_once` at a time, and `done` with each item's result.

    `work` runs in threads, where nbclient leaves the signals alone; `done` does not. If one of them raises, or on
    Ctrl-C, the items that wait are dropped, the kernels are killed, and the exception goes on once they are gone.
    """
    pool = ThreadPoolExecutor(at_once)
    futures = {pool.submit(work, item): item for item in items}
    try:
        for future in as_completed(futures):
            done(futures[future], future.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):
            _kill_kernels()
            time.sleep(0.2)


def _kill_kernels() -> None:
    for client in list(_running):
        # A client that only begins has no kernel yet: the next call finds it.
        if client.km and client.km.has_kernel and psutil.pid_exists(pid := client.km.provisioner.pid):
            psutil.Process(pid).kill()

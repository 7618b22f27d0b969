"""Executing notebooks from top to bottom, on kernels that use private sockets and that Ctrl-C ends."""

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

# A kernel on TCP warns on standard error that its messages are not encrypted.
CONFIG = Config({"KernelManager": {"transport": "ipc"}} if os.name == "posix" else {})

# How long a cell's outputs may take to arrive after it has run; by default, nbclient goes on without them after 4 s.
_OUTPUTS_TIMEOUT = 60  # seconds

_running: set[NotebookClient] = set()


def execute(notebook: NotebookNode, folder: Path, environment: Mapping[str, str], *, timeout: int) -> None:
    """Execute `notebook` in place, with `folder` as its working directory; a cell may take `timeout` seconds.

    Call it in a thread of `in_parallel`.
    Raises nbclient's CellExecutionError if a cell fails, CellTimeoutError if it takes too long, and RuntimeError if
    the kernel does not start or dies (DeadKernelError); the notebook then holds the outputs so far.
    """
    with TemporaryDirectory(prefix="kernel-") as sockets:
        # The default is a relative path, and the kernel's working directory may differ from ours.
        config = Config({"KernelManager": {"ip": f"{sockets}/kernel"}} if os.name == "posix" else {})
        config.merge(CONFIG)
        client = NotebookClient(
            notebook,
            config=config,
            resources={"metadata": {"path": str(folder)}},
            timeout=timeout,
            iopub_timeout=_OUTPUTS_TIMEOUT,
            raise_on_iopub_timeout=True,
            # Timings in the cells' metadata would be a change for Jupyter Book's cache.
            record_timing=False,
        )
        _running.add(client)
        try:
            client.execute(env=dict(environment))
        finally:
            _running.discard(client)
            # nbclient leaves this handler behind if a kernel is killed during its start, and it fails at exit.
            atexit.unregister(client._cleanup_kernel)


def in_parallel[T, R](work: Callable[[T], R], items: Iterable[T], at_once: int, done: Callable[[T, R], None]) -> None:
    """Call `work`, which runs notebooks, on each item, `at_once` at a time, and `done` with each item and its result.

    `work` runs in threads, where nbclient installs no signal handlers; `done` runs in the calling thread. If one of
    them raises, or on Ctrl-C, waiting items are dropped, the kernels are killed, and the exception then propagates.
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
        # A client that has just started has no kernel yet: the next call kills it.
        if client.km and client.km.has_kernel and psutil.pid_exists(pid := client.km.provisioner.pid):
            psutil.Process(pid).kill()

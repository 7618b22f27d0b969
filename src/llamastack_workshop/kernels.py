"""Notebooks run from top to bottom, on kernels that are reached privately."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

# A kernel that is reached over TCP warns on standard error that its messages are not encrypted.
CONFIG = Config({"KernelManager": {"transport": "ipc"}} if os.name == "posix" else {})


def run(notebook: NotebookNode, folder: Path, environment: Mapping[str, str], *, timeout: int) -> None:
    """Execute `notebook` in place, in `folder`; a cell may take `timeout` seconds.

    Raises nbclient's CellExecutionError if a cell fails, CellTimeoutError if it takes too long, and RuntimeError if
    the kernel does not start or ends (DeadKernelError); the outputs so far are then in the notebook.
    """
    with TemporaryDirectory(prefix="kernel-") as sockets:
        # The default is a path relative to a folder that the kernel and this process need not share.
        place = Config({"KernelManager": {"ip": f"{sockets}/kernel"}} if os.name == "posix" else {})
        place.merge(CONFIG)
        resources = {"metadata": {"path": str(folder)}}
        # Times in the cells' metadata would make it another notebook for Jupyter Book's cache.
        client = NotebookClient(notebook, timeout=timeout, config=place, resources=resources, record_timing=False)
        client.execute(env=dict(environment))

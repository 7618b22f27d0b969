"""Notebooks run from top to bottom, on kernels that are reached privately."""

import os
from collections.abc import Mapping
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

# A kernel that is reached over TCP warns on standard error that its messages are not encrypted.
CONFIG = Config({"KernelManager": {"transport": "ipc"}} if os.name == "posix" else {})


def run(notebook: NotebookNode, folder: Path, environment: Mapping[str, str], *, timeout: int) -> None:
    """Execute `notebook` in place, in `folder`; a cell may take `timeout` seconds.

    Raises nbclient's CellExecutionError if a cell fails, CellTimeoutError if it takes too long and DeadKernelError
    if the kernel ends; the outputs so far are then in the notebook.
    """
    client = NotebookClient(notebook, timeout=timeout, config=CONFIG, resources={"metadata": {"path": str(folder)}})
    client.execute(env=dict(environment))

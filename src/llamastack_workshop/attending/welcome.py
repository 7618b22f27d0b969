"""The notebook that JupyterLab opens first: the running server, a first answer, and the attendee's progress."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import nbformat
from nbclient.exceptions import CellControlSignal
from nbformat import NotebookNode

from llamastack_workshop.attending import chapters
from llamastack_workshop.server import upstreams
from llamastack_workshop.system import environment, files, kernels, paths

SOURCE = Path(__file__).with_name("welcome.ipynb")
NAME = "00-welcome.ipynb"

_TIMEOUT = 60  # seconds per cell


def hand_out(base_url: str) -> Path:
    """Put the notebook into `work/`, executed against the server at `base_url`, and return its path.

    A copy whose cells the attendee has changed stays as it is. If a cell fails, the notebook shows its error.
    """
    copy = paths.WORK / NAME
    if copy.exists() and chapters.changed(copy):
        return copy
    notebook = chapters.blank(nbformat.read(SOURCE, as_version=4))
    # If the kernel does not start or dies, that is a RuntimeError.
    with suppress(CellControlSignal, RuntimeError):
        kernels.in_parallel(partial(_execute, base_url), [notebook], 1, lambda *_: None)
    files.write_whole(copy, nbformat.writes(notebook) + "\n")
    return copy


def _execute(base_url: str, notebook: NotebookNode) -> None:
    variables = environment.without(upstreams.secrets()) | {"LLAMA_STACK_BASE_URL": base_url}
    kernels.execute(notebook, paths.WORK, variables, timeout=_TIMEOUT)

"""The notebooks in the form in which the tests run them: each solution is preceded by its blank, which has to fail.

The outputs that nbmake writes into them are used for the book.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from llamastack_workshop.attending.chapters import blank
from llamastack_workshop.publishing import executed
from llamastack_workshop.system import paths

_ADDED = "proof"
_CHECKED = """from llamastack_workshop.exercises.blanks import not_yet

with not_yet():
    {check}"""


@contextmanager
def folder() -> Iterator[Path]:
    """Yield the folder for the proofs of a run: `.proofs/`, or another one while a second run in this clone uses that.

    It is next to `notebooks/`, so that the chapters' relative paths work.
    """
    paths.WORKSHOP_HOME.mkdir(parents=True, exist_ok=True)
    lock = FileLock(paths.WORKSHOP_HOME / "proofs.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with tempfile.TemporaryDirectory(prefix=".proofs-", dir=paths.ROOT) as own:
            yield Path(own)
    else:
        with lock:
            yield paths.ROOT / ".proofs"


def write(folder: Path, notebooks: list[Path]) -> None:
    """Write the proof of each of `notebooks` to `folder`, which is emptied first.

    Raises WorkshopError if a cell has one solution marker without the other.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for notebook in notebooks:
        nbformat.write(proof(executed.to_execute(notebook)), folder / notebook.name)


def proof(chapter: NotebookNode) -> NotebookNode:
    """Return a copy of `chapter` with two additional cells before each solution: its blank, and the check of that.

    In a chapter, the check is the cell after the solution, a single expression.
    """
    copy, cells = nbformat.from_dict(chapter), []
    for cell, unsolved, after in zip(copy.cells, blank(chapter).cells, [*copy.cells[1:], None], strict=True):
        if cell.source != unsolved.source:
            cells += [_added(unsolved.source), _added(_CHECKED.format(check=after.source))]
        cells.append(cell)
    copy.cells = cells
    return copy


def hand_to_the_book(folder: Path) -> None:
    """Save the outputs of each chapter whose proof in `folder` ran to its end, for the book."""
    for file in folder.glob("*.ipynb"):
        ran = nbformat.read(file, as_version=4)
        if _ran_to_its_end(ran):
            ran.cells = [cell for cell in ran.cells if not cell.metadata.get(_ADDED)]
            executed.save(file.name, ran)


def _added(source: str) -> NotebookNode:
    return new_code_cell(source, metadata={_ADDED: True})


def _ran_to_its_end(notebook: NotebookNode) -> bool:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    return all(cell.execution_count for cell in code) and not any(one.output_type == "error" for one in outputs)

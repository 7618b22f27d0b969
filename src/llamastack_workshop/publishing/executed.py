"""The chapters with their outputs, for the site and the slides: as long as they are what a run would give again."""

import hashlib
import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from llamastack_workshop.server import upstreams
from llamastack_workshop.system import paths

# Beside its own file, what every chapter runs on, and of the rest what its code names.
_ALWAYS = ("run.yaml", "requirements", "src/llamastack_workshop")
_NAMED = ("book", "clients", "comparison", "stacks")
_IN_NO_CHAPTER = ("cli.py", "proving", "publishing", "__pycache__", ".ipynb_checkpoints")


def to_execute(chapter: Path) -> NotebookNode:
    """Return `chapter`, marked with what its outputs will depend on, for `save` and `kept`."""
    notebook = nbformat.read(chapter, as_version=4)
    if _on_the_embedded_model():
        notebook.metadata["workshop"] = {"executed": _digest(chapter)}
    return notebook


def save(name: str, ran: NotebookNode, *, to_its_end: bool = True) -> Path:
    """Keep `ran`, the chapter of the file `name` with its outputs, in `_build/executed`, and return the file there.

    One that was not executed `to_its_end` is there to be looked at: `kept` does not take it.
    """
    for cell in ran.cells:
        # When it ran is no part of it.
        cell.metadata.pop("execution", None)
    if not to_its_end:
        ran.metadata.pop("workshop", None)
    file = paths.EXECUTED / name
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(ran, file)
    return file


def kept(chapter: Path) -> NotebookNode | None:
    """Return `chapter` with the outputs that were saved, if nothing has changed since on which they depend.

    The embedded model gives the same again: with another one, each run counts for itself, and this is None.
    """
    file = paths.EXECUTED / chapter.name
    if not file.exists() or not _on_the_embedded_model():
        return None
    ran = nbformat.read(file, as_version=4)
    return ran if ran.metadata.get("workshop", {}).get("executed") == _digest(chapter) else None


def _on_the_embedded_model() -> bool:
    return not upstreams.chosen(upstreams.default_choice()) and not os.environ.get("WORKSHOP_MODEL")


def _digest(chapter: Path) -> str:
    """Return a digest of everything that decides on the outputs of `chapter`."""
    cells = nbformat.read(chapter, as_version=4).cells
    code = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    named = [name for name in _NAMED if re.search(rf"\b{name}\b", code)]
    digest = hashlib.sha256(code.encode())
    for file in _files([*_ALWAYS, *named]):
        digest.update(f"\0{file.relative_to(paths.ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _files(names: list[str]) -> list[Path]:
    found = [file for name in names for file in [paths.ROOT / name, *(paths.ROOT / name).rglob("*")]]
    # The folder of the repository may be called anything.
    parts = {file: set(file.relative_to(paths.ROOT).parts) for file in found if file.is_file()}
    return sorted(file for file in parts if not parts[file] & set(_IN_NO_CHAPTER))

"""The executed chapters, for the site and the slides, as long as another run would give the same outputs."""

import hashlib
import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from llamastack_workshop.server import upstreams
from llamastack_workshop.system import paths

# In addition to its own file, a chapter depends on the files in _ALWAYS, and on those in _NAMED that its code names.
_ALWAYS = ("run.yaml", "requirements", "src/llamastack_workshop")
_NAMED = ("book", "clients", "comparison", "stacks")
_IN_NO_CHAPTER = ("cli.py", "proving", "publishing", "__pycache__", ".ipynb_checkpoints")


def to_execute(chapter: Path) -> NotebookNode:
    """Return `chapter`, marked with a digest of everything that its outputs depend on, for `save` and `kept`."""
    notebook = nbformat.read(chapter, as_version=4)
    if _on_the_embedded_model():
        notebook.metadata["workshop"] = {"executed": _digest(chapter)}
    return notebook


def save(name: str, ran: NotebookNode, *, to_its_end: bool = True) -> Path:
    """Write `ran`, the chapter in the file `name` with its outputs, to `_build/executed`, and return its path there.

    A chapter that was not executed `to_its_end` is only for inspection: `kept` ignores it.
    """
    for cell in ran.cells:
        # Timestamps would be a change.
        cell.metadata.pop("execution", None)
    if not to_its_end:
        ran.metadata.pop("workshop", None)
    file = paths.EXECUTED / name
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(ran, file)
    return file


def kept(chapter: Path) -> NotebookNode | None:
    """Return `chapter` with its saved outputs, if nothing that they depend on has changed since.

    Only the embedded model is deterministic: with any other model, this returns None.
    """
    file = paths.EXECUTED / chapter.name
    if not file.exists() or not _on_the_embedded_model():
        return None
    ran = nbformat.read(file, as_version=4)
    return ran if ran.metadata.get("workshop", {}).get("executed") == _digest(chapter) else None


def _on_the_embedded_model() -> bool:
    return not upstreams.chosen(upstreams.default_choice()) and not os.environ.get("WORKSHOP_MODEL")


def _digest(chapter: Path) -> str:
    """Return a digest of everything that the outputs of `chapter` depend on."""
    cells = nbformat.read(chapter, as_version=4).cells
    code = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    named = [name for name in _NAMED if re.search(rf"\b{name}\b", code)]
    digest = hashlib.sha256(code.encode())
    for file in _files([*_ALWAYS, *named]):
        digest.update(f"\0{file.relative_to(paths.ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _files(names: list[str]) -> list[Path]:
    found = [file for name in names for file in [paths.ROOT / name, *(paths.ROOT / name).rglob("*")]]
    # Relative paths, because the repository's folder may have any name.
    parts = {file: set(file.relative_to(paths.ROOT).parts) for file in found if file.is_file()}
    return sorted(file for file in parts if not parts[file] & set(_IN_NO_CHAPTER))

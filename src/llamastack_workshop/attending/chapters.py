"""The chapters: the repository's notebooks, which contain solutions, and the attendee's copies, which do not.

A solution is in a code cell between the lines `### BEGIN SOLUTION` and `### END SOLUTION`, which are nbgrader's markers
(https://nbgrader.readthedocs.io/en/stable/user_guide/creating_and_grading_assignments.html).
"""

import hashlib
import itertools
import os
import re
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.files import write_whole

_SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)
_BLANK = r"\1pass  # your code here"


def chapters() -> list[Path]:
    """Return the repository's notebooks in reading order."""
    return sorted(paths.NOTEBOOKS.glob("*.ipynb"))


def blank(notebook: NotebookNode) -> NotebookNode:
    """Return an attendee's copy of `notebook`, with each solution replaced by a line to fill in.

    Raises WorkshopError if a cell has one marker without the other.
    """
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if "SOLUTION" not in cell.source:
            continue
        cell.source = _SOLUTION.sub(_BLANK, cell.source)
        if "SOLUTION" in cell.source:
            raise WorkshopError(
                f"Cell {cell.id} has a solution marker without its counterpart.",
                "Write ### BEGIN SOLUTION and ### END SOLUTION on separate lines.",
            )
        # On the site, the tags collapse the solution; an attendee's blank must be visible.
        cell.metadata = {}
    copy.metadata["workshop"] = {"handed_out": _digest(copy)}
    return copy


def hand_out(folder: Path | None = None) -> None:
    """Put copies of the chapters, without solutions, into `folder`, by default `work/`.

    A copy whose cells the attendee has changed is never touched; any other is updated when its chapter changes.
    Raises WorkshopError if it exists and is not a folder.
    """
    folder = folder or paths.WORK
    if folder.exists() and not folder.is_dir():
        raise WorkshopError(f"{folder} is a file, and your copies of the chapters belong there.", "Rename it.")
    folder.mkdir(exist_ok=True)
    for chapter in chapters():
        target = folder / chapter.name
        fresh = blank(nbformat.read(chapter, as_version=4))
        # An unchanged copy of the same version stays, because it may contain outputs.
        if not target.exists() or _handed_out(target) not in (None, _digest(fresh)):
            _write(fresh, target)


def changed(copy: Path) -> bool:
    """Return whether the cells of `copy` have changed since it was handed out."""
    return _handed_out(copy) is None


def find(name: str) -> Path:
    """Return the chapter whose number is `name`, or whose file name contains it.

    Raises WorkshopError if there is none, or if there are several.
    """
    # With more than nine chapters, "1" is in several names.
    numbered = [c for c in chapters() if c.stem.split("-")[0].lstrip("0") == name.lstrip("0")]
    found = numbered or [c for c in chapters() if name in c.stem]
    if len(found) != 1:
        raise WorkshopError(
            f"There is no chapter {name!r}." if not found else f"{name!r} matches several chapters.",
            f"Choose a number from 1 to {len(chapters())}, or a part of a name in {paths.NOTEBOOKS.name}/.",
        )
    return found[0]


def reset(name: str) -> tuple[Path, Path | None]:
    """Hand out a fresh copy of a chapter; return its path, and the path of the attendee's version if they changed it.

    `name` is as in `find`. Raises WorkshopError if no chapter matches, or if there is no copy to reset.
    """
    chapter = find(name)
    target = paths.WORK / chapter.name
    if not target.exists():
        raise WorkshopError(f"There is no {target.relative_to(paths.ROOT)} yet.", "Get your copies with: make lab")
    fresh = blank(nbformat.read(chapter, as_version=4))
    if not changed(target):
        _write(fresh, target)
        return target, None
    # The fresh copy is completely written before theirs is renamed, and theirs never overwrites an earlier version.
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _write(fresh, part)
        kept = _unused(target.with_stem(f"{target.stem}-{time.strftime('%Y%m%d-%H%M%S')}"))
        target.rename(kept)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target, kept


def _unused(wanted: Path) -> Path:
    names = (wanted.with_stem(f"{wanted.stem}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain([wanted], names) if not path.exists())


def _write(notebook: NotebookNode, target: Path) -> None:
    write_whole(target, nbformat.writes(notebook) + "\n")


def _handed_out(copy: Path) -> str | None:
    """Return the digest with which `copy` was handed out, or None if its cells have changed since."""
    try:
        notebook = nbformat.read(copy, as_version=4)
        digest = _digest(notebook)
        return digest if digest == notebook.metadata.get("workshop", {}).get("handed_out") else None
    # The file may contain anything by now, and nbformat may raise anything: treat it as changed.
    except Exception:
        return None


def _digest(notebook: NotebookNode) -> str:
    sources = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in notebook.cells)
    return hashlib.sha256(sources.encode()).hexdigest()

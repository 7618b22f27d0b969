"""The chapters: the repository's notebooks, written with solutions, and an attendee's copies, derived without.

A solution stands in a code cell between the lines `### BEGIN SOLUTION` and `### END SOLUTION`, the markers
that nbgrader introduced (https://nbgrader.readthedocs.io/en/stable/user_guide/creating_and_grading_assignments.html).
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
    """Return a copy of `notebook` as an attendee gets it: each solution replaced by a line to fill in.

    Raises WorkshopError if a cell has one marker without the other.
    """
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if "SOLUTION" not in cell.source:
            continue
        cell.source = _SOLUTION.sub(_BLANK, cell.source)
        if "SOLUTION" in cell.source:
            raise WorkshopError(
                f"Cell {cell.id} has a solution marker without its partner.",
                "Write ### BEGIN SOLUTION and ### END SOLUTION on lines of their own.",
            )
        # On the site these fold the solution away; an attendee's blank must be in sight.
        cell.metadata = {}
    copy.metadata["workshop"] = {"handed_out": _digest(copy)}
    return copy


def hand_out(folder: Path | None = None) -> None:
    """Put blank chapters into `folder`, which is by default `work/`.

    A copy whose cells somebody has changed is never touched; any other follows its chapter when that changes.
    Raises WorkshopError if it cannot be a folder.
    """
    folder = folder or paths.WORK
    if folder.exists() and not folder.is_dir():
        raise WorkshopError(f"{folder} is a file, and your copies of the chapters belong there.", "Rename it.")
    folder.mkdir(exist_ok=True)
    for chapter in chapters():
        target = folder / chapter.name
        fresh = blank(nbformat.read(chapter, as_version=4))
        # An untouched copy of the same chapter stays, because it may hold outputs.
        if not target.exists() or _handed_out(target) not in (None, _digest(fresh)):
            _write(fresh, target)


def changed(copy: Path) -> bool:
    """Return whether somebody has changed the cells of `copy` since it was handed out."""
    return _handed_out(copy) is None


def find(name: str) -> Path:
    """Return the chapter whose number is `name`, or whose file name has it in it.

    Raises WorkshopError if there is none, or if there are several.
    """
    # With more than nine chapters, "1" stands in many names.
    numbered = [c for c in chapters() if c.stem.split("-")[0].lstrip("0") == name.lstrip("0")]
    found = numbered or [c for c in chapters() if name in c.stem]
    if len(found) != 1:
        raise WorkshopError(
            f"There is no chapter {name!r}." if not found else f"{name!r} could be several chapters.",
            f"Choose a number from 1 to {len(chapters())}, or a part of one name in {paths.NOTEBOOKS.name}/.",
        )
    return found[0]


def reset(name: str) -> tuple[Path, Path | None]:
    """Hand out a chapter afresh; return the new file and where the attendee's version is kept, if they changed it.

    `name` is what `find` takes. Raises WorkshopError if no chapter matches, or if there is no copy to reset.
    """
    chapter = find(name)
    target = paths.WORK / chapter.name
    if not target.exists():
        raise WorkshopError(f"There is no {target.relative_to(paths.ROOT)} yet.", "Get your copies with: make lab")
    fresh = blank(nbformat.read(chapter, as_version=4))
    if not changed(target):
        _write(fresh, target)
        return target, None
    # The fresh one is whole on the disk before theirs moves, and theirs never takes the place of an earlier one.
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
    """Return the digest of what was handed out as `copy`, or None if its cells are no longer that."""
    try:
        notebook = nbformat.read(copy, as_version=4)
        digest = _digest(notebook)
        return digest if digest == notebook.metadata.get("workshop", {}).get("handed_out") else None
    # Whatever it is by now, and nbformat raises whatever that makes it trip over: it is the attendee's.
    except Exception:
        return None


def _digest(notebook: NotebookNode) -> str:
    sources = "\0".join(f"{cell.cell_type}\0{cell.source}" for cell in notebook.cells)
    return hashlib.sha256(sources.encode()).hexdigest()

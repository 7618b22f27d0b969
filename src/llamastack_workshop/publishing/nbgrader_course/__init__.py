"""The chapters as an nbgrader course: an assignment for each chapter, with a point for each exercise.

nbgrader reads the role of a cell from its metadata
(https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html). It derives the students' version from the
solution markers in the chapters, and removes the text between the markers of hidden tests.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from llamastack_workshop.attending import chapters
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.files import write_whole

SETTINGS = "nbgrader_config.py"
# An instructor may change it in the course's source.
POINTS = 1

_HERE = Path(__file__).parent
_CHECK = re.compile(r"^check\.(?!questions\()\w+\(")
_IMPORT = re.compile(r"^from llamastack_workshop\.exercises import \w+ as check$", re.MULTILINE)
# In the cell itself, so that a blank gets no points even in a course with other settings. Students get the cell without
# it: their check names the problem, and the notebook continues.
_HIDDEN_TEST = """### BEGIN HIDDEN TESTS
import os

os.environ["WORKSHOP_CHECKS"] = "raise"
### END HIDDEN TESTS
"""


def export(folder: Path, names: list[str]) -> list[str]:
    """Write the chapters in `names` (all, if it is empty) to the new or empty `folder`; return their assignments.

    The folder also gets nbgrader's settings, and a README with the next commands. Raises WorkshopError if the folder
    isn't empty or is a file, or if a chapter doesn't exist.
    """
    wanted = list(dict.fromkeys(map(chapters.find, names))) or chapters.chapters()
    assignments = [chapter.stem for chapter in wanted]
    with _whole_or_nothing(folder):
        for chapter in wanted:
            target = folder / "source" / chapter.stem / chapter.name
            target.parent.mkdir(parents=True)
            write_whole(target, nbformat.writes(assignment(nbformat.read(chapter, as_version=4))) + "\n")
        write_whole(folder / SETTINGS, (_HERE / SETTINGS).read_text(encoding="utf-8"))
        readme = (_HERE / "course_readme.md").read_text(encoding="utf-8")
        write_whole(folder / "README.md", readme.format(folder=_from_here(folder), assignment=assignments[0]))
    return assignments


def assignment(chapter: NotebookNode) -> NotebookNode:
    """Return a copy of `chapter` with nbgrader's metadata in its cells.

    Solutions are replaced, and checks are graded. The imports and parameters are locked, because the checks depend on
    them. Students may change everything else, including the quick check, which has no points. Raises WorkshopError if a
    cell has only one of the two markers of a solution.
    """
    copy = nbformat.from_dict(chapter)
    for cell, blank in zip(copy.cells, chapters.blank(chapter).cells, strict=True):
        if cell.cell_type != "code":
            continue
        if cell.source != blank.source:
            # On the site, the tags collapse the solution.
            cell.metadata = {"nbgrader": _metadata(cell, solution=True)}
        elif _CHECK.match(cell.source):
            cell.source = _HIDDEN_TEST + cell.source
            cell.metadata["nbgrader"] = _metadata(cell, grade=True, locked=True, points=POINTS)
        elif _IMPORT.search(cell.source) or "parameters" in cell.metadata.get("tags", []):
            cell.metadata["nbgrader"] = _metadata(cell, locked=True)
    return copy


def _metadata(cell: NotebookNode, **what: Any) -> dict[str, Any]:
    neither = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"schema_version": 3, "grade_id": cell.id, **neither, **what}


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[None]:
    """Create `folder` for the block unless it exists and is empty; if the block raises, restore the previous state."""
    if folder.exists() and not folder.is_dir():
        raise WorkshopError(f"{folder} is a file.", "Give a new or empty folder.")
    was_there = folder.exists()
    if was_there and any(folder.iterdir()):
        raise WorkshopError(
            f"{folder} isn't empty: it may contain a course with submissions.", "Give a new or empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        if was_there:
            folder.mkdir()
        raise


def _from_here(folder: Path) -> str:
    """Return the path of `folder` for a command in the workshop's folder."""
    absolute = folder.absolute()
    near = absolute.is_relative_to(paths.ROOT)
    return shlex.quote(str(absolute.relative_to(paths.ROOT) if near else absolute))

"""Attendees' copies of the chapters: derived blank, followed, never lost."""

from pathlib import Path

import nbformat
import pytest

from llamastack_workshop.attending import chapters
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError


def test_a_lone_marker_is_an_error() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1", id="lone")])
    with pytest.raises(WorkshopError, match="lone"):
        chapters.blank(notebook)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one chapter."""
    (tmp_path / "notebooks").mkdir()
    for name, place in {"ROOT": tmp_path, "NOTEBOOKS": tmp_path / "notebooks", "WORK": tmp_path / "work"}.items():
        monkeypatch.setattr(paths, name, place)
    write_chapter(tmp_path, "### BEGIN SOLUTION\nx = 1\n### END SOLUTION")
    return tmp_path


def write_chapter(repository: Path, source: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="a")])
    nbformat.write(notebook, repository / "notebooks" / "01-first.ipynb")


def source(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source


def test_copies_follow_the_chapters_until_somebody_works_on_them(repository: Path) -> None:
    copy = repository / "work" / "01-first.ipynb"
    chapters.hand_out()
    assert source(copy) == "pass  # your code here"

    run = nbformat.read(copy, as_version=4)
    run.cells[0].execution_count = 5
    nbformat.write(run, copy)
    chapters.hand_out()
    assert nbformat.read(copy, as_version=4).cells[0].execution_count == 5

    write_chapter(repository, "y = 2")
    chapters.hand_out()
    assert source(copy) == "y = 2"

    notebook = nbformat.read(copy, as_version=4)
    notebook.cells[0].source = "my own work"
    nbformat.write(notebook, copy)
    write_chapter(repository, "z = 3")
    chapters.hand_out()
    assert source(copy) == "my own work"

    fresh, kept = chapters.reset("1")
    assert (source(fresh), source(kept)) == ("z = 3", "my own work")


def test_reset_says_which_chapters_there_are(repository: Path) -> None:
    with pytest.raises(WorkshopError, match="There is no chapter") as caught:
        chapters.reset("9")
    assert "1 to 1" in caught.value.fix

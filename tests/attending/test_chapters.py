"""Attendees' copies of the chapters: they have blanks, are kept up to date, and are never lost."""

from pathlib import Path

import nbformat
import pytest
from in_process import call

from llamastack_workshop import cli
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


def test_reset_never_loses_what_somebody_wrote(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = repository / "work" / "01-first.ipynb"
    chapters.hand_out()
    assert chapters.reset("1") == (copy, None)
    monkeypatch.setattr(chapters.time, "strftime", lambda form: "now")
    written = ["first", "second", "third"]
    for text in written:
        copy.write_text(text, encoding="utf-8")
        chapters.reset("1")
    kept = sorted(path.read_text(encoding="utf-8") for path in copy.parent.glob("01-first-now*.ipynb"))
    assert kept == sorted(written)

    copy.write_text("fourth", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chapters, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        chapters.reset("1")
    assert copy.read_text(encoding="utf-8") == "fourth"


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\x89PNG\xff\xfe", b'{"cells": 3}', b"[" * 100_000])
def test_a_damaged_copy_is_left_alone_and_stops_nobody(repository: Path, content: bytes) -> None:
    copy = repository / "work" / "01-first.ipynb"
    copy.parent.mkdir()
    copy.write_bytes(content)
    chapters.hand_out()
    assert copy.read_bytes() == content
    fresh, kept = chapters.reset("1")
    assert source(fresh) == "pass  # your code here" and kept.read_bytes() == content


def test_a_file_where_the_copies_belong(repository: Path) -> None:
    (repository / "work").write_text("mine", encoding="utf-8")
    with pytest.raises(WorkshopError, match="work is a file") as caught:
        chapters.hand_out()
    assert caught.value.fix == "Rename it."


def test_reset_without_a_chapter_says_how() -> None:
    result = call(cli.app, "reset")
    assert result.exception.fix == "For chapter 2: make reset CHAPTER=2 (or: workshop reset 2)"

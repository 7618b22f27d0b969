"""The exercises: blanks derived from solutions, checks that help, copies that are never lost."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mistakes import MISTAKES
from mistakes_infrastructure import INFRASTRUCTURE
from nbclient import NotebookClient
from openai import OpenAI

from llamastack_workshop.attending import chapters
from llamastack_workshop.exercises.check import NotYet
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

NOTEBOOKS = chapters.chapters()
IDS = [path.stem for path in NOTEBOOKS]


def cells(notebook: nbformat.NotebookNode, pattern: str) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and re.search(pattern, cell.source)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_each_solution_is_followed_by_its_check(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    solutions, checks = cells(notebook, "### BEGIN SOLUTION"), cells(notebook, r"^check\.")
    assert len(solutions) >= 2
    assert checks == [index + 1 for index in solutions]
    assert all("hide-input" in notebook.cells[index].metadata.tags for index in solutions)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_blank_differs_from_its_solution_in_the_solution_alone(path: Path) -> None:
    solved = nbformat.read(path, as_version=4)
    blank = chapters.blank(solved)
    assert not cells(blank, "SOLUTION")
    differing = [i for i, cell in enumerate(solved.cells) if cell.source != blank.cells[i].source]
    assert differing == cells(solved, "### BEGIN SOLUTION")
    assert all("pass  # your code here" in blank.cells[index].source for index in differing)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_blank_runs_to_its_end_and_each_check_fails_with_a_message(
    path: Path, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CHECKS", "")
    monkeypatch.setenv("LLAMA_STACK_BASE_URL", base_url)
    blank = chapters.blank(nbformat.read(path, as_version=4))
    NotebookClient(blank, timeout=300, resources={"metadata": {"path": str(paths.NOTEBOOKS)}}).execute()
    for index in cells(blank, r"^check\."):
        shown = blank.cells[index].outputs[-1]["data"]["text/plain"]
        assert shown.startswith("✗ Not yet: ") and "raised" not in shown


def test_a_lone_marker_is_an_error() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1", id="lone")])
    with pytest.raises(WorkshopError, match="lone"):
        chapters.blank(notebook)


@pytest.mark.parametrize(("check", "wrong", "message"), MISTAKES + INFRASTRUCTURE)
def test_a_common_mistake_is_named(check: Any, wrong: Any, message: str, client: OpenAI, model: str) -> None:
    with pytest.raises(NotYet, match=re.escape(message)):
        check(*wrong(client, model))


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

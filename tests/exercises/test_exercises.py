"""The exercises: blanks are derived from solutions, and each is followed by a check that fails with a message."""

import re
import symtable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from llamastack_workshop.attending import chapters
from llamastack_workshop.system import paths

NOTEBOOKS = chapters.chapters()
IDS = [path.stem for path in NOTEBOOKS]


def cells(notebook: nbformat.NotebookNode, pattern: str) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and re.search(pattern, cell.source)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_each_solution_is_followed_by_its_check(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    solutions, checks = cells(notebook, "### BEGIN SOLUTION"), cells(notebook, r"^check\.(?!questions)")
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


def table_of(code: str) -> symtable.SymbolTable:
    return symtable.symtable(code, "cell", "exec")


def bound(cell: symtable.SymbolTable) -> set[str]:
    """Return the names that a cell defines for later cells."""
    return {symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def used(scope: symtable.SymbolTable) -> set[str]:
    """Return the names of the notebook that a cell uses, in any scope."""
    is_outermost = scope.get_type() == "module"
    symbols = [symbol for symbol in scope.get_symbols() if symbol.is_referenced()]
    own = {symbol.get_name() for symbol in symbols if is_outermost or symbol.is_global()}
    return own.union(*map(used, scope.get_children()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_no_later_cell_uses_a_name_that_only_a_solution_binds(path: Path) -> None:
    solved = nbformat.read(path, as_version=4)
    blank = chapters.blank(solved)
    for index in cells(solved, "### BEGIN SOLUTION"):
        only_solved = bound(table_of(solved.cells[index].source)) - bound(table_of(blank.cells[index].source))
        later = [table_of(cell.source) for cell in solved.cells[index + 1 :] if cell.cell_type == "code"]
        assert not only_solved & set().union(*map(used, later))


@pytest.mark.whole_blanks
@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_blank_runs_to_its_end_and_each_check_fails_with_a_message(
    path: Path, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CHECKS", "")
    monkeypatch.setenv("LLAMA_STACK_BASE_URL", base_url)
    blank = chapters.blank(nbformat.read(path, as_version=4))
    NotebookClient(blank, timeout=300, resources={"metadata": {"path": str(paths.NOTEBOOKS)}}).execute()
    for index in cells(blank, r"^check\.(?!questions)"):
        shown = blank.cells[index].outputs[-1]["data"]["text/plain"]
        assert shown.startswith("✗ Not yet: ") and "raised" not in shown

"""Proofs: a chapter runs with its blanks before its solutions, and the book uses the outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from llamastack_workshop.proving import proofs
from llamastack_workshop.publishing import executed
from llamastack_workshop.system import kernels, paths

CHECK = """
from types import SimpleNamespace
from llamastack_workshop.exercises.check import exercise, require

@exercise
def doubled(double):
    {body}
    return "it doubles"

check = SimpleNamespace(doubled=doubled)
"""
SOLUTION = "def double(n):\n    ### BEGIN SOLUTION\n    return 2 * n\n    ### END SOLUTION"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with chapters and the embedded model, in a folder that has the name of a package's folder."""
    tmp_path = tmp_path / "publishing"
    tmp_path.mkdir()
    places = {"ROOT": "", "NOTEBOOKS": "notebooks", "PROOFS": ".proofs", "EXECUTED": "_build/executed"}
    for name, place in places.items():
        monkeypatch.setattr(paths, name, tmp_path / place)
    monkeypatch.setenv("WORKSHOP_UPSTREAM", "embedded")
    paths.NOTEBOOKS.mkdir()
    (tmp_path / "run.yaml").write_text("version: 2\n")
    return tmp_path


def chapter(body: str) -> NotebookNode:
    cells = [new_code_cell(CHECK.format(body=body)), new_code_cell(SOLUTION), new_code_cell("check.doubled(double)")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=[new_markdown_cell("# A chapter"), *cells], metadata=kernel)


def run(notebook: NotebookNode, folder: Path) -> None:
    kernels.execute(notebook, folder, {**os.environ, "WORKSHOP_CHECKS": "raise"}, timeout=60)


def test_the_book_gets_the_outputs_of_a_proof_without_what_the_proof_added(repository: Path) -> None:
    file = paths.NOTEBOOKS / "01-doubling.ipynb"
    nbformat.write(chapter("require(double(2) == 4, 'no')"), file)
    proofs.write(paths.PROOFS, [file])
    proof = nbformat.read(paths.PROOFS / file.name, as_version=4)
    run(proof, repository)
    nbformat.write(proof, paths.PROOFS / file.name)
    proofs.hand_to_the_book(paths.PROOFS)
    kept = executed.kept(file)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in nbformat.read(file, as_version=4).cells]
    assert kept.cells[-1].outputs[0].data["text/plain"] == "✓ Right: it doubles"


def test_a_run_within_a_run_leaves_its_proofs_alone(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "WORKSHOP_HOME", repository / ".workshop")
    with proofs.folder() as first, proofs.folder() as second:
        assert first == repository / ".proofs" and second.parent == repository and second != first
    assert not second.exists()
    with proofs.folder() as again:
        assert again == first


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "The check accepts a blank"),
        ("require(double(2) == 4, 'running your code raised TypeError')", "The check of a blank says"),
        ("len(double(2))", "The check itself failed"),
    ],
)
def test_a_check_that_judges_a_blank_wrongly_fails_the_proof(body: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match=said):
        run(proofs.proof(chapter(body)), tmp_path)


def test_a_proof_that_failed_gives_the_book_nothing(repository: Path) -> None:
    file = paths.NOTEBOOKS / "01-doubling.ipynb"
    nbformat.write(chapter("pass"), file)
    proofs.write(paths.PROOFS, [file])
    proofs.hand_to_the_book(paths.PROOFS)
    assert executed.kept(file) is None


def test_outputs_are_kept_until_something_changes_on_which_they_depend(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = paths.NOTEBOOKS / "01-stacks.ipynb"
    notebook = new_notebook(cells=[new_markdown_cell("# One"), new_code_cell("print('../stacks/ours.yaml')")])
    nbformat.write(notebook, file)
    executed.save(file.name, executed.to_execute(file))
    assert executed.kept(file)

    notebook.cells[0].source = "# Another text"
    nbformat.write(notebook, file)
    (repository / "book").mkdir()
    (repository / "book" / "page.md").write_text("A page that this chapter does not read.")
    assert executed.kept(file)

    (repository / "stacks").mkdir()
    (repository / "stacks" / "ours.yaml").write_text("version: 2\n")
    assert executed.kept(file) is None
    executed.save(file.name, executed.to_execute(file))
    assert executed.kept(file)

    monkeypatch.setenv("WORKSHOP_MODEL", "another.gguf")
    assert executed.kept(file) is None
    monkeypatch.delenv("WORKSHOP_MODEL")
    notebook.cells[1].source = "print(2)"
    nbformat.write(notebook, file)
    assert executed.kept(file) is None

    executed.save(file.name, executed.to_execute(file), to_its_end=False)
    assert executed.kept(file) is None

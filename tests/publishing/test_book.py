"""The execution of the chapters for the site: Jupyter Book finds all of them, and an error names its chapter."""

import os
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

from llamastack_workshop.publishing import book
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for chapters, in a temporary repository."""
    places = {(paths, "ROOT"): "", (paths, "NOTEBOOKS"): "notebooks"}
    places |= {(paths, "EXECUTED"): "_build/executed", (book, "_CACHE"): "_build/.jupyter_cache"}
    for (module, name), place in places.items():
        monkeypatch.setattr(module, name, tmp_path / place)
    paths.NOTEBOOKS.mkdir()
    return paths.NOTEBOOKS


def write(path: Path, source: str) -> None:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(source)], metadata=kernel), path)


def test_jupyter_book_finds_what_was_executed(notebooks: Path) -> None:
    for number in (1, 2, 3):
        write(notebooks / f"0{number}-chapter.ipynb", f"print({number} * 7, __import__('os').getcwd())")
    chapters = sorted(notebooks.iterdir())
    book.execute_chapters(chapters, os.environ, print)
    book.fill_cache(chapters)
    cache = get_cache(book._CACHE)
    for number, chapter in enumerate(chapters, start=1):
        _, found = cache.merge_match_into_notebook(nbformat.read(chapter, as_version=4))
        assert found.cells[0].outputs[0].text == f"{number * 7} {notebooks}\n"


def test_a_chapter_that_fails_is_named_and_shows_where(notebooks: Path) -> None:
    write(notebooks / "01-fails.ipynb", "print('so far')\nassert 1 == 2, 'not equal'")
    with pytest.raises(WorkshopError, match="01-fails failed: AssertionError: not equal") as caught:
        book.execute_chapters([notebooks / "01-fails.ipynb"], os.environ, print)
    assert "_build/executed/01-fails.ipynb" in caught.value.fix
    outputs = nbformat.read(paths.EXECUTED / "01-fails.ipynb", as_version=4).cells[0].outputs
    assert [output.output_type for output in outputs] == ["stream", "error"]

"""The helper that compares the book's tables with the measurements of the tests."""

from pathlib import Path

import nbformat
import pytest
from tables import assert_table, read_table

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.publishing.notebook_format import tidy

PAGE = "# Page\n\n<!-- table: t -->\n| a | b |\n|---|---|\n| 1 | old |\n<!-- end of table -->\n\nText.\n"


@pytest.fixture(params=["md", "ipynb"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"page.{request.param}"
    if request.param == "md":
        path.write_text(PAGE, encoding="utf-8")
    else:
        notebook = nbformat.read(chapters()[0], as_version=4)
        notebook.cells.append(nbformat.v4.new_markdown_cell(PAGE))
        nbformat.write(notebook, path)
        tidy(path)
    return path


def test_a_table_that_says_what_was_measured_passes(page: Path) -> None:
    assert_table(page, "t", ["a", "b"], [["1", "old"]], rewrite=False)


def test_a_row_that_differs_fails_with_both_rows_and_the_command(page: Path) -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        assert_table(page, "t", ["a", "b"], [["1", "new"]], rewrite=False)
    assert "the page says  | 1 | old |" in str(failure.value)
    assert "measured       | 1 | new |" in str(failure.value)
    assert 'make test ARGS="tests/llamastack/test_tables.py --rewrite-tables"' in str(failure.value)


def test_rewriting_changes_the_table_alone(page: Path) -> None:
    before = page.read_text(encoding="utf-8")
    assert_table(page, "t", ["a", "b"], [["1", "x|y"]], rewrite=True)
    assert read_table(page, "t")[2:] == [r"| 1 | x\|y |"]
    assert_table(page, "t", ["a", "b"], [["1", "x|y"]], rewrite=False)
    assert_table(page, "t", ["a", "b"], [["1", "old"]], rewrite=True)
    assert page.read_text(encoding="utf-8") == before


def test_a_table_that_is_not_there_fails(page: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="0 tables"):
        assert_table(page, "other", ["a"], [["1"]], rewrite=True)

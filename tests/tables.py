"""Tables in the book that tests measure: in a page, each is between two markers; a test compares it with its results.

    <!-- table: responses-parameters -->
    | parameter | verdict |
    |---|---|
    | `input` | implemented |
    <!-- end of table -->

The markers are on separate lines, in a Markdown page or in a Markdown cell of a notebook.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from llamastack_workshop.publishing.notebook_format import tidy
from llamastack_workshop.system import paths


def assert_table(page: Path, name: str, header: list[str], rows: list[list[str]], rewrite: bool) -> None:
    """Fail unless the table `name` in `page` has exactly these rows; with `rewrite`, write them there instead."""
    measured = _lines([header, ["---"] * len(header), *rows])
    found = read_table(page, name)
    if rewrite:
        if found != measured:
            _write(page, _pattern(name), measured)
    elif found != measured:
        pytest.fail(_difference(page, name, found, measured), pytrace=False)


def assert_row(page: Path, name: str, cells: list[str]) -> None:
    """Fail unless the table `name` in `page` has a row with exactly these `cells`."""
    rows = read_table(page, name)
    (measured,) = _lines([cells])
    if measured not in rows:
        said = [row for row in rows if row.split(" | ")[0] == measured.split(" | ")[0]]
        pytest.fail(_difference(page, name, said, [measured]), pytrace=False)


def put_row(page: Path, name: str, header: list[str], cells: list[str]) -> None:
    """Put the row `cells` into the table `name` in `page`: replace the row with the same first cell, or append it."""
    rows = read_table(page, name)[2:]
    (measured,) = _lines([cells])
    same = [number for number, row in enumerate(rows) if row.split(" | ")[0] == measured.split(" | ")[0]]
    rows[slice(same[0], same[0] + 1) if same else slice(len(rows), None)] = [measured]
    _write(page, _pattern(name), [*_lines([header, ["---"] * len(header)]), *rows])


def read_table(page: Path, name: str) -> list[str]:
    """Return the lines of the table `name` in `page`."""
    matches = [match for text in _texts(page) for match in _pattern(name).finditer(text)]
    if len(matches) != 1:
        pytest.fail(f"{page}: {len(matches)} tables between `<!-- table: {name} -->` and `<!-- end of table -->`")
    return matches[0][2].splitlines()


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"^(<!-- table: {re.escape(name)} -->\n)(.*?)^(<!-- end of table -->)$", re.MULTILINE | re.DOTALL
    )


def _lines(rows: list[list[str]]) -> list[str]:
    assert len({len(row) for row in rows}) == 1, "every row has as many cells as the header"
    cells = ([re.sub(r"\s+", " ", cell).replace("|", r"\|") for cell in row] for row in rows)
    return [re.sub(r" +", " ", f"| {' | '.join(row)} |").replace(" --- ", "---") for row in cells]


def _texts(page: Path) -> list[str]:
    if page.suffix != ".ipynb":
        return [page.read_text(encoding="utf-8")]
    return [cell.source for cell in nbformat.read(page, as_version=4).cells if cell.cell_type == "markdown"]


def _write(page: Path, pattern: re.Pattern[str], lines: list[str]) -> None:
    def put(text: str) -> str:
        return pattern.sub(lambda match: match[1] + "\n".join([*lines, match[3]]), text)

    if page.suffix != ".ipynb":
        page.write_text(put(page.read_text(encoding="utf-8")), encoding="utf-8")
        return
    notebook = nbformat.read(page, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = put(cell.source)
    nbformat.write(notebook, page)
    tidy(page)


def _difference(page: Path, name: str, found: list[str], measured: list[str]) -> str:
    shown = page.relative_to(paths.ROOT) if page.is_relative_to(paths.ROOT) else page
    gone = [f"  the page says  {line}" for line in found if line not in measured]
    new = [f"  measured       {line}" for line in measured if line not in found]
    test = os.environ["PYTEST_CURRENT_TEST"].split("::")[0]
    return "\n".join(
        [
            f"{shown}: the table `{name}` does not say what was measured.",
            *sorted(gone + new, key=lambda line: line.split("|")[1]),
            *([] if gone or new else ["  The rows are the same, in another order."]),
            f'If the measurement is right, rewrite the page: make test ARGS="{test} --rewrite-tables"',
        ]
    )


def probes[P](table: dict[str, P], row: str) -> Callable[[P], P]:
    """Return a decorator that adds a probe to `table`, for the row of that name."""

    def register(probe: P) -> P:
        table[row] = probe
        return probe

    return register

"""Moving Markdown from one page of the book to another, and writing tables."""

import os
import re
from pathlib import Path

import nbformat

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.system import paths

# A relative link to a file: not a URL, not an anchor on the same page.
_RELATIVE_LINK = re.compile(r"\]\((?!\w+:|#)([^()\s]+)\)")
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)
_OPTION = re.compile(r'ARGS="[^"]*"|(?<![\w-])--[a-z][a-z-]*')
_CELL_BORDER = re.compile(r"(?<!\\)\|")


def pages() -> list[Path]:
    """Return the chapters in reading order, then the pages around them."""
    around = [page for kind in ("*.md", "*.ipynb") for page in (paths.ROOT / "book").rglob(kind)]
    # JupyterLab keeps a copy of each opened page in .ipynb_checkpoints.
    return [*chapters(), *sorted(page for page in around if page.parent.name != ".ipynb_checkpoints")]


def notebooks() -> list[Path]:
    """Return those pages that are executed: the chapters in reading order, then notebooks in book/."""
    return [page for page in pages() if page.suffix == ".ipynb"]


def text_of(page: Path) -> str:
    """Return the Markdown of `page`; for a notebook, without its code cells."""
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    notebook = nbformat.read(page, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def name_of(page: Path) -> str:
    """Return the short name of `page` on other pages: `Chapter 7`, or its title."""
    if number := re.match(r"\d+(?=-.*\.ipynb)", page.name):
        return f"Chapter {int(number[0])}"
    return re.search(r"^# (.*)$", text_of(page), re.MULTILINE)[1]


def link(page: Path, reader: Path) -> str:
    """Return the relative link to `page` from the page `reader`."""
    return Path(os.path.relpath(page, reader.parent)).as_posix()


def moved(markdown: str, page: Path, reader: Path) -> str:
    """Return `markdown` from `page` for the page `reader`, with its relative links adjusted."""
    return _RELATIVE_LINK.sub(lambda match: f"]({link(page.parent / match[1], reader)})", markdown)


def options_as_code(markdown: str) -> str:
    """Return `markdown` with the options of commands as code, so that two hyphens do not become a dash."""
    return "".join(part if part.startswith("`") else _OPTION.sub(r"`\g<0>`", part) for part in _CODE.split(markdown))


def cells(line: str) -> list[str]:
    """Return the cells of a line of a Markdown table."""
    return [cell.strip() for cell in _CELL_BORDER.split(line.strip())[1:-1]]


def table(style: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table in a container of the class `style`. Cells may not contain a bare `|` or line breaks."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join([f":::{{container}} {style}", *(f"| {' | '.join(line)} |" for line in lines), ":::\n"])

"""Markdown that moves from one page of the book to another, and tables of it."""

import os
import re
from pathlib import Path

import nbformat

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.system import paths

# A link to a file beside: no address, no place on the same page.
_RELATIVE_LINK = re.compile(r"\]\((?!\w+:|#)([^()\s]+)\)")
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)
_OPTION = re.compile(r'ARGS="[^"]*"|(?<![\w-])--[a-z][a-z-]*')
_CELL_BORDER = re.compile(r"(?<!\\)\|")


def pages() -> list[Path]:
    """Return the chapters in reading order, then the pages around them."""
    around = (paths.ROOT / "book").rglob("*.md")
    # JupyterLab keeps a second copy of each page that somebody opens.
    return [*chapters(), *sorted(page for page in around if page.parent.name != ".ipynb_checkpoints")]


def text_of(page: Path) -> str:
    """Return the Markdown of `page`, a chapter's without its code cells."""
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    notebook = nbformat.read(page, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def name_of(page: Path) -> str:
    """Return what other pages call `page` in a few words: `Chapter 7`, or its title."""
    if number := re.match(r"\d+(?=-.*\.ipynb)", page.name):
        return f"Chapter {int(number[0])}"
    return re.search(r"^# (.*)$", text_of(page), re.MULTILINE)[1]


def link(page: Path, reader: Path) -> str:
    """Return the address of `page` as a link on the page `reader` writes it."""
    return Path(os.path.relpath(page, reader.parent)).as_posix()


def moved(markdown: str, page: Path, reader: Path) -> str:
    """Return `markdown` of `page` for the page `reader`: relative links lead to where they led."""
    return _RELATIVE_LINK.sub(lambda match: f"]({link(page.parent / match[1], reader)})", markdown)


def options_as_code(markdown: str) -> str:
    """Return `markdown` with options of commands as code, where two hyphens do not become a dash."""
    return "".join(part if part.startswith("`") else _OPTION.sub(r"`\g<0>`", part) for part in _CODE.split(markdown))


def cells(line: str) -> list[str]:
    """Return the cells of one line of a Markdown table."""
    return [cell.strip() for cell in _CELL_BORDER.split(line.strip())[1:-1]]


def table(style: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table in a container of the class `style`. No cell may hold a bare `|` or end a line."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join([f":::{{container}} {style}", *(f"| {' | '.join(line)} |" for line in lines), ":::\n"])

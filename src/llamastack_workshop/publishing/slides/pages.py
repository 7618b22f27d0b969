"""Which of a chapter's cells share a slide. The browser scrolls what is longer than the screen: see index.html.j2."""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from markdown_it import MarkdownIt
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from llamastack_workshop.attending import chapters

# A cell of code stays on the slide of the text before it while the two have no more lines than this.
LINES = 15

_MARKDOWN = MarkdownIt("commonmark")
# On a slide there is nowhere to go but the web: a link to a file keeps its text alone.
_LINK_TO_A_FILE = re.compile(r"\[((?:`[^`]*`|[^\[\]`])*)\]\((?!https?:)[^)\s]*\)")
# For the reader at home, and for whoever runs the tests.
_NOT_FOR_A_ROOM = re.compile(r"^\*\*(?:Sources|Lines)\*\*.*(?:\n.+)*", re.MULTILINE)


def of_chapter(chapter: NotebookNode, outputs: Mapping[str, list[NotebookNode]], notes: str = "") -> NotebookNode:
    """Return a notebook for nbconvert's slides: `chapter` without solutions, its cells marked with their slide type.

    A section is a step to the right, and the slides of a section lie below each other, each with the section's title.
    `outputs` are those of executed cells, by the cell's id. What an exercise's solution prints, and whatever follows
    it in the section, is left out. `notes`, in Markdown, are what the speaker sees at the title.
    Raises WorkshopError if a solution has one marker without the other.
    """
    blank = chapters.blank(chapter)
    title, *rest = blank.cells
    name = section = _heading(title.source)
    cells = [_marked(new_markdown_cell(part), "-") for part in _parts(title.source)]
    if notes:
        cells.append(_marked(new_markdown_cell(_without_file_links(notes)), "notes"))
    # The title has its slide to itself.
    lines, solved = LINES, False
    for number, cell in enumerate(rest, 1):
        if cell.cell_type == "markdown":
            for part in _parts(cell.source):
                if part.startswith("## "):
                    section, solved = _heading(part), False
                    cells.append(_marked(new_markdown_cell(part), "slide"))
                else:
                    cells += [_label(section), _marked(new_markdown_cell(part), "-")]
                lines = _count(part)
        elif section != name or not _is_preamble(chapter.cells, number):
            solved = solved or cell.source != chapter.cells[number].source
            cell.outputs = [] if solved else outputs.get(cell.id, [])
            lines += _count(cell.source)
            if lines > LINES or cells[-1].get("outputs"):
                cells.append(_label(section))
                lines = _count(cell.source)
            cells.append(_marked(cell, "-"))
    for number, cell in enumerate(cells):
        cell.id = f"slide-cell-{number}"
    return NotebookNode(nbformat=4, nbformat_minor=5, cells=cells, metadata={**blank.metadata, "title": name})


def _marked(cell: NotebookNode, slide_type: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": slide_type}
    return cell


def _heading(part: str) -> str:
    return part.splitlines()[0].lstrip("# ")


def _count(source: str) -> int:
    return len(source.splitlines())


def _label(section: str) -> NotebookNode:
    """Return the cell that begins another slide of a section and says where we are."""
    cell = new_markdown_cell(f"## {section}")
    cell.metadata["tags"] = ["label"]
    return _marked(cell, "subslide")


def _parts(text: str) -> Iterator[str]:
    """Yield a cell's Markdown in parts that begin with a heading, without what a room has no use for."""
    lines = _without_file_links(_NOT_FOR_A_ROOM.sub("", text)).splitlines()
    tokens = _MARKDOWN.parse("\n".join(lines))
    starts = [token.map[0] for token in tokens if token.type == "heading_open" and token.map and not token.level]
    bounds = sorted({0, *starts, len(lines)})
    for start, end in pairwise(bounds):
        if part := "\n".join(lines[start:end]).strip():
            yield part


def _is_preamble(cells: list[NotebookNode], number: int) -> bool:
    """Return whether a cell only imports, or holds the parameters and no text introduces it."""
    cell = cells[number]
    if "parameters" in cell.metadata.get("tags", []):
        return cells[number - 1].cell_type != "markdown"
    return all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in ast.parse(cell.source).body)


def _without_file_links(markdown: str) -> str:
    return _LINK_TO_A_FILE.sub(r"\1", markdown)

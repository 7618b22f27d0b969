"""Distributing a chapter's cells over slides. A slide that is longer than the screen scrolls: see index.html.j2."""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from markdown_it import MarkdownIt
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from llamastack_workshop.attending import chapters

# A code cell stays on the slide of the text before it if the two have no more lines than this.
LINES = 15

_MARKDOWN = MarkdownIt("commonmark")
# Slides cannot link to files of the repository: such a link is replaced by its text.
_LINK_TO_A_FILE = re.compile(r"\[((?:`[^`]*`|[^\[\]`])*)\]\((?!https?:)[^)\s]*\)")
# Paragraphs that are for readers and contributors, not for an audience.
_NOT_FOR_A_ROOM = re.compile(r"^\*\*(?:Sources|Lines)\*\*.*(?:\n.+)*", re.MULTILINE)


def of_chapter(chapter: NotebookNode, outputs: Mapping[str, list[NotebookNode]], notes: str = "") -> NotebookNode:
    """Return a notebook for nbconvert's slides: `chapter` without solutions, its cells marked with their slide type.

    Sections are horizontal slides, and the slides of a section are vertical, each with the section's title.
    `outputs` are those of executed cells, by cell id. The outputs of an exercise's solution, and of the cells after it
    in the section, are left out. `notes`, in Markdown, are the speaker notes of the title slide.
    Raises WorkshopError if a solution has one marker without the other.
    """
    blank = chapters.blank(chapter)
    title, *rest = blank.cells
    name = section = _heading(title.source)
    cells = [_marked(new_markdown_cell(part), "-") for part in _parts(title.source)]
    if notes:
        cells.append(_marked(new_markdown_cell(_without_file_links(notes)), "notes"))
    # The title has its own slide.
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
    """Return the cell that starts another slide of a section, with the section's title."""
    cell = new_markdown_cell(f"## {section}")
    cell.metadata["tags"] = ["label"]
    return _marked(cell, "subslide")


def _parts(text: str) -> Iterator[str]:
    """Yield a cell's Markdown in parts that start with a heading, without paragraphs that are not for an audience."""
    lines = _without_file_links(_NOT_FOR_A_ROOM.sub("", text)).splitlines()
    tokens = _MARKDOWN.parse("\n".join(lines))
    starts = [token.map[0] for token in tokens if token.type == "heading_open" and token.map and not token.level]
    bounds = sorted({0, *starts, len(lines)})
    for start, end in pairwise(bounds):
        if part := "\n".join(lines[start:end]).strip():
            yield part


def _is_preamble(cells: list[NotebookNode], number: int) -> bool:
    """Return whether a cell contains only imports, or the parameters without an introducing text."""
    cell = cells[number]
    if "parameters" in cell.metadata.get("tags", []):
        return cells[number - 1].cell_type != "markdown"
    return all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in ast.parse(cell.source).body)


def _without_file_links(markdown: str) -> str:
    return _LINK_TO_A_FILE.sub(r"\1", markdown)

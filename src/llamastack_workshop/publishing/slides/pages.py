"""What stands on which slide: a chapter's cells, dealt out over pages that do not scroll.

A page is 1280 x 720 pixels. The sizes here are those of theme.css, and the widths are those of a wide font, so that a
page has room left rather than too little.
"""

import ast
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from llamastack_workshop.attending import chapters

# What is below the headings, in pixels: room for the longest code cell that a chapter may have, 20 lines.
ROOM = 580
_FIGURE = 400
# From so many columns on, theme.css sets a table in smaller type.
_MANY_COLUMNS = 7

_MARKDOWN = MarkdownIt("commonmark").enable("table")
# On a slide there is nowhere to go but the web: a link to a file keeps its text alone.
_LINK_TO_A_FILE = re.compile(r"\[((?:`[^`]*`|[^\[\]`])*)\]\((?!https?:)[^)\s]*\)")
_LINK = re.compile(r"\[((?:`[^`]*`|[^\[\]`])*)\]\([^)\s]*\)")
_SETUP = "## Setup"
# For the reader at home, and for whoever runs the tests.
_NOT_FOR_A_ROOM = ("**Sources**", "**Lines**")


@dataclass(frozen=True)
class _Type:
    """How a kind of text is set: characters in a line, and in pixels its lines and the space around all of them."""

    characters: int
    line: float
    around: int

    def lines(self, text: str) -> int:
        return max(1, math.ceil(len(text) / self.characters))

    def height(self, texts: list[str]) -> int:
        return math.ceil(sum(self.lines(text) for text in texts) * self.line) + self.around


_TEXT = _Type(characters=80, line=35, around=14)
_ITEM = _Type(characters=76, line=35, around=8)
_CODE = _Type(characters=86, line=27.5, around=28)
_OUTPUT = _Type(characters=104, line=24, around=28)
_TABLE = _Type(characters=104, line=28, around=13)
_WIDE_TABLE = _Type(characters=128, line=23, around=13)


@dataclass
class _Piece:
    """A cell for a slide. `joined` keeps it on the page of the piece before, if one page can hold both."""

    cell: NotebookNode
    height: int
    joined: bool = False
    output: bool = False


@dataclass
class _Section:
    """The pieces under one heading. `steps_right`: it begins where the right arrow leads, not the down arrow."""

    heading: str
    steps_right: bool
    pieces: list[_Piece] = field(default_factory=list)


def of_chapter(chapter: NotebookNode, outputs: Mapping[str, list[NotebookNode]], notes: str = "") -> NotebookNode:
    """Return a notebook for nbconvert's slides: `chapter` without solutions, each page marked in its metadata.

    `outputs` are those of executed cells, by the cell's id. What an exercise's solution prints, and whatever follows
    it in the section, is left out. `notes`, in Markdown, are what the speaker sees at the title.
    Raises WorkshopError if a solution has one marker without the other.
    """
    blank = chapters.blank(chapter)
    sections = _sections(chapter, blank, outputs)
    cells: list[NotebookNode] = []
    steps_right = False
    for section in sections:
        steps_right = steps_right or section.steps_right
        for page in _pages(section.pieces):
            cells.append(_marked(new_markdown_cell(section.heading), "slide" if steps_right else "subslide"))
            # What a cell prints comes at the next step: there is time to guess.
            steps = [piece.output and not before.output for before, piece in pairwise(page)]
            for piece, is_step in zip(page, [False, *steps], strict=True):
                cells.append(_marked(piece.cell, "fragment" if is_step else "-"))
            if notes:
                cells.append(_marked(new_markdown_cell(_without_file_links(notes)), "notes"))
                notes = ""
            steps_right = False
    for number, cell in enumerate(cells):
        cell.id = f"slide-cell-{number}"
    title = sections[0].heading.removeprefix("# ")
    return NotebookNode(nbformat=4, nbformat_minor=5, cells=cells, metadata={**blank.metadata, "title": title})


def _marked(cell: NotebookNode, slide_type: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": slide_type}
    return cell


def _sections(chapter: NotebookNode, blank: NotebookNode, outputs: Mapping[str, list[NotebookNode]]) -> list[_Section]:
    """Return the chapter's sections in order; the cells between its title and its next heading are called Setup."""
    sections: list[_Section] = []
    above, solved = "", False
    for number, (original, cell) in enumerate(zip(chapter.cells, blank.cells, strict=True)):
        if cell.cell_type == "markdown":
            for token, source in _blocks(cell.source):
                if token.type == "heading_open":
                    above = source if token.tag == "h2" else above
                    heading = source if token.tag in ("h1", "h2") else f"{above}\n\n{source}"
                    sections.append(_Section(heading, token.tag in ("h1", "h2")))
                    solved = solved and token.tag != "h2"
                else:
                    sections[-1].pieces += _markdown(token, source)
        elif cell.cell_type == "code" and not (sections[-1].heading == _SETUP and _is_preamble(chapter.cells, number)):
            solved = solved or original.source != cell.source
            shown = [] if solved else [piece for one in _joined(outputs.get(cell.id, [])) for piece in _output(one)]
            sections[-1].pieces += [_code(cell.source), *shown]
        if number == 0:
            sections.append(_Section(_SETUP, True))
    return sections


def _is_preamble(cells: list[NotebookNode], number: int) -> bool:
    """Return whether a cell only imports, or holds the parameters and no text introduces it."""
    cell = cells[number]
    if "parameters" in cell.metadata.get("tags", []):
        return cells[number - 1].cell_type != "markdown"
    return all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in ast.parse(cell.source).body)


def _blocks(text: str) -> Iterator[tuple[Token, str]]:
    """Yield the paragraphs, lists, tables and so on of a Markdown text, each with the token that opens it."""
    lines = text.splitlines()
    for token in _MARKDOWN.parse(text):
        if token.level == 0 and token.map:
            yield token, "\n".join(lines[slice(*token.map)]).strip("\n")


def _markdown(token: Token, source: str, *, output: bool = False) -> list[_Piece]:
    """Return a block as pieces of at most one page; nothing, if a room has no use for it."""
    if token.type == "html_block" or source.startswith(_NOT_FOR_A_ROOM):
        return []
    if token.type == "fence":
        parts = _fence(token)
    else:
        source = _without_file_links(source)
        if token.type == "table_open":
            parts = _table(source)
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            parts = _list(source)
        else:
            # One line of the source is one sentence, and so it is on the slide.
            parts = [("  \n".join(part), h + _TEXT.around) for part, h in _packed(_TEXT, source.splitlines())]
    pieces = [_Piece(new_markdown_cell(part), height, output=output) for part, height in parts]
    for piece in pieces:
        piece.cell.metadata["tags"] = ["output"] if output else []
    return pieces


def _fence(token: Token) -> list[tuple[str, int]]:
    parts = _packed(_CODE, token.content.rstrip().splitlines())
    return [(f"```{token.info}\n" + "\n".join(part) + "\n```", height + _CODE.around) for part, height in parts]


def _list(source: str) -> list[tuple[str, int]]:
    items = re.split(r"\n(?=[-*]|\d+\.)", source)
    heights = [sum(_ITEM.height([_visible(line)]) for line in item.splitlines()) for item in items]
    return [("\n".join(part), height + _TEXT.around) for part, height in _fitting(items, heights)]


def _table(source: str) -> list[tuple[str, int]]:
    """Return the table in parts of at most a page, each with the table's head."""
    head, rule, *rows = source.splitlines()
    cells = [
        [_visible(text.strip()) for text in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in [head, *rows]
    ]
    of_head, *of_rows = _row_heights(cells)
    parts = _fitting(rows, of_rows, ROOM - of_head - _TEXT.around)
    return [("\n".join([head, rule, *part]), height + of_head + _TEXT.around) for part, height in parts]


def _row_heights(rows: list[list[str]]) -> list[int]:
    """Return how high each row is, if the columns get their widths as browsers deal them out.

    Each column has its longest word at least; what is left goes to those that want more, in proportion.
    """
    setting = _WIDE_TABLE if len(rows[0]) >= _MANY_COLUMNS else _TABLE
    columns = [list(column) for column in zip(*rows, strict=True)]
    least = [max(len(word) for text in column for word in (text.split() or [""])) for column in columns]
    most = [max(len(text) for text in column) for column in columns]
    # A column's own space is as wide as two characters.
    free = setting.characters - 2 * len(columns) - sum(least)
    share = min(1.0, max(0.0, free / max(1, sum(most) - sum(least))))
    widths = [max(1.0, low + (high - low) * share) for low, high in zip(least, most, strict=True)]
    # Words do not fill a narrow line to its end.
    lines = [
        max(math.ceil(len(text) / (width * 0.92)) for text, width in zip(row, widths, strict=True)) for row in rows
    ]
    return [math.ceil(max(1, count) * setting.line) + setting.around for count in lines]


def _code(source: str) -> _Piece:
    return _Piece(new_code_cell(source), _CODE.height(source.splitlines()))


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs, with text that came in several messages as one."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1] = new_output("stream", name=output.name, text=joined[-1].text + output.text)
        else:
            joined.append(output)
    return joined


def _output(output: NotebookNode) -> list[_Piece]:
    """Return what one output of a cell shows: a figure, Markdown, or text, of which a page holds the beginning."""
    data: dict[str, Any] = output.get("data", {})
    if "image/png" in data:
        shown = new_output("display_data", {"image/png": data["image/png"]})
        return [_Piece(_output_cell(shown), _FIGURE + _OUTPUT.around, joined=True, output=True)]
    if "text/markdown" in data:
        blocks = list(_blocks(data["text/markdown"]))
        pieces = [piece for token, source in blocks for piece in _markdown(token, source, output=True)]
        for piece in pieces[:1]:
            piece.joined = True
        return pieces
    text = output.get("text") or data.get("text/plain") or f"{output.get('ename')}: {output.get('evalue')}"
    lines = text.rstrip().splitlines()
    # A line as long as a page is a dump: its beginning says what it is.
    short = [line if _OUTPUT.lines(line) < 5 else f"{line[: 4 * _OUTPUT.characters]} …" for line in lines]
    (first, height), *_ = list(_packed(_OUTPUT, short, ROOM - int(_OUTPUT.line))) or [([], 0)]
    if left := len(lines) - len(first):
        first, height = [*first, f"… and {left} more lines"], height + int(_OUTPUT.line)
    shown = new_output("stream", name="stdout", text="\n".join(first))
    return [_Piece(_output_cell(shown), height + _OUTPUT.around, joined=True, output=True)] if first else []


def _output_cell(output: NotebookNode) -> NotebookNode:
    cell = new_code_cell("", outputs=[output])
    # nbconvert's way to show the outputs alone.
    cell.metadata["transient"] = {"remove_source": True}
    return cell


def _pages(pieces: list[_Piece]) -> list[list[_Piece]]:
    """Deal the pieces out over pages, in order; what belongs together stays together where it can."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        # "The next cell does this:" wants its cell.
        if groups and (piece.joined or groups[-1][-1].cell.source.endswith(":")):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    pages: list[list[_Piece]] = []
    used = ROOM
    for group in groups:
        together = sum(piece.height for piece in group)
        if used + together > ROOM >= together:
            used = ROOM
        for piece in group:
            if used + piece.height > ROOM:
                pages.append([])
                used = 0
            pages[-1].append(piece)
            used += piece.height
    return pages


def _packed(setting: _Type, lines: list[str], room: int = ROOM) -> Iterator[tuple[list[str], int]]:
    """Yield the lines in parts that fit into `room`, each with the height of its lines alone."""
    heights = [math.ceil(setting.lines(_visible(line)) * setting.line) for line in lines]
    return _fitting(lines, heights, room - setting.around)


def _fitting(units: list[str], heights: list[int], room: int = ROOM - _TEXT.around) -> Iterator[tuple[list[str], int]]:
    part: list[str] = []
    used = 0
    for unit, height in zip(units, heights, strict=True):
        if part and used + height > room:
            yield part, used
            part, used = [], 0
        part.append(unit)
        used += height
    if part:
        yield part, used


def _visible(markdown: str) -> str:
    """Return roughly what a reader sees of a line of Markdown: no addresses, no marks."""
    return re.sub(r"[`*]", "", _LINK.sub(r"\1", markdown))


def _without_file_links(markdown: str) -> str:
    return _LINK_TO_A_FILE.sub(r"\1", markdown)

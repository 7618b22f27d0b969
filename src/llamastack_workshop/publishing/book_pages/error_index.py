"""An index of errors by message, from the tables "What can go wrong" of all pages."""

import re
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.publishing.book_pages.markdown import cells, link, moved, name_of, pages, table, text_of

# The header of the tables in the sections "What can go wrong".
HEADER = ("what you see", "what it means", "what to do")
_TABLE = re.compile(rf"^\| {re.escape(' | '.join(HEADER))} \|\n\|[-|]+\|\n((?:\|.*\n?)+)", re.MULTILINE)
_ANCHOR = "#what-can-go-wrong"

_HTTP_STATUS = re.compile(r"\W*(?:HTTP )?([45]\d\d)\b")
# Code that is printed output: a phrase, the name of an exception, or of an error number.
_PRINTED = re.compile(r".* .*|[\w.]*(?:Error|Exception|Timeout)|E[A-Z]+")


@dataclass(frozen=True)
class Row:
    """A row of a table, in Markdown: the symptom, its meaning, and the fix."""

    seen: str
    means: str
    fix: str


def rows_of(markdown: str) -> list[Row]:
    """Return the rows of all error tables in `markdown`."""
    return [Row(*cells(line)) for found in _TABLE.finditer(markdown) for line in found[1].splitlines()]


def error_index(reader: Path) -> str:
    """Return the index as Markdown for the page `reader`: a section for each kind of symptom, sorted by message."""
    groups: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        "HTTP status": [],
        "Messages and exceptions": [],
        "Signs without a message": [],
    }
    for page in pages():
        for row in rows_of(text_of(page)):
            shown = [moved(cell, page, reader) for cell in (row.seen, row.means, row.fix)]
            where = f"[{name_of(page)}]({link(page, reader)}{_ANCHOR})"
            groups[_group(row.seen)].append((_order(row.seen), (*shown, where)))
    sections = (
        f"### {title}\n\n{table('error-index', (*HEADER, 'where'), [row for _, row in sorted(rows)])}"
        for title, rows in groups.items()
        if rows
    )
    return "\n".join(sections)


def _group(seen: str) -> str:
    if _HTTP_STATUS.match(seen):
        return "HTTP status"
    return "Messages and exceptions" if _message(seen) else "Signs without a message"


def _order(seen: str) -> str:
    """Return the sort key of a row: the status, then the letters of the message, or else of the text."""
    status = _HTTP_STATUS.match(seen)
    return (status[1] if status else "") + re.sub(r"\W", "", _message(seen) or seen).casefold()


def _message(seen: str) -> str | None:
    return next((code for code in re.findall(r"`([^`]+)`", seen) if _PRINTED.fullmatch(code)), None)

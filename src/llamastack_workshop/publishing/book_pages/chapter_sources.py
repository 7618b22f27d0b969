"""A list of the sources that chapters and pages cite at their end."""

import re
from pathlib import Path

from llamastack_workshop.publishing.book_pages.markdown import link, moved, name_of, pages, text_of
from llamastack_workshop.system import paths

_LINE = re.compile(r"^\*\*Sources\*\*: (.*?)\.?$", re.MULTILINE)


def sources_of(markdown: str) -> list[str]:
    """Return the entries of the line `**Sources**`, which semicolons separate, or [] if there is no such line."""
    found = _LINE.search(markdown)
    return found[1].split("; ") if found else []


def chapter_sources(reader: Path) -> str:
    """Return a Markdown list for the page `reader`: each page that cites sources, with the sources below it."""
    lines = []
    for page in pages():
        moved_here = (moved(entry, page, reader) for entry in sources_of(text_of(page)))
        # Some pages cite the page with all sources.
        if entries := [entry for entry in moved_here if f"]({reader.name})" not in entry]:
            number = f"{name_of(page)}: " if page.parent == paths.NOTEBOOKS else ""
            lines += [f"- {number}[]({link(page, reader)})", *(f"  - {entry}" for entry in entries)]
    return "\n".join(lines) + "\n"

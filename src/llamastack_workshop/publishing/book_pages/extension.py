"""The Sphinx extension: a directive for each derived part of a page, and the links of a published site."""

from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from llamastack_workshop.publishing.book_pages.chapter_sources import chapter_sources
from llamastack_workshop.publishing.book_pages.command_help import command_help
from llamastack_workshop.publishing.book_pages.costs import costs
from llamastack_workshop.publishing.book_pages.error_index import error_index
from llamastack_workshop.publishing.book_pages.own_errors import own_errors
from llamastack_workshop.publishing.book_pages.repository import link_repository

# What each directive puts in its place: Markdown for the page it stands on.
_WRITERS: dict[str, Callable[[Path], str]] = {
    "command-help": lambda _: command_help(),
    "error-index": error_index,
    "own-errors": lambda _: own_errors(),
    "chapter-sources": chapter_sources,
    "costs": lambda _: costs(),
}


class Derived(SphinxDirective):
    """Put what the directive's writer returns in its place."""

    def run(self) -> list[nodes.Node]:
        # Its sources are other files: this page is never up to date.
        self.env.note_reread()
        page = Path(self.env.doc2path(self.env.docname))
        return self.parse_text_to_nodes(_WRITERS[self.name](page), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and their style, and the links to the repository."""
    for name in _WRITERS:
        app.add_directive(name, Derived)
    app.add_css_file("derived-pages.css")
    app.connect("config-inited", link_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

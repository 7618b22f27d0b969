"""The Sphinx extension: a directive for each derived part of a page, and the links of a published site."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
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

# Ends the names of pictures for light pages; Markdown names these, as JupyterLab and GitHub show them.
_LIGHT = re.compile(r"-light(?=\.\w+$)")


class Derived(SphinxDirective):
    """Put what the directive's writer returns in its place.

    Its own text is for those who read the page's Markdown, in JupyterLab for example.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        # Its sources are other files: this page is never up to date.
        self.env.note_reread()
        page = Path(self.env.doc2path(self.env.docname))
        return self.parse_text_to_nodes(_WRITERS[self.name](page), allow_section_headings=True)


class BothThemes(SphinxTransform):
    """Show each picture that is drawn for light pages in the middle, and on dark ones the dark one of that name."""

    default_priority = 200

    def apply(self, **_: Any) -> None:
        for light in [*self.document.findall(nodes.image)]:
            if not _LIGHT.search(light["uri"]):
                continue
            dark = light.deepcopy()
            dark["uri"] = _LIGHT.sub("-dark", light["uri"])
            for picture, theme in ((light, "light"), (dark, "dark")):
                picture["align"] = "center"
                picture["classes"].append(f"only-{theme}")
            # In Markdown, a picture on a line of its own is a paragraph.
            light.parent.replace_self([light, dark])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and their style, and the links to the repository."""
    for name in _WRITERS:
        app.add_directive(name, Derived)
    app.add_transform(BothThemes)
    app.add_css_file("derived-pages.css")
    app.connect("config-inited", link_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

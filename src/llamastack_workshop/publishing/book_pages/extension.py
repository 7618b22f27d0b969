"""The Sphinx extension: a directive for each generated part of a page, and the links of a published site."""

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
from llamastack_workshop.publishing.book_pages.release_lines import release_lines
from llamastack_workshop.publishing.book_pages.repository import link_repository

# The function for each directive, which returns Markdown for the directive's page.
_WRITERS: dict[str, Callable[[Path], str]] = {
    "command-help": lambda _: command_help(),
    "error-index": error_index,
    "own-errors": lambda _: own_errors(),
    "chapter-sources": chapter_sources,
    "costs": lambda _: costs(),
    "release-lines": lambda _: release_lines(),
}

# The suffix of pictures for light pages; Markdown refers to these, for JupyterLab and GitHub.
_LIGHT = re.compile(r"-light(?=\.\w+$)")


class Derived(SphinxDirective):
    """Replace the directive with its writer's Markdown.

    The directive's own text is for readers of the page's source, in JupyterLab for example.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        # The content depends on other files, so the page has to be read again in every build.
        self.env.note_reread()
        page = Path(self.env.doc2path(self.env.docname))
        return self.parse_text_to_nodes(_WRITERS[self.name](page), allow_section_headings=True)


class BothThemes(SphinxTransform):
    """Centre each picture for light pages, and add its dark version for dark pages."""

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
            # In Markdown, a picture on its own line is a paragraph.
            light.parent.replace_self([light, dark])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and their style, and the links to the repository."""
    for name in _WRITERS:
        app.add_directive(name, Derived)
    app.add_transform(BothThemes)
    app.add_css_file("derived-pages.css")
    app.connect("config-inited", link_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

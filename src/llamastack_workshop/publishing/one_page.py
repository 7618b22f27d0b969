"""The whole book as a self-contained HTML file, to read offline, search and print."""

import base64
import mimetypes
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from pygments.formatters import HtmlFormatter

from llamastack_workshop.system import files
from llamastack_workshop.system.errors import WorkshopError

# High-contrast styles of accessible-pygments: https://github.com/Quansight-Labs/accessible-pygments
_LIGHT, _DARK = "a11y-high-contrast-light", "a11y-high-contrast-dark"
# The builder names the page after the root of the table of contents; its URLs are relative to the folder above.
_BUILT_PAGE = "book/index.html"
_STYLE = Path(__file__).with_name("one_page.css")
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<nav aria-label="Contents"><details><summary>Contents</summary><ul>{contents}</ul></details></nav>
<main>{article}</main>
</body>
</html>
"""


def write(built: Path, target: Path) -> None:
    """Turn the output of Sphinx's builder `singlehtml` in the folder `built` into a single file, `target`.

    Raises WorkshopError if a file that the page refers to is missing.
    """
    page = (built / _BUILT_PAGE).read_text(encoding="utf-8")
    article = BeautifulSoup(page, "html.parser").select_one("article.bd-article")
    for tag in article.select("script, a.headerlink"):
        tag.decompose()
    for image in article.select("img[src]"):
        _embed(image, "src", built)
    _keep_links_within(article)
    for link in article.select("a[href]"):
        _embed(link, "href", built)
    title = article.find("h1").get_text()
    whole = _PAGE.format(title=title, style=_style(), contents=_contents(article), article=article.decode_contents())
    files.write_whole(target, whole)


def _keep_links_within(article: Tag) -> None:
    """Reduce each link within the page to its anchor; remove the link if the anchor is not unique."""
    ids = Counter(tag["id"] for tag in article.select("[id]"))
    for link in article.select("a[href]"):
        address = urlsplit(link["href"])
        if address.netloc or address.path not in ("", _BUILT_PAGE):
            continue
        if ids[address.fragment] == 1:
            link["href"] = f"#{address.fragment}"
        else:
            link.unwrap()


def _embed(tag: Tag, attribute: str, folder: Path) -> None:
    """Embed the file that `tag` refers to into the page; links within the page and to other sites stay."""
    address = urlsplit(tag[attribute])
    if address.scheme or not address.path:
        return
    file = folder / unquote(address.path)
    if not file.is_file():
        raise WorkshopError(f"The book refers to {address.path}, which was not built.", "Run make book again.")
    kind = mimetypes.guess_type(file.name)[0] or "text/plain"
    tag[attribute] = f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
    if tag.name == "a":
        tag["download"] = file.name


def _contents(article: Tag) -> str:
    """Return the pages as list items; Sphinx marks the start of each with a `span` before its heading."""
    entries = []
    for mark in article.select("span[id^=document-]"):
        heading = mark.find_next("h2")
        entries.append(f'<li><a href="#{mark["id"]}">{heading.decode_contents()}</a></li>')
    return "".join(entries)


def _style() -> str:
    light = HtmlFormatter(style=_LIGHT).get_style_defs(".highlight")
    dark = HtmlFormatter(style=_DARK).get_style_defs(".highlight")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{_STYLE.read_text(encoding='utf-8')}"

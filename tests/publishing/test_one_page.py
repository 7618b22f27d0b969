"""The book as one HTML file, which needs no other file and sends no requests."""

import base64
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from llamastack_workshop.publishing import one_page
from llamastack_workshop.system.errors import WorkshopError

BUILT = """<html><head><script src="_static/theme.js"></script></head><body><article class="bd-article">
<section id="book"><h1>The book<a class="headerlink" href="#book">#</a></h1>
<span id="document-notebooks/one"></span><section id="first"><h2>First chapter</h2>
<p><img alt="A picture" src="_images/picture.svg"> <a href="_downloads/1/task.py">task.py</a>
<a href="#document-notebooks/one">back</a> <a href="book/index.html#first">whole address</a>
<b id="try-it"></b><b id="try-it"></b><a href="#try-it">which one?</a> <a href="https://example.org/">elsewhere</a></p></section></section>
</article></body></html>"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    files = {"book/index.html": BUILT, "_images/picture.svg": "<svg/>", "_downloads/1/task.py": "print(1)"}
    for name, text in files.items():
        file = tmp_path / "built" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "built"


def test_all_that_is_shown_is_in_the_file(built: Path, tmp_path: Path) -> None:
    one_page.write(built, tmp_path / "book.html")
    page = BeautifulSoup((tmp_path / "book.html").read_text(encoding="utf-8"), "html.parser")
    assert not page.select("script")
    # The icon is empty: without it, a browser requests a file from the server.
    assert [link["href"] for link in page.select("link")] == ["data:,"]
    kind, _, data = page.img["src"].partition(",")
    assert (kind, base64.b64decode(data)) == ("data:image/svg+xml;base64", b"<svg/>")
    targets = {link["href"] for link in page.select("main a") if not link["href"].startswith("data:")}
    assert targets == {"#document-notebooks/one", "#first", "https://example.org/"}
    assert page.select_one("a[download]")["download"] == "task.py"
    assert page.title.text == "The book"


def test_the_contents_lead_to_the_chapters(built: Path, tmp_path: Path) -> None:
    one_page.write(built, tmp_path / "book.html")
    page = BeautifulSoup((tmp_path / "book.html").read_text(encoding="utf-8"), "html.parser")
    (entry,) = page.select("nav a")
    assert entry.text == "First chapter" and page.find(id=entry["href"].removeprefix("#"))


def test_a_missing_picture_is_an_error_and_leaves_no_file(built: Path, tmp_path: Path) -> None:
    (built / "_images" / "picture.svg").unlink()
    with pytest.raises(WorkshopError, match=r"_images/picture\.svg"):
        one_page.write(built, tmp_path / "book.html")
    assert list(tmp_path.iterdir()) == [built]

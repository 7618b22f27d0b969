"""Slides for instructors, generated from the chapters with nbconvert and a local copy of reveal.js."""

import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Template
from markdown_it import MarkdownIt
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

from llamastack_workshop.attending import chapters
from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.publishing.slides import pages
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import Say

PACKAGE_JSON = Path(__file__).with_name("package.json")

_HERE = Path(__file__).parent
_NOTES = paths.ROOT / "book" / "teaching" / "notes.md"
_REVEAL_FILES = ("LICENSE", "dist/reveal.css", "dist/reveal.js", "dist/plugin/notes.js")


def build(names: list[str], say: Say) -> Path:
    """Write the slides of the chapters in `names` (all, if it is empty), and return the page that lists them.

    They are written to `_build/slides`; slides of other chapters stay there. Outputs come from the book's last run.
    Raises WorkshopError if there is no such chapter, or if npm cannot download reveal.js (only once).
    """
    wanted = [chapters.find(name) for name in names] or chapters.chapters()
    say("Making slides …")
    reveal = npm_packages.installed(PACKAGE_JSON) / "node_modules" / "reveal.js"
    notes = speaker_notes(_NOTES.read_text(encoding="utf-8")) if _NOTES.exists() else {}
    paths.SLIDES.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.SLIDES.parent, prefix="slides-") as scratch:
        fresh = Path(scratch) / "fresh"
        if names and paths.SLIDES.exists():
            shutil.copytree(paths.SLIDES, fresh)
        _copy_reveal(reveal, fresh / "reveal.js")
        bare = []
        for path in wanted:
            say(f"  {path.stem}")
            if not _write_deck(path, notes.get(path.stem, ""), fresh):
                bare.append(path.stem)
        _write_overview(fresh)
        if paths.SLIDES.exists():
            paths.SLIDES.rename(Path(scratch) / "old")
        fresh.rename(paths.SLIDES)
    if bare:
        which = "the slides" if len(bare) == len(wanted) else f"the slides of {', '.join(bare)}"
        say(f"Some or all outputs are missing from {which}: run make book, and then make slides again.")
    return paths.SLIDES / "index.html"


def deck(chapter: NotebookNode, outputs: dict[str, list[NotebookNode]], notes: str = "") -> str:
    """Return the HTML page with a chapter's slides; the arguments are those of `pages.of_chapter`."""
    html, _ = _exporter().from_notebook_node(pages.of_chapter(chapter, outputs, notes))
    return html


def speaker_notes(page: str) -> dict[str, str]:
    """Return the notes of each chapter, by its name: the text under the heading that links to its notebook."""
    lines = page.splitlines()
    tokens = MarkdownIt("commonmark").parse(page)
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open" and token.tag in ("h1", "h2")]
    notes = {}
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        below = slice(tokens[start].map[1], tokens[end].map[0] if end else None)
        for linked in re.findall(r"\(\S*?([\w.-]+)\.ipynb\)", tokens[start + 1].content):
            notes[linked] = "\n".join(lines[below]).strip()
    return notes


@cache
def _exporter() -> SlidesExporter:
    """Return nbconvert's exporter, which compiles its templates once for all chapters."""
    return SlidesExporter(
        # High contrast: https://github.com/Quansight-Labs/accessible-pygments
        config=Config(
            CSSHTMLHeaderPreprocessor={"style": "a11y-high-contrast-light"},
            # Merge output that a cell prints bit by bit.
            CoalesceStreamsPreprocessor={"enabled": True},
        ),
        template_name="workshop",
        extra_template_basedirs=[str(_HERE / "templates")],
        reveal_url_prefix="reveal.js",
        reveal_theme="workshop",
        reveal_transition="none",
        reveal_width="1280",
        reveal_height="720",
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def _write_deck(chapter: Path, notes: str, folder: Path) -> bool:
    """Write a chapter's slides to `folder`; return whether all of its code cells have been executed unchanged."""
    notebook = nbformat.read(chapter, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = _outputs(code, paths.EXECUTED / chapter.name)
    (folder / f"{chapter.stem}.html").write_text(deck(notebook, outputs, notes), encoding="utf-8")
    return len(outputs) == len(code)


def _outputs(cells: list[NotebookNode], executed: Path) -> dict[str, list[NotebookNode]]:
    """Return the outputs of those cells that are unchanged in the notebook `executed`."""
    if not executed.exists():
        return {}
    ran = {cell.id: cell for cell in nbformat.read(executed, as_version=4).cells}
    return {cell.id: ran[cell.id].outputs for cell in cells if cell.id in ran and ran[cell.id].source == cell.source}


def _copy_reveal(package: Path, folder: Path) -> None:
    for name in _REVEAL_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / name, folder / name)
    # nbconvert's template looks for a theme among those of reveal.js.
    (folder / "dist" / "theme").mkdir(exist_ok=True)
    shutil.copy(_HERE / "theme.css", folder / "dist" / "theme" / "workshop.css")


def _write_overview(folder: Path) -> None:
    """Write the page that lists the slides in `folder`."""
    made = [chapter for chapter in chapters.chapters() if (folder / f"{chapter.stem}.html").exists()]
    template = Template((_HERE / "overview.html.j2").read_text(encoding="utf-8"), autoescape=True)
    page = template.render(decks=[_listed(chapter) for chapter in made])
    (folder / "index.html").write_text(page, encoding="utf-8")


def _listed(chapter: Path) -> dict[str, Any]:
    title_page = nbformat.read(chapter, as_version=4).cells[0].source
    title, minutes = re.search(r"^# (.*)\n+\*(\d+) minutes\.", title_page).groups()
    return {
        "number": int(chapter.stem.split("-")[0]),
        "file": f"{chapter.stem}.html",
        "title": title,
        "minutes": minutes,
    }

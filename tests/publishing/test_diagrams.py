"""The book's diagrams: they are generated from their sources, legible, and agree with the book."""

import re
import xml.etree.ElementTree as ET
from itertools import batched, product
from pathlib import Path

import pytest
import yaml

from llamastack_workshop.publishing import diagrams
from llamastack_workshop.publishing.book_pages.markdown import pages, text_of
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

SVG = "{http://www.w3.org/2000/svg}"
NAMES = sorted(source.stem for source in diagrams.SOURCES.glob("*.dot"))
PHONE = 358  # of its 390 pixels, the width for a picture


def picture(name: str, theme: str = "light") -> ET.Element:
    return ET.parse(diagrams.IMAGES / f"{name}-{theme}.svg").getroot()


def boxes(name: str) -> dict[str, list[str]]:
    """Return the boxes of a diagram: a dictionary from the first line of text in each to the other lines."""
    groups = (group for group in picture(name).iter(f"{SVG}g") if "node" in group.get("class").split())
    texts = ([text.text.strip() for text in group.iter(f"{SVG}text")] for group in groups)
    return {heading: lines for heading, *lines in texts}


def alternative_text(name: str) -> str:
    """Return the alternative text of a picture, which is the same wherever the picture appears."""
    texts = "\n".join(map(text_of, pages()))
    (text,) = set(re.findall(rf"^!\[(.*)\]\(\S*/{name}-light\.svg\)$", texts, re.M))
    return text


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as defined by WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_committed_pictures_are_what_the_sources_draw() -> None:
    drawn = diagrams.drawn()
    committed = {path: path.read_text(encoding="utf-8") for path in diagrams.IMAGES.glob("*.svg")}
    differ = [path.name for path in drawn.keys() | committed.keys() if drawn.get(path) != committed.get(path)]
    assert not differ, "run: make diagrams"


def test_a_mistake_in_a_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("package.json", "render.mjs"):
        (tmp_path / name).write_bytes((diagrams.SOURCES / name).read_bytes())
    (tmp_path / "broken.dot").write_text("digraph { a -> }", encoding="utf-8")
    monkeypatch.setattr(diagrams, "SOURCES", tmp_path)
    with pytest.raises(WorkshopError, match=r"broken\.dot: syntax error in line 1"):
        diagrams.drawn()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_each_diagram_with_an_alternative_text(name: str) -> None:
    assert len(alternative_text(name).split()) > 20
    # On dark pages, the site shows it instead of the picture that the Markdown names.
    assert {f"{name}-{theme}.svg" for theme in diagrams.THEMES} <= {path.name for path in diagrams.IMAGES.iterdir()}


@pytest.mark.parametrize(("name", "theme"), list(product(NAMES, diagrams.THEMES)))
def test_a_picture_has_a_name_and_letters_that_a_phone_shows_large_enough(name: str, theme: str) -> None:
    root = picture(name, theme)
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title" and root[0].text.endswith(".")
    smallest = min(float(text.get("font-size")) for text in root.iter(f"{SVG}text"))
    assert smallest * min(1, PHONE / float(root.get("width"))) >= 12


@pytest.mark.parametrize("theme", diagrams.THEMES)
def test_letters_stand_out_from_every_colour_behind_them(theme: str) -> None:
    ink, *behind = (luminance(colour) for colour in diagrams.THEMES[theme].values())
    for colour in behind:
        dark, light = sorted((ink, colour))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def parts() -> list[tuple[str, int]]:
    """Return the timed parts of the book: each with the range of its chapters or its name, and its minutes."""
    found = []
    for part in yaml.safe_load((paths.ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]:
        files = [chapter["file"] for chapter in part["chapters"]]
        pages = [path for file in files for path in paths.ROOT.glob(f"{file}.*")]
        times = [re.search(r"\*(\d+) minutes\.", page.read_text(encoding="utf-8")) for page in pages]
        numbers = [int(number) for file in files for number in re.findall(r"notebooks/(\d+)", file)]
        name = f"{numbers[0]} to {numbers[-1]}" if numbers else part["caption"]
        found.append((name, sum(int(time[1]) for time in times if time)))
    return [(name, minutes) for name, minutes in found if minutes]


def test_the_way_has_the_parts_of_the_book_and_the_sums_of_their_minutes() -> None:
    shown = boxes("the-way")
    text = alternative_text("the-way")
    assert len(shown) == len(parts())
    for name, minutes in parts():
        (lines,) = [lines for heading, lines in shown.items() if name in heading]
        assert lines[-1] == f"{minutes} minutes"
        assert lines[-1] in text


def test_the_architecture_has_the_apis_and_variables_of_run_yaml() -> None:
    configuration = paths.RUN_YAML.read_text(encoding="utf-8")
    shown = boxes("architecture")
    apis = re.findall(r"\w+", " ".join(shown["http://localhost:8321/v1"]))
    assert set(yaml.safe_load(configuration)["apis"]) <= set(apis)
    variables = [text for text in shown["Models: one variable chooses"] if re.fullmatch("[A-Z_]+", text)]
    assert variables
    assert not [name for name in variables if f"${{env.{name}:+" not in configuration]


def test_the_mental_model_has_the_apis_and_providers_of_run_yaml() -> None:
    configured = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    server = boxes("mental-model")["LlamaStack server"]
    rows = list(batched(server[server.index("where") + 1 :], 3))
    assert {api for api, _, _ in rows} == set(configured["apis"])
    for api, provider, where in rows:
        ids = {re.sub(r"\$\{.*:\+(.*)\}", r"\1", p["provider_id"]): p for p in configured["providers"][api]}
        assert ids[provider]["provider_type"].startswith(f"{where}::")

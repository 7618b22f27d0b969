"""The slides: a whole chapter except its solutions, section by section, without files from other hosts."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.publishing import slides
from llamastack_workshop.publishing.slides import pages
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

FIGURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def sources(notebook: NotebookNode, kind: str) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


def printed(notebook: NotebookNode) -> str:
    return "\n".join(output.text for cell in notebook.cells for output in cell.get("outputs", []))


def a_chapter(*cells: NotebookNode) -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# A chapter\n\n*5 minutes.*"), *cells])


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to which `slides.build` writes in this test."""
    monkeypatch.setattr(paths, "SLIDES", tmp_path / "slides")
    return tmp_path / "slides"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_is_on_its_slides_without_its_solutions(path: Path) -> None:
    chapter = nbformat.read(path, as_version=4)
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    outputs = {cell.id: [new_output("stream", text=f"printed by {cell.id}.")] for cell in code}
    shown = pages.of_chapter(chapter, outputs)

    solutions = [cell for cell in code if "### BEGIN SOLUTION" in cell.source]
    shown_code = sources(shown, "code")
    for cell in solutions:
        solution = re.search(r"BEGIN SOLUTION\n(.*)\n.*END SOLUTION", cell.source, re.DOTALL)[1]
        assert solution not in shown_code
        # Neither the output of the solution nor that of its check.
        after = code[code.index(cell) + 1]
        assert f"printed by {cell.id}." not in printed(shown)
        assert f"printed by {after.id}." not in printed(shown)
    assert "SOLUTION" not in shown_code
    assert shown_code.count("your code here") == len(solutions)
    # The first two code cells contain imports and parameters, and appear on no slide.
    for cell in code[2 : code.index(solutions[0])]:
        assert f"printed by {cell.id}." in printed(shown)
        assert cell.source in shown_code

    prose = sources(shown, "markdown")
    for line in sources(chapter, "markdown").splitlines():
        if line.startswith(("#", "|")) and "](" not in line:
            assert line in prose
    assert "**Sources**" not in prose


def slides_of(chapter: NotebookNode, outputs: dict[str, list[NotebookNode]]) -> list[list[str]]:
    """Return the text of each slide, column by column."""
    deck = BeautifulSoup(slides.deck(chapter, outputs), "html.parser")
    columns = deck.select(".slides > section")
    return [[" ".join(slide.text.split()) for slide in column.find_all("section")] for column in columns]


def test_each_section_is_a_step_to_the_right() -> None:
    chapter = a_chapter(
        new_markdown_cell("## One\n\nText.\n\n### A part\n\n```\n# no heading\n```"),
        new_markdown_cell("## Two\n\n### At once a part\n\nText."),
    )
    assert slides_of(chapter, {}) == [
        ["A chapter 5 minutes."],
        ["One Text.", "One A part # no heading"],
        ["Two", "Two At once a part Text."],
    ]


def test_code_stays_with_the_text_before_it_while_both_are_short() -> None:
    short, long = (new_code_cell("\n".join(["step()"] * lines)) for lines in (2, pages.LINES))
    after = new_code_cell("after()")
    chapter = a_chapter(new_markdown_cell("## One"), short, after, new_markdown_cell("Text."), long)
    outputs = {short.id: [new_output("stream", text=f"{part}\n") for part in ("printed", "bit by bit")]}
    assert slides_of(chapter, outputs)[1] == [
        "One step() step() printed bit by bit",
        "One after()",
        "One Text.",
        "One" + pages.LINES * " step()",
    ]
    assert slides_of(chapter, {})[1][0] == "One step() step() after()"


def test_what_a_cell_prints_is_a_step_of_its_own() -> None:
    code = new_code_cell("print(1)\nprint(2)")
    outputs = {code.id: [new_output("stream", text="1\n"), new_output("stream", text="2\n")]}
    deck = BeautifulSoup(slides.deck(a_chapter(code), outputs), "html.parser")
    (step,) = deck.select(".fragment")
    assert [block.text.split() for block in step.select("pre")] == [["1", "2"]]


def test_a_deck_asks_nobody_but_the_files_beside_it(built: Path) -> None:
    slides.build(["2", "20"], say=lambda _: None)
    for path in built.glob("*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        loaded = [tag.get("src") or tag.get("href") for tag in page.select("[src], link[href]")]
        assert [address for address in loaded if not (built / address).is_file()] == []
        own = "".join(tag.text for tag in page.select("script, style"))
        assert not re.search(r"//[a-z]|@import|url\(", own.replace("// ", ""))
    listed = BeautifulSoup((built / "index.html").read_text(encoding="utf-8"), "html.parser").select("li a")
    assert [link["href"] for link in listed] == ["02-responses-api.html", "20-access-control.html"]


def test_slides_of_one_chapter_leave_those_of_others(built: Path) -> None:
    slides.build(["2"], say=lambda _: None)
    index = slides.build(["routing"], say=lambda _: None)
    assert {path.stem for path in built.glob("*.html")} == {"02-responses-api", "12-routing", "index"}
    assert "The Responses API" in index.read_text(encoding="utf-8")
    assert list(built.parent.iterdir()) == [built]


def test_outputs_are_those_of_unchanged_cells(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "EXECUTED", tmp_path)
    executed = nbformat.read(chapters()[1], as_version=4)
    for number, cell in enumerate(cell for cell in executed.cells if cell.cell_type == "code"):
        cell.outputs = [
            new_output("stream", text=f"printed by cell {number}."),
            new_output("display_data", {"image/png": FIGURE}),
        ]
        if number == 3:
            cell.source += "\n# an older state of the chapter"
    nbformat.write(executed, tmp_path / chapters()[1].name)
    said: list[str] = []
    slides.build(["2"], said.append)
    deck = (built / "02-responses-api.html").read_text(encoding="utf-8")
    assert "printed by cell 2." in deck and "printed by cell 4." in deck
    assert "printed by cell 3." not in deck
    assert f"data:image/png;base64,{FIGURE}" in deck
    assert "make book" in said[-1]


def test_notes_are_the_speakers() -> None:
    one = "## [One](../../notebooks/01-one.ipynb)\n\nSay *this*.\n\n### Then\n\nThat."
    page = f"# Notes\n\nFor all.\n\n{one}\n\n## The end\n\nNo more."
    notes = slides.speaker_notes(page)
    assert notes == {"01-one": "Say *this*.\n\n### Then\n\nThat."}
    deck = BeautifulSoup(slides.deck(a_chapter(), {}, notes["01-one"]), "html.parser")
    (aside,) = deck.select("section section aside.notes")
    assert aside.parent.h1.text == "A chapter"
    assert "Say this." in aside.text


def test_an_unknown_chapter_is_named() -> None:
    with pytest.raises(WorkshopError, match="There is no chapter 'ninety'") as error:
        slides.build(["ninety"], say=lambda _: None)
    assert "Choose a number from 1 to" in error.value.fix
